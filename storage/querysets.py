"""What can be asked of storage. Everything starts from ``visible_to(actor)``."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from django.db import models
from django.db.models import Q

from cloudia.accounts.models import Project
from cloudia.core.querysets import ProjectQuerySet, Viewer, id_is
from storage.enums import ImageStatus

if TYPE_CHECKING:
    # The models are made from these.
    from storage.models import FileSystem, Image, StorageDomain, Volume  # noqa: F401


class StorageDomainQuerySet(models.QuerySet["StorageDomain"]):
    """Storage domains belong to the installation; everybody may put volumes into them."""

    def visible_to(self, actor: Viewer) -> Self:
        """All of them."""
        return self.all()

    def for_display(self) -> Self:
        """With the hosts that have them, and what is being done with them."""
        attached = self.model._meta.get_field("attachments").related_model._default_manager.select_related("host")
        return self.select_related("current_job").prefetch_related(
            models.Prefetch("attachments", attached.order_by("host__name"))
        )

    def matching(self, text: str) -> Self:
        """Those whose name contains ``text``, or whose id begins with it."""
        return self.filter(Q(name__icontains=text) | id_is(text))


class ImageQuerySet(ProjectQuerySet["Image"]):
    """Public images are everybody's, the others their project's."""

    def visible_to(self, actor: Viewer) -> Self:
        """Public ones and those of the actor's projects."""
        return self.all() if actor.is_operator else self.filter(Q(project=None) | Q(project__in=actor.project_ids))

    def offered_in(self, project: Project) -> Self:
        """What the project's list shows: its own and the public ones."""
        return self.filter(Q(project=None) | Q(project=project))

    def usable_in(self, project: Project) -> Self:
        """What an instance of ``project`` can be made from now."""
        return self.offered_in(project).filter(status=ImageStatus.AVAILABLE, deprecated=False)

    def for_display(self) -> Self:
        """With whose it is, where it lies, and what is being done with it."""
        return self.select_related("project", "storage_domain", "current_job", "upload")

    def matching(self, text: str) -> Self:
        """Those whose name or system contains ``text``, or whose id begins with it."""
        words = Q(name__icontains=text) | Q(os_type__icontains=text) | Q(os_version__icontains=text)
        return self.filter(words | id_is(text))


class VolumeQuerySet(ProjectQuerySet["Volume"]):
    """Volumes belong to a project."""

    joins: ClassVar[list[str]] = []  # what the actions on volumes that other apps add ask about; filled at start-up

    def for_display(self) -> Self:
        """With where it lies, what it was made from, what is being done with it, and what its actions ask about."""
        return self.select_related("project", "storage_domain", "image", "current_job", *self.joins)

    def matching(self, text: str) -> Self:
        """Those whose name contains ``text``, or whose id begins with it."""
        return self.filter(Q(name__icontains=text) | id_is(text))


class FileSystemQuerySet(ProjectQuerySet["FileSystem"]):
    """File systems belong to a project."""

    def for_display(self) -> Self:
        """With its subnet, and the hosts that have it."""
        return self.select_related("project", "subnet__vpc", "current_job").prefetch_related("places__host")

    def matching(self, text: str) -> Self:
        """Those whose name contains ``text``, or whose id begins with it."""
        return self.filter(Q(name__icontains=text) | id_is(text))
