"""One rule, written once: who may do what now, and if not, why not.

An :class:`Action` is read by the service (which enforces it), the toolbar (which shows the reason), the API (which
publishes it) and the admin. Nobody else decides. Modelled on the lifecycle tables of long-lived virtual machine
managers: one function answers with nothing or with a reason, and the same function feeds display and enforcement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

from django.utils.functional import Promise
from django.utils.translation import gettext as _

Text: TypeAlias = str | Promise


class Kind(StrEnum):
    """What a denial means for the one who asked; decides the HTTP status."""

    FORBIDDEN = "forbidden"  # another actor could do it now: 403
    CONFLICT = "conflict"  # this actor could do it later: 409
    UNAVAILABLE = "unavailable"  # what it acts on can't be reached: 503


@dataclass(frozen=True, slots=True)
class Holder:
    """What stands in the way: a running job, the scaling group that owns an instance, a host."""

    type: str
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Denial:
    """A refusal. ``code`` is stable and part of the API's contract; ``message`` is one sentence for people."""

    code: str
    message: Text
    kind: Kind = Kind.CONFLICT
    holder: Holder | None = None


def gone() -> Denial:
    """It was deleted between looking and asking."""
    return Denial("gone", _("It was deleted meanwhile."))


def in_use(holder: Holder) -> Denial:
    """Something depends on it."""
    return Denial("in_use", _("“%(name)s” uses it.") % {"name": holder.name}, holder=holder)


class Actor(Protocol):
    """Whoever asks: a person, a token, a system component."""

    def may(self, permission: str, obj: Any) -> bool:
        """Whether the role of this actor includes ``permission`` on ``obj``."""


class Subject(Protocol):
    """What an action is asked of."""

    @property
    def state(self) -> str:
        """The state the action's allow-list is about."""

    @property
    def state_label(self) -> Text:
        """The same, for people."""

    @property
    def held_by(self) -> Holder | None:
        """The running job that has this object, if any."""


Rule: TypeAlias = Callable[[Any, Any], Denial | None]


@dataclass(eq=False, slots=True)
class Action:
    """Something an actor may do to an object, with every condition for it.

    ``states`` is an allow-list: a state that is added later is refused until someone decides. ``None`` means that
    the object has no states. ``confirm`` is the question a dialog asks first.
    """

    name: str
    label: Text
    permission: str
    states: frozenset[str] | None = None
    states_label: Text = ""
    rules: list[Rule] = field(default_factory=list)
    confirm: Text = ""
    icon: str = ""
    destructive: bool = False

    def denial(self, obj: Any, actor: Actor) -> Denial | None:
        """The first reason why ``actor`` may not do this to ``obj`` now, or None if it may.

        Asked in order: permission, busy, state, rules. Busy comes before state, because while a job runs the state
        is about to change and would make a misleading reason.
        """
        if not actor.may(self.permission, obj):
            return Denial("permission_denied", _("Your role does not allow this."), Kind.FORBIDDEN)
        if holder := obj.held_by:
            message = _("“%(job)s” is in progress. Try again when it has finished.") % {"job": holder.name}
            return Denial("busy", message, holder=holder)
        if self.states is not None and obj.state not in self.states:
            return Denial("bad_state", self._bad_state(obj))
        return next((denial for rule in self.rules if (denial := rule(obj, actor))), None)

    def check(self, obj: Any, actor: Actor) -> None:
        """Raise :class:`ActionDenied` unless ``actor`` may do this to ``obj`` now."""
        if denial := self.denial(obj, actor):
            raise ActionDenied(denial)

    def _bad_state(self, obj: Subject) -> str:
        return _("Only possible when %(wanted)s. It is now: %(state)s.") % {
            "wanted": self.states_label,
            "state": obj.state_label,
        }


class ActionDenied(Exception):
    """An action was refused; ``denial`` says why."""

    def __init__(self, denial: Denial) -> None:
        super().__init__(str(denial.message))
        self.denial = denial


@dataclass(frozen=True, slots=True)
class Verdict:
    """One action as it stands for one object and one actor: what toolbars and the API's ``actions`` show."""

    action: Action
    denial: Denial | None

    @property
    def allowed(self) -> bool:
        """Whether the action may be done now."""
        return self.denial is None


def verdicts(actions: Iterable[Action], obj: Any, actor: Actor) -> dict[str, Verdict]:
    """Every action's verdict by name, in the order given."""
    return {action.name: Verdict(action, action.denial(obj, actor)) for action in actions}
