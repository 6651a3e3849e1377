"""An operation that sleeps as long as its job says."""

from __future__ import annotations

import time

from cloudia.jobs.operation import Operation, Step
from cloudia.jobs.run import Run


class Nap(Operation):
    """One step."""

    kind = "test.nap"
    label = "Sleep"
    transition = "Sleeping"
    transition_code = "sleeping"

    @property
    def steps(self) -> list[Step]:
        """The one."""
        return [Step("sleep", "Sleep", self._sleep)]

    def _sleep(self, run: Run) -> None:
        time.sleep(self.job.params["seconds"])
