"""What a job does, declared: a kind, and steps that each know how to be undone.

Every step is an ``ensure_*``: it looks first and acts only if needed, so running it twice is harmless; a job whose
worker died is simply run again from its first step. An undo is written the same way. Which undos are due is read
from the JobStep rows, so a crash between doing and undoing loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from cloudia.accounts.actor import Actor
from cloudia.core.errors import CloudiaError
from cloudia.core.policy import Text
from cloudia.jobs.models import Job, Lockable

if TYPE_CHECKING:
    from cloudia.jobs.run import Run


class Wait(Exception):  # not an error: a step's way to give its worker back
    """Look again in so many seconds; meanwhile the worker serves others."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Cancelled(CloudiaError):
    """The job was asked to stop and can."""

    code = "cancelled"


@dataclass(frozen=True, slots=True)
class Step:
    """``do`` makes something so; ``undo`` makes as if it had never been, also when ``do`` did nothing or half.

    One that stands ``alone`` and fails is undone alone: the others go on, and what they did stays. In the end the job
    has failed, saying of each step what came of it.
    """

    name: str
    label: Text
    do: Callable[[Run], None]
    undo: Callable[[Run], None] | None = None
    alone: bool = False


class Operation:
    """Base of every operation kind. One instance lives for one delivery of one job."""

    kind: ClassVar[str]  # append-only: kinds of finished jobs are never renamed
    label: ClassVar[Text]
    transition: ClassVar[Text]  # what the target's status says meanwhile: 켜지는 중
    transition_code: ClassVar[str]  # the same for the API: "starting"
    backoff_s: ClassVar[Sequence[float]] = (1, 2, 5, 10, 20)  # waits before trying again after transient errors
    cancellable: ClassVar[bool] = False
    repeatable: ClassVar[bool] = True  # whether a failed one can be tried again as it was asked for

    def __init__(self, job: Job) -> None:
        self.job = job

    @property
    def steps(self) -> Sequence[Step]:
        """The steps in order; what destroys data comes last."""
        raise NotImplementedError  # each subclass has its own

    def prepare(self) -> None:
        """Re-check against what is observed now, changing nothing. Raise to fail the job before its first step."""

    def succeeded(self) -> None:
        """Record success in the same transaction that ends the job."""

    def failed(self) -> None:
        """Record failure or cancellation, after the undos, in the same transaction that ends the job."""

    def reopen(self, actor: Actor) -> None:
        """Check and record again what the service did when this was first asked for, for another try.

        Called in the retry's transaction with the target's row locked; raise ActionDenied or NoCapacity to refuse.
        """

    def also_lock(self, target: Lockable) -> Sequence[Lockable]:
        """What else this operation holds besides its target."""
        return ()

    @classmethod
    def step_label(cls, name: str) -> Text:
        """The label of a step by its name; old rows may have names that are gone."""
        return cls.step_labels().get(name, name)

    @classmethod
    def step_labels(cls) -> dict[str, Text]:
        """Labels by step name."""
        return {step.name: step.label for step in cls(Job(kind=cls.kind)).steps}
