"""What can be asked of instances and their types."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Prefetch, Q

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import Project
from cloudia.core.ids import is_uuid
from cloudia.core.querysets import ProjectQuerySet, id_is
from instances.enums import DesiredState, PowerState
from networking.models import NetworkInterface

if TYPE_CHECKING:
    # They are made from these.
    from instances.affinity_models import AffinityGroup  # noqa: F401
    from instances.launch_templates import LaunchTemplate  # noqa: F401
    from instances.models import Instance, InstanceType  # noqa: F401


ADDRESS = re.compile(r"[0-9]{1,3}(\.[0-9]{0,3}){1,3}")  # the beginning of an IPv4 address


class InstanceQuerySet(ProjectQuerySet["Instance"]):
    """Instances belong to a project."""

    def for_policies(self) -> Self:
        """With everything that policies and a status need, in one query."""
        return self.select_related("host", "current_job", "project")

    def for_display(self) -> Self:
        """With everything that pages and API show: also its networks, in one query more."""
        return self._with(self._interfaces.select_related("interface__subnet__vpc"))

    def for_rows(self) -> Self:
        """With everything that a line of a list shows: of its networks the addresses alone."""
        return self._with(
            self._interfaces.select_related("interface").only("instance", "position", "interface__address")
        )

    @property
    def _interfaces(self) -> models.QuerySet[Any]:
        links: Any = self.model._meta.get_field("interfaces").related_model
        rows: models.QuerySet[Any] = links.objects.all()
        return rows

    def _with(self, links: models.QuerySet[Any]) -> Self:
        return self.for_policies().prefetch_related(Prefetch("interfaces", queryset=links))

    def matching(self, text: str) -> Self:
        """Those whose name contains ``text``, or whose id, short id or IP address begins with it."""
        found = Q(name__icontains=text) | Q(short_id__istartswith=text)
        if is_uuid(text):
            found |= Q(pk=text)
        if ADDRESS.fullmatch(text):
            found |= Q(pk__in=NetworkInterface.objects.matching(text).values("owner_id"))
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

    def offered_in(self, project: Project | None) -> Self:
        """What the project's list shows: its own and the public ones."""
        return self.filter(Q(project=None) | Q(project=project))

    def usable_in(self, project: Project) -> Self:
        """What an instance of ``project`` can be made of now."""
        return self.offered_in(project).filter(active=True)


class AffinityGroupQuerySet(ProjectQuerySet["AffinityGroup"]):
    """Affinity groups belong to a project."""

    def for_display(self) -> Self:
        """With project and members, those with what says where they are."""
        members: Any = self.model._meta.get_field("members").related_model
        rows = members.objects.order_by("name", "pk").only(
            "name", "host_id", "power_state", "current_job_id", "affinity_group_id"
        )
        return self.select_related("project").prefetch_related(Prefetch("members", queryset=rows))

    def matching(self, text: str) -> Self:
        """Those whose name contains ``text``, or whose id it is."""
        found = Q(name__icontains=text)
        return self.filter(found | Q(pk=text) if is_uuid(text) else found)


class LaunchTemplateQuerySet(ProjectQuerySet["LaunchTemplate"]):
    """Launch templates belong to a project."""

    def for_display(self) -> Self:
        """With whose they are, and how many instances were made of each."""
        return self.select_related("project", "created_by").annotate(made=models.Count("instances"))

    def matching(self, text: str) -> Self:
        """Those whose name or description contains ``text``, or whose id it is."""
        return self.filter(Q(name__icontains=text) | Q(description__icontains=text) | id_is(text))
