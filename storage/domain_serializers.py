"""Storage domains as the API shows and takes them. The secret goes in and never comes out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cloudia.api.authentication import actor_of
from cloudia.api.fields import ActionsField, Input, Ratio, Ref, Reference, Text, Time, VerdictSerializer
from cloudia.hosts.models import Host
from cloudia.jobs.serializers import JobSummarySerializer
from storage import policies
from storage.enums import DomainKind, Media, StrayKind
from storage.models import StorageAttachment, StorageDomain, StrayFile
from storage.services.domains import MAX_AT_ONCE

MAX_NAME, MAX_PATH, MAX_PLACE, MAX_USERNAME, MAX_SECRET = 64, 512, 255, 128, 256
FOR_OPERATORS = ("path", "server", "source", "username", "attachments", "scanned_at")


class AttachmentSerializer(serializers.Serializer[StorageAttachment]):
    """The storage domain on one host, as it was last seen; ``problem`` says why it does not work there."""

    host = Reference(read_only=True)
    active = serializers.BooleanField(read_only=True)
    leaving = serializers.BooleanField(read_only=True)
    problem = serializers.CharField(read_only=True)
    capacity_bytes = serializers.IntegerField(read_only=True)
    available_bytes = serializers.IntegerField(read_only=True)
    checked_at = Time(read_only=True, allow_null=True)


@extend_schema_field(serializers.DictField(child=VerdictSerializer()))
class DomainActions(ActionsField):
    """What operators may do with it."""


class DomainSerializer(serializers.Serializer[StorageDomain]):
    """A storage domain. Where its files are and on which hosts is told to operators, null to others.

    ``promised_bytes``: what volumes may come to fill; up to ``limit_bytes``, the capacity times ``over_commit``.
    Sizes are 0 as long as no host has it.
    """

    id = serializers.UUIDField(read_only=True)
    short_id = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    kind = serializers.ChoiceField(choices=DomainKind.choices, read_only=True)
    media = serializers.ChoiceField(choices=Media.choices, read_only=True)
    shared = serializers.BooleanField(source="traits.shared", read_only=True)
    active = serializers.SerializerMethodField()
    over_commit = serializers.FloatField(read_only=True)
    capacity_bytes = serializers.IntegerField(source="room.capacity_bytes", read_only=True)
    available_bytes = serializers.IntegerField(source="room.available_bytes", read_only=True)
    promised_bytes = serializers.IntegerField(source="room.promised_bytes", read_only=True)
    limit_bytes = serializers.IntegerField(source="room.limit_bytes", read_only=True)
    path = serializers.CharField(read_only=True, allow_null=True)
    server = serializers.CharField(read_only=True, allow_null=True)
    source = serializers.CharField(read_only=True, allow_null=True)  # type: ignore[assignment]  # not Field.source
    username = serializers.CharField(read_only=True, allow_null=True)
    attachments = AttachmentSerializer(source="attachments.all", many=True, read_only=True, allow_null=True)
    scanned_at = Time(read_only=True, allow_null=True)
    job = serializers.SerializerMethodField()
    created_at = Time(read_only=True)
    actions = DomainActions(policies.DOMAIN_ACTIONS)

    def to_representation(self, instance: StorageDomain) -> dict[str, Any]:
        """What only operators are told is null to others."""
        shown = super().to_representation(instance)
        if not actor_of(self.context["request"]).is_operator:
            shown |= dict.fromkeys(FOR_OPERATORS)
        return shown

    @extend_schema_field(serializers.BooleanField())
    def get_active(self, domain: StorageDomain) -> bool:
        """Whether it works on some host."""
        return any(attachment.active for attachment in domain.attachments.all())

    @extend_schema_field(JobSummarySerializer(allow_null=True))
    def get_job(self, domain: StorageDomain) -> Any:
        """The running job that has it."""
        job = domain.current_job
        return JobSummarySerializer(job).data if job and job.is_active else None


def ratio() -> Ratio:
    """How much may be promised of the capacity."""
    return Ratio(max_digits=5, decimal_places=2, min_value=Decimal(1), required=False)


def secret_text() -> Text:
    """Ceph's key."""
    return Text(max_length=MAX_SECRET, allow_blank=True, required=False, write_only=True)


class DomainEdit(Input):
    """What can be changed; an empty ``secret`` leaves it as it is."""

    name = Text(max_length=MAX_NAME)
    media = serializers.ChoiceField(choices=Media.choices, required=False)
    over_commit = ratio()
    secret = secret_text()


class DomainCreate(DomainEdit):
    """``dir``, ``shared_dir``: ``path``. ``nfs``: ``server``, ``source``. ``lvm``: ``source``. ``rbd``: ``server``
    (its monitors), ``source``, ``username``, ``secret``."""

    kind = serializers.ChoiceField(choices=DomainKind.choices)
    path = Text(max_length=MAX_PATH, allow_blank=True, required=False)
    server = Text(max_length=MAX_PLACE, allow_blank=True, required=False)
    source = Text(max_length=MAX_PLACE, allow_blank=True, required=False)  # type: ignore[assignment]  # the same
    username = Text(max_length=MAX_USERNAME, allow_blank=True, required=False)


class HostInput(Input):
    """Which host."""

    host = Ref(lambda _actor: Host.objects.all())  # only operators get here


class StraySerializer(serializers.Serializer[StrayFile]):
    """``orphan``: a file that no row owns. ``missing``: a row, ``holder``, without its file. ``foreign``: not ours.

    ``deletable``: seen for long enough; ``seen_at``: since when.
    """

    id = serializers.UUIDField(read_only=True)
    kind = serializers.ChoiceField(choices=StrayKind.choices, read_only=True)
    name = serializers.CharField(read_only=True)
    size_bytes = serializers.IntegerField(read_only=True)
    holder = serializers.SerializerMethodField()
    seen_at = Time(read_only=True)
    deletable = serializers.BooleanField(source="is_deletable", read_only=True)

    @extend_schema_field(serializers.DictField(child=serializers.CharField(), allow_null=True))
    def get_holder(self, stray: StrayFile) -> dict[str, str] | None:
        """Whose file is missing."""
        if not stray.holder_id:
            return None
        return {"type": stray.holder_type, "id": stray.holder_id, "name": stray.holder_name}


class CleanInput(Input):
    """The files to delete, by the ids of the report."""

    files = serializers.ListField(child=serializers.UUIDField(), allow_empty=False, max_length=MAX_AT_ONCE)
