"""What can be asked of instances and their types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import Project
from cloudia.core.ids import is_uuid
from cloudia.core.querysets import ProjectQuerySet
from instances.enums import DesiredState, PowerState

if TYPE_CHECKING:
    from instances.models import Instance, InstanceType  # noqa: F401  # they are made from these


class InstanceQuerySet(ProjectQuerySet["Instance"]):
    """Instances belong to a project."""

    def for_display(self) -> Self:
        """With everything that a list row or a status needs, in one query."""
        return self.select_related("host", "current_job", "project")

    def matching(self, text: str) -> Self:
        """Those whose name contains ``text``, or whose id or short id begins with it."""
        found = Q(name__icontains=text) | Q(short_id__istartswith=text)
        if is_uuid(text):
            found |= Q(pk=text)
        return self.filter(found)

    def claiming_resources(self) -> Self:
        """Those that have vCPUs and memory of a host: running, or a job is about to run them."""
        starting = Q(desired_state=DesiredState.RUNNING, current_job__isnull=False)
        return self.filter(Q(power_state__in=[PowerState.RUNNING, PowerState.PAUSED]) | starting)


class InstanceTypeQuerySet(models.QuerySet["InstanceType"]):
    """Public types are everybody's, the others their project's."""

    def visible_to(self, actor: Actor) -> Self:
        """Public ones and those of the actor's projects."""
        return self.all() if actor.is_operator else self.filter(Q(project=None) | Q(project__in=actor.project_ids))

    def usable_in(self, project: Project) -> Self:
        """What an instance of ``project`` can be made of now."""
        return self.filter(Q(project=None) | Q(project=project), active=True)
