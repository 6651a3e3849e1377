"""선호도 그룹: rules about which instances share a host."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.models import Project
from instances.enums import AffinityPolicy
from instances.querysets import AffinityGroupQuerySet

if TYPE_CHECKING:
    from instances.models import Instance  # it has a group


class AffinityGroup(models.Model):
    """Instances that shall run together, or apart. Obeyed when a host is chosen; nothing that has one is moved.

    ``hard``: rather no host than the wrong one. A group that is not ``enabled`` has no effect.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=128)
    description = models.CharField(_("description"), max_length=255, blank=True)
    project = models.ForeignKey(Project, models.PROTECT, related_name="affinity_groups", verbose_name=_("project"))
    policy = models.CharField(_("rule"), max_length=16, choices=AffinityPolicy, default=AffinityPolicy.ANTI_AFFINITY)
    hard = models.BooleanField(_("required"), default=True)
    enabled = models.BooleanField(_("enabled"), default=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    objects = AffinityGroupQuerySet.as_manager()

    class Meta:
        verbose_name = _("affinity group")
        verbose_name_plural = _("affinity groups")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="affinity_group_name_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def title(self) -> str:
        """What it is called and what it does, in one line."""
        return f"{self.name} · {self.get_policy_display()}"

    @property
    def held_by(self) -> None:
        """No job holds a group."""
        return

    @property
    def placed(self) -> list[Instance]:
        """Members that have a host."""
        return [member for member in self.members.all() if member.is_placed]

    @property
    def is_kept(self) -> bool | None:
        """Whether its members are where its rule wants them; None while it has no effect."""
        if not self.enabled:
            return None
        placed = self.placed
        hosts = {member.host_id for member in placed}
        return len(hosts) <= 1 if self.policy == AffinityPolicy.AFFINITY else len(hosts) == len(placed)
