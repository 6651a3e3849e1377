"""What an instance has beside its name and size, on the page that edits it: interfaces that are there, and new ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _

from cloudia.accounts.actor import Actor
from cloudia.core.errors import InputError
from cloudia.core.policy import Denial
from instances import policies
from instances.edit_plan import is_moved
from instances.edits import InterfaceEdit
from instances.models import InstanceInterface
from instances.network_forms import MANUAL, InterfaceForm, InterfaceRows, Offer
from instances.row_forms import rows_of, sent
from instances.service_forms import Problem
from networking.services.interfaces import InterfaceWish

THERE = "nics"  # names every interface that the page has shown


class NicForm(InterfaceForm):
    """An interface that is there. What may not be changed now is no field, and says why in ``fixed``."""

    remove = forms.BooleanField(required=False)

    def __init__(self, data: QueryDict | None, *, link: InstanceInterface, offer: Offer, actor: Actor) -> None:
        self.link = link
        stays = link.state not in (policies.MOVE_INTERFACE.states or ())
        self.fixed: Denial | None = policies.MOVE_INTERFACE.denial(link, actor) if stays else None
        self.kept: Denial | None = policies.REMOVE_INTERFACE.denial(link, actor)
        prefix, now = f"nic-{link.interface_id}", _now(link)
        only = ["security_groups", "remove"] if self.fixed else []
        sent_now = None if data is None else _completed(data, link, prefix, now)
        super().__init__(sent_now, prefix=prefix, initial=now, offer=offer, only=only)

    @property
    def is_removed(self) -> bool:
        """Whether it is to go."""
        return bool(self["remove"].value())

    @property
    def is_changed(self) -> bool:
        """Whether it is to go, or to be different."""
        nic, wish = self.link.interface, self.edit().wish
        return self.is_removed or is_moved(nic, wish) or set(wish.security_groups) != set(nic.security_groups.all())

    def edit(self) -> InterfaceEdit:
        """How it shall be; as it is, as far as what was entered makes no sense."""
        data, nic = getattr(self, "cleaned_data", {}), self.link.interface
        makes_sense = {"subnet", "ip_address"} <= data.keys()
        place = {"subnet": data["subnet"], "address": data["ip_address"]} if makes_sense else {"subnet": nic.subnet}
        groups = data.get("security_groups", nic.security_groups.all())
        wish = InterfaceWish(**place, security_groups=tuple(groups))
        return InterfaceEdit(wish=wish, link=self.link)


def _completed(data: QueryDict, link: InstanceInterface, prefix: str, now: dict[str, Any]) -> QueryDict:
    """What was sent about an interface, and for what the page did not show, what there is now."""
    shown = str(link.interface_id) in data.getlist(THERE)
    completed = data.copy()
    for key, values in sent(prefix, now).lists():
        if not shown or not key.endswith("security_groups"):  # ticked boxes alone are sent
            completed.setlistdefault(key, values)
    return completed


def _now(link: InstanceInterface) -> dict[str, Any]:
    """An interface as its form starts."""
    nic = link.interface
    groups = [str(group.pk) for group in nic.security_groups.all()]
    return {"subnet": str(nic.subnet_id), "assignment": MANUAL, "ip_address": nic.address, "security_groups": groups}


class Nics:
    """The interfaces that are there, in the order of the service's list, where those that go are missing."""

    path = InterfaceRows.path

    def __init__(
        self, data: QueryDict | None, *, links: Sequence[InstanceInterface], offer: Offer, actor: Actor
    ) -> None:
        self.forms = [NicForm(data, link=link, offer=offer, actor=actor) for link in links]

    @property
    def staying(self) -> list[NicForm]:
        """Those that do not go."""
        return [form for form in self.forms if not form.is_removed]

    @property
    def are_changed(self) -> bool:
        """Whether one of them is."""
        return any(form.is_changed for form in self.forms)

    def edits(self) -> tuple[InterfaceEdit, ...]:
        """How those that stay shall be."""
        return tuple(form.edit() for form in self.staying)

    def is_valid(self) -> bool:
        """Whether all of them make sense. What goes need not."""
        wrong = [form for form in self.staying if not form.is_valid()]
        return not wrong

    def owns(self, path: str) -> bool:
        """Whether a service's fault is about one of them."""
        return self._place(path) is not None

    def take(self, error: InputError) -> None:
        """Show what a service found wrong, each at its interface and field."""
        for path, problems in error.fields.items():
            if place := self._place(path):
                form, field = place
                form.take(InputError(error.message, {field: problems}))

    def _place(self, path: str) -> tuple[NicForm, str] | None:
        name, _dot, rest = path.partition(".")
        number, _dot, field = rest.partition(".")
        staying = self.staying
        if name != self.path or not number.isdecimal() or int(number) >= len(staying):
            return None
        return staying[int(number)], field

    def problems(self) -> Iterator[Problem]:
        """Everything that is wrong, one after the other."""
        for form in self.staying:
            yield from form.problems(form.link.name)


class NewInterfaceRows(InterfaceRows):
    """Interfaces to be added; in the service's list after those that are there."""

    least = 0

    def label(self, number: int) -> str:
        """As the section calls it."""
        return _("New interface %(number)s:") % {"number": number}

    def edits(self) -> tuple[InterfaceEdit, ...]:
        """Those that make sense."""
        rows = cast("list[InterfaceForm]", self.forms)
        return tuple(InterfaceEdit(wish=form.wish()) for form in rows if not form.errors)


NewInterfaceFormSet = rows_of(NewInterfaceRows)
