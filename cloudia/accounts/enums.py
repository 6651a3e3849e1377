"""Roles, the permissions they include, and who may have made an instance."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Permission(models.TextChoices):
    """What an action may require."""

    VIEW = "view", _("View")
    OPERATE = "operate", _("Operate")  # power, console
    MANAGE = "manage", _("Manage")  # create, edit, delete
    ADMINISTER = "administer", _("Administer")  # what belongs to the installation: hosts, storage domains


class Role(models.TextChoices):
    """What a member may do in a project."""

    VIEWER = "viewer", _("Viewer")
    OPERATOR = "operator", _("Operator")
    MANAGER = "manager", _("Manager")

    @property
    def permissions(self) -> frozenset[Permission]:
        """Everything this role may do; each role includes the one before."""
        return ROLE_PERMISSIONS[self]


ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset({Permission.VIEW}),
    Role.OPERATOR: frozenset({Permission.VIEW, Permission.OPERATE}),
    Role.MANAGER: frozenset({Permission.VIEW, Permission.OPERATE, Permission.MANAGE}),
}


class Origin(models.TextChoices):
    """생성 방식: who makes and manages an instance.

    A service account may act for one origin, a person only for MANUAL.
    """

    MANUAL = "manual", _("Manual")
    AUTOSCALING = "autoscaling", _("Auto scaling group")
    KUBERNETES = "kubernetes", _("Kubernetes")

    @property
    def icon(self) -> str:
        """Name in the icon sprite."""
        return {"manual": "user", "autoscaling": "arrows-maximize", "kubernetes": "steering-wheel"}[self.value]


class Outcome(models.TextChoices):
    """How a request of a person or token ended, for the audit trail."""

    DONE = "done", _("Done")
    ACCEPTED = "accepted", _("Accepted")  # a job was queued
    REFUSED = "refused", _("Refused")
