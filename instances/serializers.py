"""Instances, their types and disks as the API shows and takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from cloudia.accounts.enums import Origin
from cloudia.accounts.models import Project
from cloudia.accounts.selectors import projects_visible_to
from cloudia.api.authentication import actor_of
from cloudia.api.fields import ActionsField, Flag, Input, Ref, Reference, Text, Time, VerdictSerializer, Whole
from cloudia.jobs.serializers import JobSummarySerializer
from instances import policies
from instances.affinity_models import AffinityGroup
from instances.disk_serializers import DiskInput
from instances.disk_wishes import MAX_DATA_DISKS
from instances.enums import PowerState
from instances.guest_serializers import GuestInput, GuestSerializer, guest_wish
from instances.interface_serializers import InterfaceInput, interface_wish
from instances.launch_templates import LaunchTemplate
from instances.models import MAX_MEMORY_MIB, MAX_VCPUS, MIN_MEMORY_MIB, Instance, InstanceDisk, InstanceType
from instances.mount_serializers import MountInput, mount_wish
from instances.mounts import MAX_MOUNTS
from instances.template_filling import BY_HAND, TOPOLOGY, filled
from instances.wishes import MAX_DESCRIPTION, MAX_NAME, MAX_THREADS, Compute, InstanceWish
from networking.services.interfaces import MAX_INTERFACES
from storage.models import Image
from storage.space import MAX_DISK_GIB

MAX_TYPE_NAME = 64
MAX_TYPE_DESCRIPTION = 255
NEEDED = ("project", "image", "interfaces")  # here or in the launch template


@extend_schema_field(serializers.DictField(child=VerdictSerializer()))
class InstanceActions(ActionsField):
    """Every action of the toolbar, also those that other apps add."""


class OwnerSerializer(serializers.Serializer[Instance]):
    """The system that made an instance and manages it."""

    kind = serializers.CharField(source="origin", read_only=True)
    name = serializers.CharField(source="owner_name", read_only=True)
    url = serializers.CharField(source="owner_url", read_only=True)


class InstanceSerializer(serializers.Serializer[Instance]):
    """An instance. What later versions fill is null or empty until then, so that clients need not change."""

    id = serializers.UUIDField(read_only=True)
    short_id = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    description = serializers.CharField(read_only=True)
    project = Reference(read_only=True)
    origin = serializers.ChoiceField(choices=Origin.choices, read_only=True)
    owner = serializers.SerializerMethodField()
    status = serializers.CharField(source="display_state.code", read_only=True)
    status_label = serializers.CharField(source="display_state.label", read_only=True)
    power_state = serializers.ChoiceField(choices=PowerState.choices, read_only=True)
    observed_at = Time(read_only=True, allow_null=True)
    job = serializers.SerializerMethodField()
    vcpus = serializers.IntegerField(read_only=True)
    threads_per_core = serializers.IntegerField(read_only=True)
    cores = serializers.IntegerField(read_only=True)
    max_vcpus = serializers.IntegerField(read_only=True)
    memory_mib = serializers.IntegerField(read_only=True)
    max_memory_mib = serializers.IntegerField(read_only=True)
    gpu = serializers.BooleanField(read_only=True)
    instance_type = Reference(read_only=True, allow_null=True)
    image = Reference(read_only=True)
    launch_template = Reference(read_only=True, allow_null=True)
    affinity_group = Reference(read_only=True, allow_null=True)
    vpc = Reference(read_only=True, allow_null=True)
    host = Reference(read_only=True, allow_null=True)
    ip_addresses = serializers.ListField(child=serializers.CharField(), read_only=True)
    cloud_init = GuestSerializer(source="first_user", read_only=True, allow_null=True)
    created_at = Time(read_only=True)
    actions = InstanceActions(policies.ACTIONS)

    @extend_schema_field(OwnerSerializer(allow_null=True))
    def get_owner(self, instance: Instance) -> Any:
        """None for what people made."""
        return None if instance.origin == Origin.MANUAL else OwnerSerializer(instance).data

    @extend_schema_field(JobSummarySerializer(allow_null=True))
    def get_job(self, instance: Instance) -> Any:
        """The running job that has it."""
        job = instance.current_job
        return JobSummarySerializer(job).data if job and job.is_active else None


class DiskSerializer(serializers.Serializer[InstanceDisk]):
    """A volume as the instance has it."""

    position = serializers.IntegerField(read_only=True)
    device_name = serializers.CharField(read_only=True)
    is_boot = serializers.BooleanField(read_only=True)
    volume = Reference(read_only=True)
    storage_domain = Reference(source="volume.storage_domain", read_only=True)
    media = serializers.CharField(source="volume.storage_domain.media", read_only=True)
    size_gib = serializers.IntegerField(source="volume.size_gib", read_only=True)


class InstanceCreate(Input):
    """A new instance: an ``instance_type``, or ``vcpus`` and ``memory_mib`` by hand, then also which cores it has.
    ``project``, ``image``, ``interfaces`` and the size may come from the ``launch_template``."""

    name = Text(max_length=MAX_NAME)
    description = Text(max_length=MAX_DESCRIPTION, allow_blank=True, required=False)
    launch_template = Ref(LaunchTemplate.objects.visible_to, required=False)
    project = Ref(projects_visible_to, required=False)
    image = Ref(Image.objects.visible_to, required=False)
    instance_type = Ref(InstanceType.objects.visible_to, required=False)
    vcpus = Whole(min_value=1, max_value=MAX_VCPUS, required=False)
    memory_mib = Whole(min_value=MIN_MEMORY_MIB, max_value=MAX_MEMORY_MIB, required=False)
    threads_per_core = Whole(min_value=1, max_value=MAX_THREADS, required=False)
    cores = Whole(min_value=1, max_value=MAX_VCPUS, required=False)
    gpu = Flag(required=False)
    max_vcpus = Whole(min_value=1, max_value=MAX_VCPUS, required=False)
    max_memory_mib = Whole(min_value=MIN_MEMORY_MIB, max_value=MAX_MEMORY_MIB, required=False)
    boot_disk_gib = Whole(min_value=1, max_value=MAX_DISK_GIB, required=False)
    interfaces = serializers.ListField(child=InterfaceInput(), min_length=1, max_length=MAX_INTERFACES, required=False)
    volumes = serializers.ListField(child=DiskInput(), max_length=MAX_DATA_DISKS, required=False)
    filesystems = serializers.ListField(child=MountInput(), max_length=MAX_MOUNTS, required=False)
    cloud_init = GuestInput(required=False)
    affinity_group = Ref(AffinityGroup.objects.visible_to, required=False, allow_null=True)
    start = Flag(required=False)

    later = frozenset({"snapshot"})

    def to_internal_value(self, data: Any) -> Any:
        """What is not said is taken from the launch template."""
        return super().to_internal_value(filled(data, actor_of(self.context["request"])))

    def _refused(self, data: Mapping[str, Any]) -> dict[str, list[ErrorDetail]]:
        missing = [name for name in NEEDED if name in self.fields and name not in data]
        required = {
            name: [ErrorDetail(str(self.fields[name].error_messages["required"]), "required")] for name in missing
        }
        return {**super()._refused(data), **required}

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        """One way of saying how large it shall be, not both and not none."""
        by_hand = [name for name in (*BY_HAND, *TOPOLOGY) if name in data]
        if "instance_type" in data and by_hand:
            raise serializers.ValidationError(
                dict.fromkeys(by_hand, _("The instance type says this already.")), "conflict"
            )
        missing = [name for name in BY_HAND if name not in data]
        if "instance_type" not in data and missing:
            detail = _("Choose an instance type, or enter vCPUs and memory.")
            raise serializers.ValidationError(dict.fromkeys(missing, detail), "required")
        return data


def wish_of(data: dict[str, Any]) -> tuple[Project, InstanceWish]:
    """A parsed :class:`InstanceCreate` as the service takes it."""
    data = dict(data)
    maxima = [data.pop(name, None) for name in ("max_vcpus", "max_memory_mib")]
    kind = data.pop("instance_type", None)
    compute = replace(Compute.of_type(kind, *maxima), gpu=data.pop("gpu", False)) if kind else _by_hand(data, *maxima)
    project = data.pop("project")
    interfaces = tuple(interface_wish(wish, project) for wish in data.pop("interfaces"))
    filesystems = tuple(mount_wish(wish) for wish in data.pop("filesystems", ()))
    volumes = tuple(data.pop("volumes", ()))
    guest = guest_wish(data.pop("cloud_init", None))
    return project, InstanceWish(
        compute=compute, interfaces=interfaces, volumes=volumes, filesystems=filesystems, guest=guest, **data
    )


def _by_hand(data: dict[str, Any], max_vcpus: int | None, max_memory_mib: int | None) -> Compute:
    vcpus, memory_mib = (data.pop(name) for name in BY_HAND)
    threads, cores = (data.pop(name, None) for name in TOPOLOGY)
    gpu = data.pop("gpu", False)
    return Compute.by_hand(vcpus, memory_mib, max_vcpus, max_memory_mib, threads=threads, cores=cores, gpu=gpu)


class StopInput(Input):
    """``timeout_s``: how long the guest may take before its power is cut; by default its own limit."""

    force = Flag(default=False)
    timeout_s = Whole(min_value=0, max_value=3600, allow_null=True, default=None)


class RebootInput(Input):
    """``hard``: press reset instead of asking the guest."""

    hard = Flag(default=False)


@extend_schema_field(serializers.DictField(child=VerdictSerializer()))
class InstanceTypeActions(ActionsField):
    """Edit and delete."""


class InstanceTypeSerializer(serializers.Serializer[InstanceType]):
    """An instance type; ``project`` null: offered to all."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(read_only=True)
    description = serializers.CharField(read_only=True)
    project = Reference(read_only=True, allow_null=True)
    vcpus = serializers.IntegerField(read_only=True)
    memory_mib = serializers.IntegerField(read_only=True)
    active = serializers.BooleanField(read_only=True)
    created_at = Time(read_only=True)
    actions = InstanceTypeActions(policies.TYPE_ACTIONS)


class InstanceTypeEdit(Input):
    """What can be changed of a type."""

    name = Text(max_length=MAX_TYPE_NAME)
    description = Text(max_length=MAX_TYPE_DESCRIPTION, allow_blank=True, required=False)
    vcpus = Whole(min_value=1, max_value=MAX_VCPUS)
    memory_mib = Whole(min_value=MIN_MEMORY_MIB, max_value=MAX_MEMORY_MIB)
    active = Flag(required=False)


class InstanceTypeCreate(Input):
    """A new type."""

    name = Text(max_length=MAX_TYPE_NAME)
    description = Text(max_length=MAX_TYPE_DESCRIPTION, allow_blank=True, required=False)
    vcpus = Whole(min_value=1, max_value=MAX_VCPUS)
    memory_mib = Whole(min_value=MIN_MEMORY_MIB, max_value=MAX_MEMORY_MIB)
    project = Ref(projects_visible_to, required=False, allow_null=True)
    active = Flag(required=False)
