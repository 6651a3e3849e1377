"""Volumes as the API shows and takes them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cloudia.accounts.selectors import projects_visible_to
from cloudia.api.fields import ActionsField, Input, Ref, Reference, Text, Time, VerdictSerializer, Whole
from cloudia.core.rows import MAX_DESCRIPTION, MAX_NAME
from cloudia.jobs.serializers import JobSummarySerializer
from storage import policies
from storage.enums import Media
from storage.models import Image, StorageDomain, Volume
from storage.space import MAX_DISK_GIB


@extend_schema_field(serializers.DictField(child=VerdictSerializer()))
class VolumeActions(ActionsField):
    """Every action of the toolbar, also those that other apps add."""


class VolumeSerializer(serializers.Serializer[Volume]):
    """A volume. ``media``: what its storage domain is made of; ``image``: what it began as a copy of."""

    id = serializers.UUIDField(read_only=True)
    short_id = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    description = serializers.CharField(read_only=True)
    project = Reference(read_only=True)
    status = serializers.CharField(source="display_state.code", read_only=True)
    status_label = serializers.CharField(source="display_state.label", read_only=True)
    job = serializers.SerializerMethodField()
    size_gib = serializers.IntegerField(read_only=True)
    storage_domain = Reference(read_only=True)
    media = serializers.ChoiceField(source="storage_domain.media", choices=Media.choices, read_only=True)
    image = Reference(read_only=True, allow_null=True)
    created_at = Time(read_only=True)
    actions = VolumeActions(policies.VOLUME_ACTIONS)

    @extend_schema_field(JobSummarySerializer(allow_null=True))
    def get_job(self, volume: Volume) -> Any:
        """The running job that has it."""
        job = volume.current_job
        return JobSummarySerializer(job).data if job and job.is_active else None


class VolumeEdit(Input):
    """What can be changed at once; enlarging takes a job."""

    name = Text(max_length=MAX_NAME)
    description = Text(max_length=MAX_DESCRIPTION, allow_blank=True, required=False)


class VolumeCreate(VolumeEdit):
    """Empty, or of an ``image`` in the same storage domain."""

    project = Ref(projects_visible_to)
    storage_domain = Ref(StorageDomain.objects.visible_to)
    size_gib = Whole(min_value=1, max_value=MAX_DISK_GIB)
    image = Ref(Image.objects.visible_to, required=False)

    later = frozenset({"snapshot"})
