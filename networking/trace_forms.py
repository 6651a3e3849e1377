"""What "왜 막혔나요?" asks, and which interfaces it offers: some at once, narrowed by a search where there are many."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import Project
from cloudia.core.errors import InputError
from cloudia.core.ids import is_uuid
from networking.enums import Protocol
from networking.models import NetworkInterface
from networking.querysets import InterfaceQuerySet

AT_ONCE = 100  # interfaces to choose from; a search finds the others

Choices = list[tuple[str, list[tuple[str, str]]]]


def interfaces_of(actor: Actor, project: Project) -> InterfaceQuerySet:
    """A project's interfaces, in the order in which people look for them."""
    rows = NetworkInterface.objects.visible_to(actor).filter(project=project).select_related("subnet__vpc", "project")
    return rows.order_by("subnet__vpc__name", "owner_name", "created_at", "pk")


class TraceForm(forms.Form):
    """Where a packet starts, where it shall go, and what it is."""

    source = forms.ModelChoiceField(NetworkInterface.objects.none(), label=_("Sender"))
    destination = forms.ModelChoiceField(NetworkInterface.objects.none(), label=_("Receiver"), required=False)
    address = forms.CharField(label=_("Receiver's IP address"), required=False, max_length=45)
    protocol = forms.ChoiceField(
        label=_("Protocol"), choices=[(p.value, p.label) for p in Protocol if p.value != "any"]
    )
    port = forms.IntegerField(label=_("Port"), required=False)

    def __init__(self, data: Any = None, *, rows: InterfaceQuerySet, search: str = "", **options: Any) -> None:
        super().__init__(data, **options)
        self.fields["port"].widget = forms.TextInput({"inputmode": "numeric", "size": 6, "autocomplete": "off"})
        self.total = rows.count()
        found = list((rows.matching(search) if search else rows)[:AT_ONCE])
        for name, empty in (("source", _("Choose an interface")), ("destination", _("Enter an address"))):
            field: Any = self.fields[name]
            field.queryset = rows
            chosen = [row for row in self._chosen(name, rows) if row not in found]
            field.choices = [("", empty), *_by_vpc([*chosen, *found])]

    @property
    def is_long(self) -> bool:
        """Whether there are more interfaces than are offered at once."""
        return self.total > AT_ONCE

    def take(self, error: InputError) -> None:
        """Show what the service found wrong, each at its field."""
        for path, problems in error.fields.items():
            self.add_error(path or None, [str(problem.detail) for problem in problems])

    def wish(self) -> dict[str, Any]:
        """What the service is asked for. Of a valid form."""
        return {
            **self.cleaned_data,
            "address": "" if self.cleaned_data["destination"] else self.cleaned_data["address"],
        }

    def _chosen(self, name: str, rows: InterfaceQuerySet) -> list[NetworkInterface]:
        """What is chosen stays offered, whatever the search finds."""
        chosen = str(self[name].value() or "")
        return list(rows.filter(pk=chosen)) if is_uuid(chosen) else []


def _by_vpc(rows: list[NetworkInterface]) -> Choices:
    ordered = sorted(rows, key=lambda row: (row.subnet.vpc.name, row.owner_name))
    return [
        (name, [(str(row.pk), f"{row.owner_name} · {row.address}") for row in some])
        for name, some in groupby(ordered, key=lambda row: row.subnet.vpc.name)
    ]
