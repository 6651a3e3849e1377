"""``/api/v1/storage-domains/``."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from cloudia.accounts.actor import Actor
from cloudia.api.permissions import IsOperator
from cloudia.api.viewsets import ApiViewSet, ResourceViewSet
from cloudia.core.errors import InputError
from cloudia.jobs.api import accepted
from cloudia.jobs.serializers import JobSerializer
from storage import domain_serializers as serializers
from storage.filtersets import StorageDomainFilter
from storage.models import StorageAttachment, StorageDomain
from storage.services import domains as services
from storage.space import give_rooms

OPERATORS = [*ApiViewSet.permission_classes, IsOperator]


def domains_to_show(actor: Actor) -> QuerySet[StorageDomain]:
    """All of them, with their hosts and what policies ask."""
    return StorageDomain.objects.visible_to(actor).for_display()


@extend_schema_view(
    list=extend_schema(summary="List storage domains"),
    retrieve=extend_schema(summary="Read a storage domain"),
    partial_update=extend_schema(
        summary="Edit a storage domain", request=serializers.DomainEdit, responses=serializers.DomainSerializer
    ),
    destroy=extend_schema(summary="Delete a storage domain"),
)
class StorageDomainViewSet(ResourceViewSet):
    """Storage domains: where images and volumes are. Everybody reads, operators change."""

    queryset = StorageDomain.objects.none()
    selector = domains_to_show
    serializer_class = serializers.DomainSerializer
    filterset_class = StorageDomainFilter
    edit_serializer = serializers.DomainEdit
    editable = ("name", "media", "over_commit")

    def get_permissions(self) -> Any:
        """Operators, for all but reading; what only they read says so itself."""
        needed = super().get_permissions()
        return needed if self.request.method in SAFE_METHODS else [*needed, IsOperator()]

    def paginate_queryset(self, queryset: Any) -> Any:
        """The room of a page's rows is counted once for all of them."""
        page = super().paginate_queryset(queryset)
        give_rooms(page or ())
        return page

    def answer(self, row: Any, status: int = 200) -> Response:
        """With its room."""
        give_rooms([row])
        return super().answer(row, status)

    @extend_schema(
        summary="Create a storage domain",
        request=serializers.DomainCreate,
        responses={201: serializers.DomainSerializer},
    )
    def create(self, request: Request) -> Response:
        """On no host yet."""
        return self.made(services.storage_domain_create(actor=self.actor, **self.parsed(serializers.DomainCreate)))

    def edit(self, row: Any, changes: dict[str, Any]) -> StorageDomain:
        """Name, media, over-commit, secret."""
        return services.storage_domain_edit(actor=self.actor, domain=row, **changes)

    def remove(self, row: Any) -> None:
        """One that is empty and on no host."""
        services.storage_domain_delete(actor=self.actor, domain=row)

    @extend_schema(
        summary="Attach a storage domain to a host", request=serializers.HostInput, responses={202: JobSerializer}
    )
    @action(detail=True, methods=["post"])
    def attach(self, request: Request, pk: str) -> Response:
        """Make its pool there; one that hosts share is proved to be the same."""
        row = self.get_object()
        host = self.parsed(serializers.HostInput)["host"]
        return accepted(self, services.storage_domain_attach(actor=self.actor, domain=row, host=host))

    @extend_schema(
        summary="Detach a storage domain from a host", request=serializers.HostInput, responses={202: JobSerializer}
    )
    @action(detail=True, methods=["post"])
    def detach(self, request: Request, pk: str) -> Response:
        """Forget its pool there; files stay."""
        return accepted(self, services.storage_domain_detach(actor=self.actor, attachment=self._attachment()))

    @extend_schema(
        summary="Forget that a host has a storage domain", request=serializers.HostInput, responses={204: None}
    )
    @action(detail=True, methods=["post"])
    def forget(self, request: Request, pk: str) -> Response:
        """Detach it from a host that is gone for good. Nothing is done there, so only if it does not answer."""
        services.storage_domain_forget(actor=self.actor, attachment=self._attachment())
        return Response(status=204)

    def _attachment(self) -> StorageAttachment:
        """The storage domain on the host that was sent."""
        row = self.get_object()
        host = self.parsed(serializers.HostInput)["host"]
        attachment: StorageAttachment | None = row.attachments.filter(host=host).select_related("domain").first()
        if attachment is None:
            raise InputError.at("host", _("The host does not have this storage domain."), "not_usable")
        return attachment

    @extend_schema(
        summary="List what is left over in a storage domain",
        responses=serializers.StraySerializer(many=True),
        filters=False,
    )
    @action(
        detail=True,
        filterset_class=None,
        pagination_class=None,
        permission_classes=[*ApiViewSet.permission_classes, IsOperator],
    )
    def garbage(self, request: Request, pk: str) -> Response:
        """As of ``scanned_at``: files without rows, rows without files, foreign files."""
        strays: Any = self.get_object().strays.all()
        return Response(serializers.StraySerializer(strays, many=True).data)

    @extend_schema(summary="Look for left files", request=None, responses={202: JobSerializer})
    @action(detail=True, methods=["post"])
    def scan(self, request: Request, pk: str) -> Response:
        """Compare files with rows again."""
        row = self.get_object()
        self.parsed_nothing()
        return accepted(self, services.storage_domain_scan(actor=self.actor, domain=row))

    @extend_schema(summary="Delete left files", request=serializers.CleanInput, responses={202: JobSerializer})
    @action(detail=True, methods=["post"])
    def clean(self, request: Request, pk: str) -> Response:
        """Each is looked at once more before it is deleted."""
        row = self.get_object()
        ids = self.parsed(serializers.CleanInput)["files"]
        files = list(row.strays.filter(pk__in=ids))
        if len(files) < len(set(ids)):
            raise InputError.at("files", _("A file is no longer in the report."), "does_not_exist")
        return accepted(self, services.storage_domain_clean(actor=self.actor, domain=row, files=files))
