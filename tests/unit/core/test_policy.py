"""The order of an action's questions, and that the first reason wins."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from cloudia.core.policy import Action, ActionDenied, Denial, Holder, Kind, verdicts


@dataclass
class Door:
    """Something to act on."""

    state: str = "open"
    held_by: Holder | None = None

    @property
    def state_label(self) -> str:
        return self.state.title()


@dataclass
class Person:
    """Somebody who acts."""

    permitted: bool = True

    def may(self, permission: str, obj: object) -> bool:
        return self.permitted


def too_heavy(door: Door, person: Person) -> Denial | None:
    return Denial("too_heavy", "It is too heavy.")


def rusty(door: Door, person: Person) -> Denial | None:
    return Denial("rusty", "It is rusty.")


def close(*rules: object) -> Action:
    return Action("close", "Close", "operate", frozenset({"open"}), "open", list(rules))  # type: ignore[arg-type]


HOLDER = Holder("job", "1", "Paint the door")


@pytest.mark.parametrize(
    ("door", "person", "code"),
    [
        (Door(), Person(), None),
        (Door(state="shut"), Person(), "bad_state"),
        (Door(state="shut", held_by=HOLDER), Person(), "busy"),
        (Door(state="shut", held_by=HOLDER), Person(permitted=False), "permission_denied"),
        (Door(state="a state nobody thought of"), Person(), "bad_state"),
    ],
)
def test_first_reason_wins(door: Door, person: Person, code: str | None) -> None:
    denial = close().denial(door, person)
    assert (denial.code if denial else None) == code


def test_state_is_asked_before_rules_and_rules_in_their_order() -> None:
    action = close(too_heavy, rusty)
    assert [d.code for d in (action.denial(Door(), Person()), action.denial(Door(state="shut"), Person())) if d] == [
        "too_heavy",
        "bad_state",
    ]


def test_busy_names_the_job_in_the_way() -> None:
    denial = close().denial(Door(held_by=HOLDER), Person())
    assert denial is not None
    assert denial.holder == HOLDER
    assert "Paint the door" in str(denial.message)


def test_missing_permission_is_forbidden_and_everything_else_a_conflict() -> None:
    kinds = [
        close().denial(Door(), Person(permitted=False)),
        close().denial(Door(state="shut"), Person()),
        close().denial(Door(held_by=HOLDER), Person()),
    ]
    assert [denial.kind for denial in kinds if denial] == [Kind.FORBIDDEN, Kind.CONFLICT, Kind.CONFLICT]


def test_check_raises_the_denial() -> None:
    with pytest.raises(ActionDenied) as refused:
        close(rusty).check(Door(), Person())
    assert refused.value.denial.code == "rusty"


def test_action_without_states_is_for_every_state() -> None:
    assert Action("knock", "Knock", "view").denial(Door(state="whatever"), Person()) is None


def test_verdicts_are_by_name_in_the_order_given() -> None:
    found = verdicts([close(rusty), Action("knock", "Knock", "view")], Door(), Person())
    assert {name: verdict.allowed for name, verdict in found.items()} == {"close": False, "knock": True}
