"""What the jobs of file systems do."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from django.utils.translation import gettext_lazy as _

from cloudia.accounts.actor import Actor
from cloudia.core.errors import HostUnreachable, OperationFailed
from cloudia.hosts.enums import HostState
from cloudia.jobs.operation import Operation, Step
from cloudia.jobs.run import Run
from storage import policies
from storage.filesystem_places import place_look, sharing_hosts
from storage.models import FileSystem


class CreateFileSystem(Operation):
    """Have the directory of a VirtioFS file system on every host that can share it."""

    kind = "filesystem.create"
    label = _("Share host directory")
    transition = _("Preparing")
    transition_code = "preparing"

    @cached_property
    def filesystem(self) -> FileSystem:
        """The file system, as the database has it at the beginning of this delivery."""
        row = FileSystem.objects.filter(pk=self.job.target_id).first()
        if row is None:
            raise OperationFailed(_("The file system no longer exists."), code="target_gone")
        return row

    @property
    def steps(self) -> Sequence[Step]:
        """Nothing to undo: a directory that was made may have been filled by somebody since."""
        return [Step("directories", _("Look for the directory on every host"), self._ensure_directories)]

    def _ensure_directories(self, run: Run) -> None:
        """What a host answers is kept; one that does not answer is looked at later, by the watcher."""
        for host in sharing_hosts():
            if host.state != HostState.ACTIVE or not host.reachable:
                continue
            try:
                place_look(self.filesystem, host, make=True)
            except HostUnreachable as error:
                run.note(f"{host}: {error}")
            else:
                run.note(f"{host}: mkdir -p {self.filesystem.path}")

    def reopen(self, actor: Actor) -> None:
        """Another try."""
        policies.EDIT_FILESYSTEM.check(self.filesystem, actor)


ALL = (CreateFileSystem,)
