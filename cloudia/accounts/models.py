"""People, projects, memberships, tokens, and what was asked by whom."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.enums import Origin, Outcome, Role
from cloudia.core.querysets import ProjectQuerySet

USERNAME = RegexValidator(
    r"\A[a-z0-9][a-z0-9._-]*\Z", _("Use lower-case letters, digits, dots, dashes and underscores.")
)


class UserManager(BaseUserManager["User"]):
    """Makes users; Django's own commands call ``create_superuser``."""

    def create_user(self, username: str, password: str | None = None, **fields: Any) -> User:
        """A user with a hashed password; without one it can't log in by password."""
        user = self.model(username=username, **fields)
        user.set_password(password)
        user.full_clean(exclude=["password"])
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, password: str | None = None, **fields: Any) -> User:
        """An operator of the installation."""
        return self.create_user(username, password, is_operator=True, **fields)


class User(AbstractBaseUser):
    """A person, or a service account when ``origin`` is set."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    username = models.CharField(_("user name"), max_length=64, unique=True, validators=[USERNAME])
    display_name = models.CharField(_("display name"), max_length=128, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    is_operator = models.BooleanField(
        _("operator"), default=False, help_text=_("May see every project and manage hosts, storage and accounts.")
    )
    is_active = models.BooleanField(_("active"), default=True)
    is_service = models.BooleanField(_("service account"), default=False, help_text=_("Uses tokens; can't log in."))
    origin = models.CharField(
        _("acts for"),
        max_length=16,
        choices=Origin,
        default=Origin.MANUAL,
        help_text=_("A service account may own the instances of one origin."),
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    objects = UserManager()
    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        ordering = ["username"]
        constraints = [
            models.CheckConstraint(
                name="only_service_accounts_have_an_origin",
                condition=models.Q(is_service=True) | models.Q(origin=Origin.MANUAL),
                violation_error_message=_("Only a service account can act for an origin."),
            ),
        ]

    def __str__(self) -> str:
        return self.display_name or self.username

    @property
    def account_id(self) -> uuid.UUID:
        """A user belongs to itself: see ``Actor.may``."""
        return self.id

    @property
    def held_by(self) -> None:
        """No job holds a user."""
        return

    @property
    def is_staff(self) -> bool:
        """Django-admin is for operators."""
        return self.is_operator

    @property
    def is_superuser(self) -> bool:
        """Operators hold every model permission of django-admin; actions are still decided by policies."""
        return self.is_operator

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Django-admin's question."""
        return self.is_active and self.is_operator

    def has_module_perms(self, app_label: str) -> bool:
        """Django-admin's question."""
        return self.is_active and self.is_operator


class ProjectsQuerySet(ProjectQuerySet["Project"]):
    """A project is visible to its members."""

    project_field = "pk"


class Project(models.Model):
    """A tenant: owns instances, volumes and networks."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=128, unique=True)
    description = models.TextField(_("description"), blank=True, max_length=2000)
    members = models.ManyToManyField(User, through="Membership", related_name="projects")
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    objects = ProjectsQuerySet.as_manager()

    class Meta:
        verbose_name = _("project")
        verbose_name_plural = _("projects")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def project_id(self) -> uuid.UUID:
        """A project is its own scope, so permissions are asked of it like of anything inside it."""
        return self.id

    @property
    def held_by(self) -> None:
        """No job holds a project."""
        return


class Membership(models.Model):
    """A user's role in a project."""

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships", verbose_name=_("user"))
    project = models.ForeignKey(Project, models.CASCADE, related_name="memberships", verbose_name=_("project"))
    role = models.CharField(_("role"), max_length=16, choices=Role, default=Role.VIEWER)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [models.UniqueConstraint(fields=["user", "project"], name="one_role_per_member")]

    def __str__(self) -> str:
        return f"{self.user} · {self.project} · {self.get_role_display()}"


class Quota(models.Model):
    """How many of something a project may have, where that differs from what every project may have."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="quotas", verbose_name=_("project"))
    resource = models.CharField(_("resource"), max_length=32)
    limit = models.PositiveIntegerField(_("limit"))

    class Meta:
        verbose_name = _("quota")
        verbose_name_plural = _("quotas")
        constraints = [models.UniqueConstraint(fields=["project", "resource"], name="one_quota_per_resource")]

    def __str__(self) -> str:
        return f"{self.project} · {self.resource} ≤ {self.limit}"


class ApiToken(models.Model):
    """A key for programs. Only its SHA-256 is kept: it is random, so it needs no slow hash."""

    class Scope(models.TextChoices):
        """How much of its owner's rights a token carries."""

        READ = "read", _("Read only")
        WRITE = "write", _("Read and write")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="tokens", verbose_name=_("user"))
    name = models.CharField(_("name"), max_length=128)
    scope = models.CharField(_("scope"), max_length=8, choices=Scope, default=Scope.WRITE)
    prefix = models.CharField(_("begins with"), max_length=12, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    expires_at = models.DateTimeField(_("expires at"))
    last_used_at = models.DateTimeField(_("last used at"), null=True, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def account_id(self) -> uuid.UUID:
        """A token belongs to its user: see ``Actor.may``."""
        return self.user_id

    @property
    def held_by(self) -> None:
        """No job holds a token."""
        return


class AuditQuerySet(ProjectQuerySet["AuditEntry"]):
    """Entries of a project are visible to its members."""


class AuditEntry(models.Model):
    """One request that changed something, or tried to. Never edited, and it outlives what it is about."""

    at = models.DateTimeField(_("time"), default=timezone.now, editable=False, db_index=True)
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", verbose_name=_("user"))
    username = models.CharField(_("user name"), max_length=64)
    token_name = models.CharField(_("token"), max_length=128, blank=True)
    address = models.GenericIPAddressField(_("address"), null=True)
    action = models.CharField(_("action"), max_length=64)
    target_type = models.CharField(_("target type"), max_length=32, blank=True)
    target_id = models.CharField(_("target ID"), max_length=64, blank=True)
    target_name = models.CharField(_("target"), max_length=255, blank=True)
    project = models.ForeignKey(Project, models.SET_NULL, null=True, related_name="+", verbose_name=_("project"))
    outcome = models.CharField(_("outcome"), max_length=16, choices=Outcome)
    code = models.CharField(_("code"), max_length=64, blank=True)
    job_id = models.UUIDField(_("job"), null=True)

    objects = AuditQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit trail")
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.username} {self.action} {self.target_name}"
