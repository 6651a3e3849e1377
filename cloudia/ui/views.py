"""The way in, and home."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_not_required, login_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from cloudia.ui import nav

REMEMBER_S = 14 * 24 * 3600


class LoginForm(AuthenticationForm):
    """Name, password, and whether to stay logged in on this device."""

    error_messages = {
        "invalid_login": format_lazy(
            _("The username or password is wrong. After {tries} wrong tries you cannot log in for {minutes} minutes."),
            tries=settings.AXES_FAILURE_LIMIT,
            minutes=round(settings.AXES_COOLOFF_TIME * 60),
        ),
        "inactive": _("This account is inactive."),
    }
    remember = forms.BooleanField(label=_("Stay logged in on this device (14 days)"), required=False)


@method_decorator(login_not_required, name="dispatch")
class Login(LoginView):
    """The login page. The session ends after its usual age unless the person asked to be remembered."""

    authentication_form = LoginForm
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        """Log in, and remember for 14 days if asked to."""
        response = super().form_valid(form)
        if form.cleaned_data["remember"]:
            self.request.session.set_expiry(REMEMBER_S)
        return response


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The first page of the navigation."""
    return redirect(nav.entries_for(request)[0].url_name)
