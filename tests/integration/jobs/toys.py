"""Operations that only write down what they were told to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import User
from cloudia.hosts.models import Host
from cloudia.jobs import registry
from cloudia.jobs.models import Job
from cloudia.jobs.operation import Operation, Step
from cloudia.jobs.run import Run
from cloudia.jobs.services import job_enqueue

Behaviour = Callable[[Run], None]


class Toy(Operation):
    """Three steps: make, fill, start. ``behaviour`` may replace what a step does; ``world`` is what exists."""

    kind = "toy.make"
    label = "Make a toy"
    transition = "Making"
    transition_code = "making"
    backoff_s: ClassVar[Sequence[float]] = (0, 0)
    cancellable = True
    alone: ClassVar[frozenset[str]] = frozenset()
    world: ClassVar[set[str]] = set()
    calls: ClassVar[list[str]] = []
    behaviour: ClassVar[dict[str, Behaviour]] = {}
    outcome: ClassVar[list[str]] = []

    @property
    def steps(self) -> list[Step]:
        """The three."""
        names = ("make", "fill", "start")
        return [Step(name, name.title(), self._do(name), self._undo(name), name in self.alone) for name in names]

    def _do(self, name: str) -> Behaviour:
        def do(run: Run) -> None:
            self.calls.append(name)
            if special := self.behaviour.get(name):
                special(run)
            self.world.add(name)

        return do

    def _undo(self, name: str) -> Behaviour:
        def undo(run: Run) -> None:
            self.calls.append(f"undo {name}")
            if special := self.behaviour.get(f"undo {name}"):
                special(run)
            self.world.discard(name)

        return undo

    def succeeded(self) -> None:
        """Note it."""
        self.outcome.append("succeeded")

    def failed(self) -> None:
        """Note it."""
        self.outcome.append("failed")


@contextmanager
def toys() -> Iterator[type[Toy]]:
    """A fresh Toy, registered while the block lasts."""
    Toy.world, Toy.calls, Toy.behaviour, Toy.outcome, Toy.alone = set(), [], {}, [], frozenset()
    registry.register(Toy)
    yield Toy


def enqueue(actor: Actor | None = None) -> Job:
    """A job on a new host."""
    operator = actor or Actor(User.objects.create_superuser("operator"))
    host = Host.objects.create(name="h1", uri="qemu:///system")
    return job_enqueue(operation=Toy, target=host, actor=operator, params={})
