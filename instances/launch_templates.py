"""Launch templates: how an instance shall be made, kept under a name."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.models import Project, User
from instances.querysets import LaunchTemplateQuerySet


class LaunchTemplate(models.Model):
    """시작 템플릿. ``content`` is the body of a request for an instance as the API takes it, without what belongs to
    one instance alone and without secrets: see :func:`instances.request_body.content_of`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=128)
    description = models.CharField(_("description"), max_length=255, blank=True)
    project = models.ForeignKey(Project, models.PROTECT, related_name="launch_templates", verbose_name=_("project"))
    created_by = models.ForeignKey(
        User, models.SET_NULL, null=True, related_name="+", editable=False, verbose_name=_("created by")
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    content = models.JSONField(_("content"), default=dict, editable=False)

    objects = LaunchTemplateQuerySet.as_manager()

    class Meta:
        verbose_name = _("launch template")
        verbose_name_plural = _("launch templates")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="template_name_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def short_id(self) -> str:
        """A readable id."""
        return f"lt-{self.id.hex[:8]}"

    @property
    def held_by(self) -> None:
        """No job holds a template."""
        return
