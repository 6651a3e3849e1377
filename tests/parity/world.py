"""Everything an action's answer may depend on: who asks, and how the instance stands. Taken from the declarations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import Any

from django.db import transaction

from cloudia.accounts.actor import Actor
from cloudia.accounts.enums import Origin, Role
from cloudia.accounts.models import Project, User
from cloudia.core.policy import Action
from instances import edit_services, services
from instances.edits import EditWish
from instances.enums import PowerState
from instances.models import Instance
from tests.factories import (
    HostFactory,
    ImageFactory,
    InstanceFactory,
    MembershipFactory,
    OperatorFactory,
    ProjectFactory,
    UserFactory,
    hold,
)

OUTSIDER, INSTALLATION = "outsider", "installation operator"
SERVICE_OF = {f"service of {origin}": origin for origin in Origin}
ROLES = (*Role.values, INSTALLATION, *SERVICE_OF, OUTSIDER)

# What an action needs to be told beside the instance.
ARGUMENTS: dict[str, dict[str, Any]] = {"edit": {"wish": EditWish(name="renamed")}}


@dataclass(frozen=True)
class Situation:
    """How an instance stands."""

    power_state: PowerState
    busy: bool
    origin: Origin
    reachable: bool

    def __str__(self) -> str:
        return (
            f"{self.power_state} {'busy ' if self.busy else ''}{self.origin} {'' if self.reachable else 'unreachable'}"
        )


# A host that does not answer is one more rule; with one origin and without a job is where it can speak.
SITUATIONS = [Situation(*values, reachable=True) for values in product(PowerState, (False, True), Origin)]
SITUATIONS += [Situation(state, False, Origin.MANUAL, reachable=False) for state in PowerState]


@dataclass
class World:
    """One project, its people, and an instance in every situation."""

    project: Project
    instances: Mapping[Situation, Instance]

    @classmethod
    def make(cls) -> World:
        """In the test's transaction."""
        project, image = ProjectFactory.create(), ImageFactory.create()
        hosts = {True: HostFactory.create(cpus=64), False: HostFactory.create(reachable=False)}
        instances = {}
        for situation in SITUATIONS:
            instance = InstanceFactory.create(
                project=project,
                image=image,
                host=hosts[situation.reachable],
                power_state=situation.power_state,
                origin=situation.origin,
                owner_name="" if situation.origin == Origin.MANUAL else "owner",
                memory_mib=64,
            )
            if situation.busy:
                hold(instance)
            instances[situation] = Instance.objects.for_display().get(pk=instance.pk)
        return cls(project, instances)

    def person(self, role: str) -> User:
        """Somebody who has this role."""
        if role == INSTALLATION:
            return OperatorFactory.create()
        if role == OUTSIDER:
            return UserFactory.create()
        if role in SERVICE_OF:
            account = UserFactory.create(is_service=True, origin=SERVICE_OF[role])
            return MembershipFactory.create(project=self.project, user=account, role=Role.MANAGER).user
        return MembershipFactory.create(project=self.project, role=role).user

    def one_per_answer(self, action: Action, actor: Actor) -> list[tuple[Situation, Instance]]:
        """A situation for every answer there is. Enough for interfaces: that the services they call agree with the
        policy in all situations is asked in test_parity.py."""
        answers = {}
        for situation, instance in self.instances.items():
            denial = action.denial(instance, actor)
            answers[denial and denial.code] = (situation, instance)
        return list(answers.values())


def service_of(action: Action) -> Callable[..., Any]:
    """The service that does an action: named after it."""
    name = f"instance_{action.name}"
    service: Callable[..., Any] = getattr(services, name, None) or getattr(edit_services, name)
    return service


@contextmanager
def undone() -> Iterator[None]:
    """Whatever happens inside never happened."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
