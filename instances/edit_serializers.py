"""Editing instances: what the API takes, and the plan it answers before anything is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from cloudia.accounts.actor import Actor
from cloudia.api.fields import Flag, Input, Ref, Text, Whole
from cloudia.core import policy
from instances.affinity_models import AffinityGroup
from instances.disk_serializers import DiskInput, QueryFlag
from instances.disk_wishes import MAX_DATA_DISKS
from instances.edits import Applies, Change, EditWish, InterfaceEdit, Regroup, compute_of, resized
from instances.interface_serializers import InterfaceInput, interface_wish
from instances.models import MAX_MEMORY_MIB, MAX_VCPUS, MIN_MEMORY_MIB, Instance, InstanceType
from instances.mount_serializers import MountInput, mount_wish
from instances.mounts import MAX_MOUNTS
from instances.template_filling import BY_HAND, TOPOLOGY
from instances.wishes import MAX_DESCRIPTION, MAX_NAME, MAX_THREADS, Compute
from networking.models import NetworkInterface, Subnet
from networking.services.interfaces import MAX_INTERFACES, InterfaceWish

T = TypeVar("T")


def _attached(actor: Actor) -> Any:
    """Interfaces that an instance has."""
    rows = NetworkInterface.objects.visible_to(actor).filter(attachment__isnull=False)
    return rows.select_related("attachment", "subnet").prefetch_related("security_groups")


class InterfaceEditInput(InterfaceInput):
    """A network interface of the wished list: one with ``id`` keeps what is not said; one without is new."""

    id = Ref(_attached, required=False)
    subnet = Ref(Subnet.objects.visible_to, required=False)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        """A new one must be connected to something."""
        if "id" not in data and "subnet" not in data:
            raise serializers.ValidationError({"subnet": self.fields["subnet"].error_messages["required"]}, "required")
        return data


class InstanceEdit(Input):
    """What can be changed of an instance; what is not sent stays. Lists are complete: what is missing in one goes."""

    name = Text(max_length=MAX_NAME, required=False)
    description = Text(max_length=MAX_DESCRIPTION, allow_blank=True, required=False)
    instance_type = Ref(InstanceType.objects.visible_to, required=False, allow_null=True)
    vcpus = Whole(min_value=1, max_value=MAX_VCPUS, required=False)
    memory_mib = Whole(min_value=MIN_MEMORY_MIB, max_value=MAX_MEMORY_MIB, required=False)
    max_vcpus = Whole(min_value=1, max_value=MAX_VCPUS, required=False)
    max_memory_mib = Whole(min_value=MIN_MEMORY_MIB, max_value=MAX_MEMORY_MIB, required=False)
    threads_per_core = Whole(min_value=1, max_value=MAX_THREADS, required=False, allow_null=True)
    cores = Whole(min_value=1, max_value=MAX_VCPUS, required=False, allow_null=True)
    gpu = Flag(required=False)
    interfaces = serializers.ListField(child=InterfaceEditInput(), max_length=MAX_INTERFACES, required=False)
    volumes = serializers.ListField(child=DiskInput(), max_length=MAX_DATA_DISKS + 1, required=False)
    filesystems = serializers.ListField(child=MountInput(), max_length=MAX_MOUNTS, required=False)

    affinity_group = Ref(AffinityGroup.objects.visible_to, required=False, allow_null=True)

    # What stays as an instance was made, running or stopped.
    fixed: ClassVar[Mapping[str, policy.Text]] = {
        "image": gettext_lazy("An instance keeps the image that it was made of. Make a new instance instead."),
        "vpc": gettext_lazy("An instance stays in its VPC. Make a new instance instead."),
        "project": gettext_lazy("An instance stays in its project. Make a new instance instead."),
        "boot_disk_gib": gettext_lazy("Enlarge the volume of the boot disk instead."),
        "cloud_init": gettext_lazy("Cloud-init runs once, when an instance first starts."),
    }

    def _refusal(self, name: str) -> Any:
        return ErrorDetail(str(self.fixed[name]), "fixed") if name in self.fixed else super()._refusal(name)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        """An instance type says how large it is."""
        if data.get("instance_type"):
            faults = dict.fromkeys((*BY_HAND, *TOPOLOGY), _("The instance type says this already."))
            if said := {name: text for name, text in faults.items() if name in data}:
                raise serializers.ValidationError(said, "conflict")
        return data


class EditQuery(serializers.Serializer[Any]):
    """``dry_run=true``: answer what would change, and change nothing."""

    dry_run = QueryFlag(required=False, default=False)


class ChangeSerializer(serializers.Serializer[Change]):
    """One thing that will differ; ``applies`` ``never``: as things stand, and ``reason`` says why."""

    field = serializers.CharField(read_only=True)
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]  # a field's name, not an attribute
    to = serializers.JSONField(source="after", read_only=True)
    applies = serializers.ChoiceField(choices=[(it.value, it.value) for it in Applies], read_only=True)
    code = serializers.CharField(read_only=True)
    reason = serializers.CharField(read_only=True)

    def get_fields(self) -> Any:
        """``from`` is no name that a class could give to something."""
        return {**super().get_fields(), "from": serializers.JSONField(source="before", read_only=True)}


class PlanSerializer(serializers.Serializer[Any]):
    """What an edit would change."""

    changes = ChangeSerializer(many=True, read_only=True)


def edit_wish(data: Mapping[str, Any], instance: Instance) -> EditWish:
    """A parsed :class:`InstanceEdit` as the service takes it."""
    return EditWish(
        name=data.get("name"),
        description=data.get("description"),
        regroup=Regroup(data["affinity_group"]) if "affinity_group" in data else None,
        compute=_compute(data, instance),
        interfaces=_listed(data, "interfaces", lambda entry: _interface(entry, instance)),
        volumes=_listed(data, "volumes", lambda wish: wish),
        filesystems=_listed(data, "filesystems", mount_wish),
    )


def _listed(data: Mapping[str, Any], name: str, read: Callable[[Any], T]) -> tuple[T, ...] | None:
    """A list as it is wished; None if it is not sent."""
    return tuple(read(entry) for entry in data[name]) if name in data else None


def _compute(data: Mapping[str, Any], instance: Instance) -> Compute | None:
    """What it has, with what is said. A type fixes what it fixes, and the maxima are not below that."""
    have = compute_of(instance)
    if kind := data.get("instance_type"):
        max_vcpus = data.get("max_vcpus", max(have.max_vcpus, kind.vcpus))
        max_memory_mib = data.get("max_memory_mib", max(have.max_memory_mib, kind.memory_mib))
        return replace(Compute.of_type(kind, max_vcpus, max_memory_mib), gpu=data.get("gpu", False))
    if "instance_type" in data:  # null: the same size, but of no type
        have = replace(have, instance_type=None)
    said = {**data, "threads": data["threads_per_core"]} if "threads_per_core" in data else data
    return resized(have, said) or (have if "instance_type" in data else None)


def _interface(entry: Mapping[str, Any], instance: Instance) -> InterfaceEdit:
    nic: NetworkInterface | None = entry.get("id")
    if nic is None:
        return InterfaceEdit(wish=interface_wish(dict(entry), instance.project))
    groups = entry["security_groups"] if "security_groups" in entry else nic.security_groups.all()
    wish = InterfaceWish(
        subnet=entry.get("subnet", nic.subnet), address=entry.get("ip_address", ""), security_groups=tuple(groups)
    )
    return InterfaceEdit(wish=wish, link=nic.attachment)
