"""What people change about their own account."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from cloudia.accounts.models import ApiToken
from cloudia.core.errors import InputError

LIVES_DAYS = (7, 30, 90, 365)


def lives() -> list[tuple[int, str]]:
    """How long a token may live, in the reader's language."""
    return [(days, ngettext("%(n)s day", "%(n)s days", days) % {"n": days}) for days in LIVES_DAYS]


class TokenForm(forms.Form):
    """A new API token."""

    name = forms.CharField(label=_("Name"), max_length=128, help_text=_("What it is for, so that you know it later."))
    scope = forms.ChoiceField(label=_("Scope"), choices=ApiToken.Scope, initial=ApiToken.Scope.WRITE)
    days = forms.TypedChoiceField(
        label=_("Valid for"),
        coerce=int,
        initial=90,
        choices=lives,
    )

    def wish(self) -> dict[str, Any]:
        """What the service is asked for. Of a valid form."""
        data = self.cleaned_data
        expires_at = timezone.now() + timedelta(days=data["days"])
        return {"name": data["name"], "scope": data["scope"], "expires_at": expires_at}

    def take(self, error: InputError) -> None:
        """Show what the service found wrong, each at its field."""
        for path, problems in error.fields.items():
            for problem in problems:
                self.add_error({"expires_at": "days"}.get(path, path) or None, str(problem.detail))
