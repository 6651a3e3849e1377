"""Images and uploads as the API shows and takes them."""

from __future__ import annotations

from typing import Any

from django.core.validators import RegexValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cloudia.accounts.selectors import projects_visible_to
from cloudia.api.fields import ActionsField, Flag, Input, Ref, Reference, Text, Time, VerdictSerializer
from cloudia.jobs.serializers import JobSummarySerializer
from storage.enums import ImageStatus
from storage.models import Image, StorageDomain, Upload
from storage.policies import IMAGE_ACTIONS


class UploadSerializer(serializers.Serializer[Upload]):
    """A file that is coming in; ``image`` is what it will be."""

    id = serializers.UUIDField(read_only=True)
    image = Reference(read_only=True)
    length_bytes = serializers.IntegerField(read_only=True)
    received_bytes = serializers.IntegerField(read_only=True)
    changed_at = Time(read_only=True)


@extend_schema_field(serializers.DictField(child=VerdictSerializer()))
class ImageActions(ActionsField):
    """Edit and delete."""


class ImageSerializer(serializers.Serializer[Image]):
    """An image; ``project`` null: offered to all. ``minimum_gib``: the smallest boot disk that holds it."""

    id = serializers.UUIDField(read_only=True)
    short_id = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    description = serializers.CharField(read_only=True)
    project = Reference(read_only=True, allow_null=True)
    os_type = serializers.CharField(read_only=True)
    os_version = serializers.CharField(read_only=True)
    status = serializers.ChoiceField(choices=ImageStatus.choices, read_only=True)
    status_label = serializers.SerializerMethodField()
    job = serializers.SerializerMethodField()
    upload = serializers.SerializerMethodField()
    deprecated = serializers.BooleanField(read_only=True)
    format = serializers.CharField(read_only=True)
    virtual_bytes = serializers.IntegerField(read_only=True)
    file_bytes = serializers.IntegerField(read_only=True)
    minimum_gib = serializers.IntegerField(read_only=True)
    sha256 = serializers.CharField(read_only=True)
    storage_domain = Reference(read_only=True)
    created_at = Time(read_only=True)
    actions = ImageActions(IMAGE_ACTIONS)

    def get_status_label(self, row: Image) -> str:
        """The status for people; while a job has it, what that does."""
        return str(row.display_state.label)

    @extend_schema_field(JobSummarySerializer(allow_null=True))
    def get_job(self, row: Image) -> Any:
        """The running job that has it."""
        job = row.current_job
        return JobSummarySerializer(job).data if job and job.is_active else None

    @extend_schema_field(UploadSerializer(allow_null=True))
    def get_upload(self, row: Image) -> Any:
        """Its file while that is coming in."""
        upload = getattr(row, "upload", None)
        return UploadSerializer(upload).data if upload else None


class _Wish(Input):
    name = Text(max_length=128, trim_whitespace=True)
    storage_domain = Ref(StorageDomain.objects.visible_to)
    project = Ref(projects_visible_to, required=False, allow_null=True)
    description = Text(max_length=255, required=False, allow_blank=True)
    os_type = Text(max_length=64, required=False, allow_blank=True)
    os_version = Text(max_length=64, required=False, allow_blank=True)


class UploadCreate(_Wish):
    """The metadata of a new upload. Without a project the image is public."""

    sha256 = Text(max_length=64, required=False, allow_blank=True)


class ImportInput(_Wish):
    """An image to fetch from ``url``; ``checksum`` is its SHA-256 in hex. Without a project it is public."""

    url = Text(max_length=4096)
    checksum = Text(source="sha256", required=False, validators=[RegexValidator("^[0-9a-f]{64}$")])


class ImageEdit(Input):
    """What may change of an image; ``project`` null makes it public."""

    name = Text(max_length=128)
    description = Text(max_length=255, allow_blank=True)
    os_type = Text(max_length=64, allow_blank=True)
    os_version = Text(max_length=64, allow_blank=True)
    deprecated = Flag()
    project = Ref(projects_visible_to, allow_null=True)
