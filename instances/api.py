"""``/api/v1/instances/`` and ``/api/v1/instance-types/``."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cloudia.accounts.actor import Actor
from cloudia.api.router import router
from cloudia.api.viewsets import EditViewSet, ResourceViewSet
from cloudia.jobs.api import accepted, visible_jobs
from cloudia.jobs.serializers import JobSerializer
from instances import edit_services, serializers, services, type_services
from instances.affinity_api import AffinityGroupViewSet
from instances.disk_serializers import InstanceDelete
from instances.edit_serializers import EditQuery, InstanceEdit, PlanSerializer, edit_wish
from instances.edits import edit_facts
from instances.filtersets import InstanceFilter, InstanceTypeFilter
from instances.guest_serializers import ScriptSerializer
from instances.interface_api import InterfaceViewSet, links_to_show
from instances.interface_serializers import InterfaceSerializer
from instances.models import Instance, InstanceDisk, InstanceType
from instances.mount_api import MountsOfInstance
from instances.selectors import instances_visible_to
from instances.template_api import LaunchTemplateViewSet
from instances.volume_api import VolumeViewSet
from networking.api import floating_to_show
from networking.serializers import FloatingIPSerializer

EDITED = PolymorphicProxySerializer(
    "EditedInstance", [serializers.InstanceSerializer, PlanSerializer], resource_type_field_name=None
)


def instances_to_show(actor: Actor) -> QuerySet[Instance]:
    """Visible instances with everything a representation needs, in one query."""
    joins = ("image", "instance_type", "launch_template", "guest", "affinity_group")
    return instances_visible_to(actor).select_related(*joins)


@extend_schema_view(
    list=extend_schema(summary="List instances"),
    retrieve=extend_schema(summary="Read an instance"),
    partial_update=extend_schema(
        summary="Edit an instance",
        description="Hardware of a running instance changes at once, that of a stopped one with its next start. 202 if "
        "a host has a part in it; with `dry_run=true` the plan, and nothing is changed.",
        request=InstanceEdit,
        parameters=[EditQuery],
        responses={
            200: EDITED,
            202: JobSerializer,
        },
    ),
)
class InstanceViewSet(MountsOfInstance, EditViewSet):
    """Instances: virtual machines."""

    queryset = Instance.objects.none()
    selector = instances_to_show
    serializer_class = serializers.InstanceSerializer
    filterset_class = InstanceFilter
    edit_serializer = InstanceEdit
    editable = ("name", "description")  # and what edit_facts adds
    partial = False  # InstanceEdit itself says what must be sent

    @property
    def target(self) -> Instance:
        """The visible instance, for a service: that reads it again, under its lock and with what it needs."""
        found: Instance = self.found_in(Instance.objects.visible_to(self.actor).select_related("project"))
        return found

    @extend_schema(summary="Create an instance", request=serializers.InstanceCreate, responses={202: JobSerializer})
    def create(self, request: Request) -> Response:
        """Record it and queue its making; the job's `target.id` is the new instance's id."""
        project, wish = serializers.wish_of(self.parsed(serializers.InstanceCreate))
        return accepted(self, services.instance_create(actor=self.actor, project=project, wish=wish))

    def facts(self, row: Any) -> dict[str, Any]:
        """Also its hardware."""
        return edit_facts(row)

    def changed(self, row: Any, changes: dict[str, Any]) -> Response:
        """Done, accepted, or only thought through."""
        query = EditQuery(data=self.request.query_params.dict())
        query.is_valid(raise_exception=True)
        request: Any = {"actor": self.actor, "instance": row, "wish": edit_wish(changes, row)}
        if query.validated_data["dry_run"]:
            return Response(PlanSerializer({"changes": edit_services.instance_edit_plan(**request)}).data)
        job = edit_services.instance_edit(**request)
        return accepted(self, job) if job else self.answer(self.get_object())

    @extend_schema(summary="Delete an instance", parameters=[InstanceDelete], responses={202: JobSerializer})
    def destroy(self, request: Request, pk: str) -> Response:
        """Remove it and its boot disk. Data volumes stay, unless `delete_volumes=true`."""
        instance = self.target
        wish = InstanceDelete(data=request.query_params.dict())
        wish.is_valid(raise_exception=True)
        return accepted(self, services.instance_delete(actor=self.actor, instance=instance, **wish.validated_data))

    @extend_schema(summary="Start an instance", request=None, responses={202: JobSerializer})
    @action(detail=True, methods=["post"])
    def start(self, request: Request, pk: str) -> Response:
        """Power on."""
        instance = self.target
        self.parsed_nothing()
        return accepted(self, services.instance_start(actor=self.actor, instance=instance))

    @extend_schema(summary="Stop an instance", request=serializers.StopInput, responses={202: JobSerializer})
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, pk: str) -> Response:
        """Ask the guest to shut down, and cut its power when its time is over."""
        instance = self.target
        wish = self.parsed(serializers.StopInput)
        return accepted(self, services.instance_stop(actor=self.actor, instance=instance, **wish))

    @extend_schema(summary="Reboot an instance", request=serializers.RebootInput, responses={202: JobSerializer})
    @action(detail=True, methods=["post"])
    def reboot(self, request: Request, pk: str) -> Response:
        """Ask the guest to restart, and press reset when its time is over."""
        instance = self.target
        wish = self.parsed(serializers.RebootInput)
        return accepted(self, services.instance_reboot(actor=self.actor, instance=instance, **wish))

    @extend_schema(summary="List the disks of an instance", responses=serializers.DiskSerializer(many=True))
    @action(detail=True, filterset_class=None)
    def disks(self, request: Request, pk: str) -> Response:
        """In the order the guest has them."""
        disks = InstanceDisk.objects.filter(instance=self.get_object()).select_related("volume__storage_domain")
        return self.page(disks, serializers.DiskSerializer)

    @extend_schema(summary="List the network interfaces of an instance", responses=InterfaceSerializer(many=True))
    @action(detail=True, filterset_class=None)
    def interfaces(self, request: Request, pk: str) -> Response:
        """The primary one first, as the guest has them."""
        links = self.paginate_queryset(links_to_show(self.get_object())) or ()
        nics: Any = [link.interface for link in links]
        body = InterfaceSerializer(nics, many=True, context=self.get_serializer_context())
        return self.get_paginated_response(body.data)

    @extend_schema(
        summary="List the floating IPs of an instance",
        operation_id="instances_floating_ips_list",
        responses=FloatingIPSerializer(many=True),
    )
    @action(detail=True, filterset_class=None, url_path="floating-ips")
    def floating_ips(self, request: Request, pk: str) -> Response:
        """Those that lead to one of its interfaces."""
        rows = floating_to_show(self.actor).filter(interface__owner_id=self.get_object().pk)
        return self.page(rows, FloatingIPSerializer)

    @extend_schema(summary="List the user scripts of an instance", responses=ScriptSerializer(many=True))
    @action(detail=True, filterset_class=None)
    def scripts(self, request: Request, pk: str) -> Response:
        """In the order in which cloud-init runs those of each stage."""
        return self.page(self.get_object().scripts.all(), ScriptSerializer)

    @extend_schema(summary="List the jobs of an instance", responses=JobSerializer(many=True))
    @action(detail=True, filterset_class=None)
    def jobs(self, request: Request, pk: str) -> Response:
        """Everything that was done to it, newest first."""
        return self.page(visible_jobs(self.actor).about("instance", self.get_object().pk), JobSerializer)


def types_to_show(actor: Actor) -> QuerySet[InstanceType]:
    """Visible types."""
    return InstanceType.objects.visible_to(actor).select_related("project")


@extend_schema_view(
    list=extend_schema(summary="List instance types"),
    retrieve=extend_schema(summary="Read an instance type"),
    partial_update=extend_schema(
        summary="Edit an instance type",
        request=serializers.InstanceTypeEdit,
        responses=serializers.InstanceTypeSerializer,
    ),
    destroy=extend_schema(summary="Delete an instance type"),
)
class InstanceTypeViewSet(ResourceViewSet):
    """Instance types: vCPUs and memory under one name. Operators change them."""

    queryset = InstanceType.objects.none()
    selector = types_to_show
    serializer_class = serializers.InstanceTypeSerializer
    filterset_class = InstanceTypeFilter
    edit_serializer = serializers.InstanceTypeEdit
    editable = ("name", "description", "vcpus", "memory_mib", "active")

    @extend_schema(
        summary="Create an instance type",
        request=serializers.InstanceTypeCreate,
        responses={201: serializers.InstanceTypeSerializer},
    )
    def create(self, request: Request) -> Response:
        """Offered to one project, or to all."""
        wish = self.parsed(serializers.InstanceTypeCreate)
        return self.made(type_services.instance_type_create(actor=self.actor, **wish))

    def edit(self, row: Any, changes: dict[str, Any]) -> InstanceType:
        """Instances made of it keep what they have."""
        return type_services.instance_type_edit(actor=self.actor, kind=row, **changes)

    def remove(self, row: Any) -> None:
        """Instances made of it keep what they have."""
        type_services.instance_type_delete(actor=self.actor, kind=row)


router.register("instances", InstanceViewSet, basename="instance")
router.register("affinity-groups", AffinityGroupViewSet, basename="affinitygroup")
router.register("volumes", VolumeViewSet, basename="volume")
router.register("interfaces", InterfaceViewSet, basename="interface")
router.register("instance-types", InstanceTypeViewSet, basename="instance-type")
router.register("launch-templates", LaunchTemplateViewSet, basename="launch-template")
