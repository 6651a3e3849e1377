"""Lists inside a form: rows that are added, moved and removed on the page before anything is made."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, cast

from django.forms.formsets import BaseFormSet, formset_factory
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from cloudia.core.errors import FieldError, InputError
from cloudia.core.policy import Text
from instances.service_forms import Problem, ServiceForm

NUMBER = re.compile(r"0|[1-9][0-9]{0,2}")
F = TypeVar("F", bound="Rows")

if TYPE_CHECKING:
    _Rows = BaseFormSet["ServiceForm"]
else:  # Django's class is generic for the type checker alone
    _Rows = BaseFormSet


class Rows(_Rows):
    """Forms of one kind under each other.

    ``path`` is what the service calls the list: its faults are at ``<path>.<number>.<field>``. ``name`` begins the
    names of the controls.
    """

    name: ClassVar[str]
    path: ClassVar[str]
    section: ClassVar[str]  # of the page
    row_form: ClassVar[type[ServiceForm]]
    most: ClassVar[int]
    least: ClassVar[int] = 0  # that many rows can't be removed
    taken = 0  # in the service's list these rows come after so many others

    @classmethod
    def get_default_prefix(cls) -> str:
        """See Django."""
        return cls.name

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        """Every row counts: none is left out for having nothing but what it starts with."""
        return {**super().get_form_kwargs(index), "empty_permitted": False}

    def total_form_count(self) -> int:
        """At least so many as there must be, also when what was sent has lost count."""
        return max(self.least, super().total_form_count())

    @property
    def is_complete(self) -> bool:
        """Whether there is no room for another row."""
        return self.total_form_count() >= self.most

    def label(self, number: int) -> Text:
        """What a row is called in the list of problems; ``number`` counts from 1."""
        return str(number)

    def owns(self, path: str) -> bool:
        """Whether a service's fault is about this list; not if it is about what is ``taken``."""
        number = path.removeprefix(f"{self.path}.").partition(".")[0]
        ours = path == self.path or path.startswith(f"{self.path}.")
        return ours and not (number.isdecimal() and int(number) < self.taken)

    def take(self, error: InputError) -> None:
        """Show what a service found wrong, each at its row and field; what is about no row stands beneath them."""
        for path, problems in error.fields.items():
            if self.owns(path):
                self._take(path.removeprefix(self.path).lstrip("."), problems, error)

    def _take(self, path: str, problems: Sequence[FieldError], error: InputError) -> None:
        number, _dot, field = path.partition(".")
        row = int(number) - self.taken if number.isdecimal() else -1
        if 0 <= row < len(self.forms):
            self.forms[row].take(InputError(error.message, {field: list(problems)}))
        else:
            self.non_form_errors().extend(str(problem.detail) for problem in problems)

    def problems(self) -> Iterator[Problem]:
        """Everything that is wrong, row by row."""
        for number, form in enumerate(self.forms, 1):
            yield from form.problems(self.label(number))
        yield from (Problem(str(error)) for error in self.non_form_errors())


class Judged(Protocol):
    """Part of a form that a service's faults may be about."""

    def is_valid(self) -> bool:
        """Whether it makes sense."""

    def owns(self, path: str) -> bool:
        """Whether a fault is about it."""

    def take(self, error: InputError) -> None:
        """Show what is wrong with it."""

    def problems(self) -> Iterator[Problem]:
        """Everything that is wrong with it."""


class FormWithRows(ServiceForm):
    """A form with lists beside its fields: valid, wrong and judged together."""

    lists: Sequence[Judged]

    def is_valid(self) -> bool:
        """Whether the fields and every row of the lists make sense."""
        wrong = [rows for rows in self.lists if not rows.is_valid()]  # each is asked
        return super().is_valid() and not wrong

    def take(self, error: InputError) -> None:
        """Show what a service found wrong, each at its field or row."""
        own = {path: found for path, found in error.fields.items() if not any(rows.owns(path) for rows in self.lists)}
        if own or not error.fields:
            super().take(InputError(error.message, own))
        for rows in self.lists:
            rows.take(error)

    def problems(self, prefix: Text = "") -> Iterator[Problem]:
        """Everything that is wrong: the fields', then the lists'."""
        yield from super().problems(prefix)
        for rows in self.lists:
            yield from rows.problems()


def rows_of(kind: type[F]) -> type[F]:
    """The formset class of a kind of rows, as Django wants it made."""
    made = formset_factory(
        kind.row_form,
        formset=kind,
        extra=0,
        min_num=kind.least,
        max_num=kind.most,
        absolute_max=kind.most + 1,
    )
    return cast("type[F]", made)


def changed_rows(kind: type[Rows], data: QueryDict, blank: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows as typed, after a press on a button.

    ``add=1`` adds ``blank``, ``remove=2`` takes the third one away, ``up=2`` puts it before the second.
    """
    rows = typed_rows(kind, data)
    removed, raised = pressed(data, "remove"), pressed(data, "up")
    if kind.least <= removed < len(rows):
        del rows[removed]
    elif kind.least < raised < len(rows):
        rows.insert(raised - 1, rows.pop(raised))
    elif "add" in data and len(rows) < kind.most:
        rows.append(dict(blank))
    return rows


def rearranged(data: QueryDict, blanks: Mapping[type[Rows], Mapping[str, Any]]) -> QueryDict:
    """What was sent, after a press on one of the buttons ``add=<list>`` and ``remove=<list>.<number>``.

    For pages that send their whole form for it, which works without scripts. ``blanks`` are new rows, by list.
    """
    button = "add" if "add" in data else "remove"
    name, _dot, number = data.get(button, "").partition(".")
    changed = data.copy()
    for kind, blank in blanks.items():
        if kind.name == name:
            changed[button] = number
            _put(changed, name, changed_rows(kind, changed, blank))
    return changed


def _put(data: QueryDict, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put rows into what was sent, in the place of those that are there."""
    for key in [key for key in data if key.startswith(f"{name}-")]:
        del data[key]
    data[f"{name}-TOTAL_FORMS"], data[f"{name}-INITIAL_FORMS"] = str(len(rows)), "0"
    for number, row in enumerate(rows):
        for key, values in sent(f"{name}-{number}", row).lists():
            data.setlist(key, values)


def sent(prefix: str, values: Mapping[str, Any]) -> MultiValueDict[str, Any]:
    """Values of a form's fields as a browser would send them."""
    lists = {name: value if isinstance(value, list) else [value] for name, value in values.items()}
    return MultiValueDict({f"{prefix}-{name}": value for name, value in lists.items()})


def pressed(data: QueryDict, button: str) -> int:
    """Which row's button it was, or -1."""
    number = data.get(button) or ""
    return int(number) if NUMBER.fullmatch(number) else -1


def typed_rows(kind: type[Rows], data: QueryDict) -> list[dict[str, Any]]:
    """The rows as typed, whatever is wrong with them."""
    total = data.get(f"{kind.name}-TOTAL_FORMS", "")
    count = max(kind.least, min(int(total), kind.most) if NUMBER.fullmatch(total) else 0)
    return [_typed_row(kind, data, f"{kind.name}-{number}") for number in range(count)]


def _typed_row(kind: type[Rows], data: QueryDict, prefix: str) -> dict[str, Any]:
    fields = kind.row_form.base_fields
    return {name: field.widget.value_from_datadict(data, {}, f"{prefix}-{name}") for name, field in fields.items()}
