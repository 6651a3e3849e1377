"""File systems as the API shows and takes them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cloudia.accounts.selectors import projects_visible_to
from cloudia.api.fields import ActionsField, Input, Ref, Reference, Text, Time, VerdictSerializer, Whole
from cloudia.core.rows import MAX_DESCRIPTION, MAX_NAME
from cloudia.jobs.serializers import JobSummarySerializer
from networking.models import Subnet
from storage import policies
from storage.enums import FileSystemKind
from storage.filesystem_rules import MAX_EXPORT, MAX_PATH, MAX_SIZE_GIB
from storage.models import FileSystem, FileSystemPlace


@extend_schema_field(serializers.DictField(child=VerdictSerializer()))
class FileSystemActions(ActionsField):
    """Edit and delete."""


class PlaceSerializer(serializers.Serializer[FileSystemPlace]):
    """Whether the directory is on a host, as last seen."""

    host = Reference(read_only=True)
    usable = serializers.BooleanField(read_only=True)
    problem = serializers.CharField(read_only=True)


class FileSystemSerializer(serializers.Serializer[FileSystem]):
    """A file system. NFS: ``export``, and the ``subnet`` that its server is in, or null if it is outside. VirtioFS:
    ``path`` on the ``places``. ``size_gib`` is as stated: nobody measures it."""

    id = serializers.UUIDField(read_only=True)
    short_id = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    description = serializers.CharField(read_only=True)
    project = Reference(read_only=True)
    kind = serializers.ChoiceField(choices=FileSystemKind.choices, read_only=True)
    export = serializers.CharField(read_only=True)
    subnet = Reference(read_only=True, allow_null=True)
    path = serializers.CharField(read_only=True)
    places = PlaceSerializer(source="places.all", many=True, read_only=True)
    size_gib = serializers.IntegerField(read_only=True, allow_null=True)
    job = serializers.SerializerMethodField()
    created_at = Time(read_only=True)
    actions = FileSystemActions(policies.FILESYSTEM_ACTIONS)

    @extend_schema_field(JobSummarySerializer(allow_null=True))
    def get_job(self, filesystem: FileSystem) -> Any:
        """The running job that has it."""
        job = filesystem.current_job
        return JobSummarySerializer(job).data if job and job.is_active else None


class FileSystemEdit(Input):
    """What can be changed; where it is stays."""

    name = Text(max_length=MAX_NAME)
    description = Text(max_length=MAX_DESCRIPTION, allow_blank=True, required=False)
    size_gib = Whole(min_value=1, max_value=MAX_SIZE_GIB, required=False, allow_null=True)


class FileSystemCreate(FileSystemEdit):
    """NFS: ``export`` (``server:/directory``). VirtioFS, for operators: ``path``, a directory of the hosts."""

    project = Ref(projects_visible_to)
    kind = serializers.ChoiceField(choices=FileSystemKind.choices)
    export = Text(max_length=MAX_EXPORT, required=False)
    subnet = Ref(Subnet.objects.visible_to, required=False, allow_null=True)
    path = Text(max_length=MAX_PATH, required=False)
