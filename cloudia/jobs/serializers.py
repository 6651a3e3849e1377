"""Jobs as the API shows them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cloudia.api.fields import ActionsField, Reference, Time, VerdictSerializer
from cloudia.jobs import policies
from cloudia.jobs.enums import JobStatus, StepStatus
from cloudia.jobs.models import Job


class JobSummarySerializer(serializers.Serializer[Job]):
    """The job that has something, in that something's representation."""

    id = serializers.UUIDField(read_only=True)
    kind = serializers.CharField(read_only=True)
    progress = serializers.IntegerField(read_only=True, allow_null=True)


class JobTargetSerializer(serializers.Serializer[Job]):
    """What a job is about; it may be gone."""

    type = serializers.CharField(source="target_type", read_only=True)
    id = serializers.UUIDField(source="target_id", read_only=True)
    name = serializers.CharField(source="target_name", read_only=True)


class JobErrorSerializer(serializers.Serializer[Job]):
    """Why a job failed."""

    code = serializers.CharField(source="error_code", read_only=True)
    detail = serializers.CharField(source="error_detail", read_only=True)


class JobStepSerializer(serializers.Serializer[Any]):
    """One step; ``detail`` has the equivalent commands and what was found, ``message`` what came of it in words."""

    name = serializers.CharField(read_only=True)
    status = serializers.ChoiceField(choices=StepStatus.choices, read_only=True)
    started_at = Time(read_only=True)
    finished_at = Time(read_only=True, allow_null=True)
    detail = serializers.CharField(read_only=True)
    message = serializers.CharField(read_only=True)


class UserReference(Reference):
    """A user, as it is read."""

    name = serializers.CharField(source="__str__", read_only=True)


@extend_schema_field(serializers.DictField(child=VerdictSerializer()))
class JobActions(ActionsField):
    """Cancel and retry."""


class JobSerializer(serializers.Serializer[Job]):
    """A job."""

    id = serializers.UUIDField(read_only=True)
    kind = serializers.CharField(read_only=True)
    project = Reference(read_only=True, allow_null=True)
    status = serializers.ChoiceField(choices=JobStatus.choices, read_only=True)
    progress = serializers.IntegerField(read_only=True, allow_null=True)
    step = serializers.CharField(read_only=True)
    target = JobTargetSerializer(source="*", read_only=True)
    error = serializers.SerializerMethodField()
    created_at = Time(read_only=True)
    started_at = Time(read_only=True, allow_null=True)
    finished_at = Time(read_only=True, allow_null=True)
    requested_by = UserReference(read_only=True, allow_null=True)
    steps = JobStepSerializer(many=True, read_only=True, source="steps.all")
    actions = JobActions(policies.ACTIONS)

    @extend_schema_field(JobErrorSerializer(allow_null=True))
    def get_error(self, job: Job) -> Any:
        """Only where there is one."""
        return JobErrorSerializer(job).data if job.error_code else None
