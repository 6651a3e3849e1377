"""Faults on demand: a worker killed, or an error, before or after a step of an operation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cloudia.jobs.models import Job
from cloudia.jobs.operation import Operation, Step
from cloudia.jobs.run import Run
from cloudia.jobs.runner import run_job


class Killed(BaseException):
    """Stands for kill -9: nothing after it runs, not even the runner's own handling."""


def points(operations: Iterable[type[Operation]]) -> list[Any]:
    """Before and after every step of every operation, as parameters of a test."""
    return [
        pytest.param(operation, step, when, id=f"{operation.kind}-{step}-{when}")
        for operation in operations
        for step in operation.step_labels()
        for when in ("before", "after")
    ]


def sabotage(
    monkeypatch: pytest.MonkeyPatch,
    operation: type[Operation],
    name: str,
    when: str,
    error: BaseException,
    times: int,
) -> None:
    """Let ``error`` happen ``when`` the step ``name`` is done, so many times."""
    honest = operation.steps.fget  # type: ignore[attr-defined]  # it is a property
    left = [times]

    def broken(step: Step) -> Step:
        def do(run: Run) -> None:
            if when == "after":
                step.do(run)
            if left[0]:
                left[0] -= 1
                raise error
            if when == "before":
                step.do(run)

        return replace(step, do=do)

    def steps(self: Operation) -> list[Step]:
        return [broken(step) if step.name == name else step for step in honest(self)]

    monkeypatch.setattr(operation, "steps", property(steps))


def deliver_past_the_kill(job_id: str) -> None:
    """Deliver a job; if its worker is killed, let its lease run out."""
    try:
        run_job(job_id)
    except Killed:
        Job.objects.filter(pk=job_id).update(lease_until=timezone.now() - timedelta(seconds=1))
