"""Hosts as the API shows and takes them. The password goes in and never comes out."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cloudia.api.fields import ActionsField, Input, Ratio, Text, Time, VerdictSerializer, Whole
from cloudia.hosts import policies
from cloudia.hosts.enums import AcceleratorChoice, HostState
from cloudia.hosts.models import Gpu, Host
from cloudia.hosts.usage import Usage
from cloudia.virt import Accelerator

MAX_NAME = 64
MAX_URI = 512
MAX_USERNAME = 128
MAX_PASSWORD = 256
MAX_MEMORY_MIB = 2**31 - 1  # what the column holds


class UsageSerializer(serializers.Serializer[Usage]):
    """What guests claim of a host."""

    guests = serializers.IntegerField(read_only=True)
    vcpus = serializers.IntegerField(read_only=True)
    memory_mib = serializers.IntegerField(read_only=True)
    gpus = serializers.IntegerField(read_only=True)


class GpuSerializer(serializers.Serializer[Gpu]):
    """A graphics processor; ``problem`` says why no guest can have it."""

    address = serializers.CharField(read_only=True)
    vendor = serializers.CharField(read_only=True)
    product = serializers.CharField(read_only=True)
    iommu_group = serializers.IntegerField(read_only=True, allow_null=True)
    numa_node = serializers.IntegerField(read_only=True, allow_null=True)
    usable = serializers.BooleanField(read_only=True)
    problem = serializers.CharField(read_only=True)


@extend_schema_field(serializers.DictField(child=VerdictSerializer()))
class HostActions(ActionsField):
    """Maintenance, activate, edit."""


class HostSerializer(serializers.Serializer[Host]):
    """A host: what was entered, and what the watcher last saw."""

    id = serializers.UUIDField(read_only=True)
    short_id = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    uri = serializers.CharField(read_only=True)
    username = serializers.CharField(read_only=True)
    state = serializers.ChoiceField(choices=HostState.choices, read_only=True)
    accelerator = serializers.ChoiceField(
        source="accelerator_choice", choices=AcceleratorChoice.choices, read_only=True
    )
    accelerator_in_use = serializers.ChoiceField(
        source="accelerator", choices=[(kind.value, kind.value) for kind in Accelerator], read_only=True
    )
    vcpu_ratio = serializers.FloatField(read_only=True)
    reserved_memory_mib = serializers.IntegerField(read_only=True)
    reachable = serializers.BooleanField(read_only=True)
    last_seen_at = Time(read_only=True, allow_null=True)
    problem = serializers.CharField(read_only=True)
    hostname = serializers.CharField(read_only=True)
    cpu_model = serializers.CharField(read_only=True)
    cpus = serializers.IntegerField(read_only=True)
    memory_mib = serializers.IntegerField(read_only=True)
    allocatable_vcpus = serializers.IntegerField(read_only=True)
    allocatable_memory_mib = serializers.IntegerField(read_only=True)
    gpus = GpuSerializer(many=True, read_only=True)
    used = serializers.SerializerMethodField()
    libvirt_version = serializers.CharField(read_only=True)
    qemu_version = serializers.CharField(read_only=True)
    created_at = Time(read_only=True)
    actions = HostActions((*policies.ACTIONS, policies.EDIT))

    @extend_schema_field(UsageSerializer)
    def get_used(self, host: Host) -> Any:
        """Counted once for the whole answer, by the view."""
        usage: Mapping[uuid.UUID, Usage] = self.context["usage"]
        return UsageSerializer(usage.get(host.pk, Usage())).data


class HostCreate(Input):
    """A new host."""

    name = Text(max_length=MAX_NAME)
    uri = Text(max_length=MAX_URI)
    username = Text(max_length=MAX_USERNAME, allow_blank=True, required=False)
    password = Text(max_length=MAX_PASSWORD, allow_blank=True, required=False, trim_whitespace=False, write_only=True)
    accelerator = serializers.ChoiceField(choices=AcceleratorChoice.choices, required=False)


class HostEdit(HostCreate):
    """What can be changed of a host; an empty password forgets the one there is."""

    accelerator = serializers.ChoiceField(
        source="accelerator_choice", choices=AcceleratorChoice.choices, required=False
    )
    vcpu_ratio = Ratio(max_digits=5, decimal_places=2, min_value=Decimal("0.1"), required=False)
    reserved_memory_mib = Whole(min_value=0, max_value=MAX_MEMORY_MIB, required=False)
