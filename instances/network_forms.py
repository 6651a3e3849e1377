"""Network interfaces as forms: the rows of the create page, and the dialogs about one interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar, cast

from django import forms
from django.db.models import Count
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from cloudia.accounts.models import Project
from instances.row_forms import Rows, changed_rows, rows_of
from instances.service_forms import ServiceForm
from networking.models import VPC, SecurityGroup, Subnet
from networking.models.resources import Resource
from networking.services.interfaces import MAX_INTERFACES, InterfaceWish

R = TypeVar("R", bound=Resource)
PREFIX = "interfaces"  # of the rows' fields, and of the service's paths: interfaces.0.ip_address
AUTOMATIC, MANUAL = "auto", "manual"


def free_addresses(subnet: Subnet) -> int:
    """How many interfaces a subnet of an :class:`Offer` can still take."""
    used: int = subnet.used  # type: ignore[attr-defined]  # annotated
    return max(0, subnet.capacity - used)


@dataclass(frozen=True)
class Offer:
    """What an interface can be connected to and guarded by; read once for all rows of a form."""

    subnets: Sequence[Subnet]
    groups: Sequence[SecurityGroup]

    @classmethod
    def of(cls, project: Project, vpc: VPC | None = None) -> Offer:
        """Subnets of a project, or of one VPC of it, by VPC and name; its security groups, the default one first."""
        subnets = project.subnets.select_related("vpc").annotate(used=Count("interfaces"))
        if vpc:
            subnets = subnets.filter(vpc=vpc)
        groups = project.security_groups.order_by("-is_default", "name")
        return cls(list(subnets.order_by("vpc__name", "vpc_id", "name")), list(groups))

    def subnet(self, pk: Any) -> Subnet:
        """One of them, for a form. Raises ValueError for others."""
        return _one_of(self.subnets, pk)

    def group(self, pk: Any) -> SecurityGroup:
        """One of them, for a form. Raises ValueError for others."""
        return _one_of(self.groups, pk)

    @property
    def usual(self) -> dict[str, Any]:
        """What a new row starts with: the first subnet with room, an automatic address, the default group."""
        subnet = next((str(row.pk) for row in self.subnets if free_addresses(row)), "")
        groups = [str(row.pk) for row in self.groups if row.is_default]
        return {"subnet": subnet, "assignment": AUTOMATIC, "ip_address": "", "security_groups": groups}

    @property
    def full(self) -> frozenset[str]:
        """Subnets that have no address left."""
        return frozenset(str(row.pk) for row in self.subnets if not free_addresses(row))

    @property
    def subnet_choices(self) -> list[Any]:
        """Subnets below the names of their VPCs, for a select."""
        by_vpc = groupby(self.subnets, key=lambda row: row.vpc)
        found = [(vpc.name, [(str(row.pk), _described(row)) for row in rows]) for vpc, rows in by_vpc]
        return [("", _("Choose a subnet")), *found]

    @property
    def group_choices(self) -> list[Any]:
        """Security groups, for checkboxes."""
        return [(str(row.pk), row.name) for row in self.groups]


def _one_of(rows: Sequence[R], pk: Any) -> R:
    try:
        return next(row for row in rows if str(row.pk) == str(pk))
    except StopIteration:
        raise ValueError(pk) from None


def _described(subnet: Subnet) -> str:
    """``subnet-app · 10.20.1.0/24 · 189 addresses left``."""
    left = free_addresses(subnet)
    words = ngettext("%(n)s address left", "%(n)s addresses left", left) % {"n": left} if left else _("No address left")
    return f"{subnet.name} · {subnet.cidr} · {words}"


class SubnetSelect(forms.Select):
    """Subnets by VPC; a full one is shown but can't be chosen anew."""

    full: frozenset[str] = frozenset()

    def create_option(self, name: str, value: Any, label: Any, selected: bool, *rest: Any, **more: Any) -> Any:
        """An option; its label says why it can't be chosen."""
        option = super().create_option(name, value, label, selected, *rest, **more)
        if str(value) in self.full and not selected:
            option["attrs"]["disabled"] = True
        return option


class InterfaceForm(ServiceForm):
    """One interface: where it is, its address, what guards it. A dialog asks for some of these only."""

    subnet = forms.TypedChoiceField(label=gettext_lazy("Subnet"), widget=SubnetSelect)
    assignment = forms.ChoiceField(
        label=gettext_lazy("IP assignment"),
        choices=[
            (AUTOMATIC, pgettext_lazy("IP assignment", "Automatic")),
            (MANUAL, pgettext_lazy("IP assignment", "Manual")),
        ],
        required=False,
        widget=forms.RadioSelect,
    )
    ip_address = forms.CharField(
        label=gettext_lazy("IP address"),
        required=False,
        max_length=64,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false", "inputmode": "decimal"}),
    )
    security_groups = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Security groups"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, offer: Offer, only: Sequence[str] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self.offer = offer
        subnet, groups = cast(Any, self.fields["subnet"]), cast(Any, self.fields["security_groups"])
        subnet.choices, subnet.coerce, subnet.widget.full = offer.subnet_choices, offer.subnet, offer.full
        groups.choices, groups.coerce = offer.group_choices, offer.group
        for name in set(self.fields) - set(only or self.fields):
            del self.fields[name]

    def clean(self) -> dict[str, Any]:
        """An automatic address is not typed; a manual one must be."""
        data = self.cleaned_data
        if "ip_address" in data and data.get("assignment") != MANUAL:
            data["ip_address"] = ""
        elif "ip_address" in data and not data["ip_address"]:
            self.add_error("ip_address", _("Enter an IP address."))
        return data

    def known(self) -> dict[str, Any]:
        """What is filled in and makes sense; of a form not sent, what it starts with."""
        if self.is_bound:
            return getattr(self, "cleaned_data", {})
        start = {**self.initial}
        by_pk: dict[str, Resource] = {str(row.pk): row for row in (*self.offer.subnets, *self.offer.groups)}
        groups = [by_pk[pk] for pk in start.get("security_groups") or () if pk in by_pk]
        address = start.get("ip_address", "") if start.get("assignment") == MANUAL else ""
        return {"subnet": by_pk.get(start.get("subnet", "")), "ip_address": address, "security_groups": groups}

    def wish(self) -> InterfaceWish:
        """What the service is asked for. Of a valid form with all fields."""
        data = self.cleaned_data
        return InterfaceWish(
            subnet=data["subnet"], address=data["ip_address"], security_groups=tuple(data["security_groups"])
        )


class InterfaceRows(Rows):
    """The interfaces of a new instance; the first is the primary one."""

    name = path = PREFIX
    section = "network"
    row_form = InterfaceForm
    least, most = 1, MAX_INTERFACES

    def __init__(
        self, data: QueryDict | None = None, *, offer: Offer, rows: Sequence[Mapping[str, Any]] | None = None
    ) -> None:
        self.offer = offer
        super().__init__(data, initial=[offer.usual] if rows is None else list(rows), form_kwargs={"offer": offer})

    def label(self, number: int) -> str:
        """As the section and, later, the instance's page call it."""
        return f"nic-{number}"

    @property
    def vpc(self) -> VPC | None:
        """Where the instance will be: the first row's subnet decides."""
        subnet = self.known()[0].get("subnet")
        return subnet.vpc if subnet else None

    def known(self) -> list[dict[str, Any]]:
        """Each row as far as it is known."""
        return [form.known() for form in cast("list[InterfaceForm]", self.forms)]

    def wishes(self) -> tuple[InterfaceWish, ...]:
        """What the service is asked for. Of valid rows."""
        return tuple(form.wish() for form in cast("list[InterfaceForm]", self.forms))


InterfaceFormSet = rows_of(InterfaceRows)


def changed_interfaces(data: QueryDict, offer: Offer) -> list[dict[str, Any]]:
    """The rows after a press on a button; a new one is most likely in the VPC of the first."""
    blank = {**offer.usual, "subnet": data.get(f"{PREFIX}-0-subnet") or offer.usual["subnet"]}
    return changed_rows(InterfaceFormSet, data, blank)
