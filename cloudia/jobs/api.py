"""``/api/v1/jobs/``, and the 202 that every long operation answers with."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from cloudia.accounts.actor import Actor
from cloudia.api.errors import register_holder
from cloudia.api.router import router
from cloudia.api.viewsets import ApiViewSet, ReadViewSet
from cloudia.core.policy import Holder
from cloudia.jobs import services
from cloudia.jobs.filtersets import JobFilter
from cloudia.jobs.models import Job, JobQuerySet
from cloudia.jobs.serializers import JobSerializer, JobSummarySerializer


def jobs_to_show(jobs: JobQuerySet) -> JobQuerySet:
    """With everything a representation needs, in two queries."""
    return jobs.select_related("project", "requested_by").prefetch_related("steps")


def visible_jobs(actor: Actor) -> JobQuerySet:
    """Jobs of the actor's projects."""
    return jobs_to_show(Job.objects.visible_to(actor))


def address_of(job_id: object) -> str:
    """Where a job is read."""
    return reverse("api:job-detail", args=[job_id])


def accepted(view: ApiViewSet, job: Job) -> Response:
    """202: it is recorded, as a service has just returned it, and will be done; ``Location`` is where to look."""
    body = JobSerializer(job, context=view.get_serializer_context())
    return Response(body.data, status=status.HTTP_202_ACCEPTED, headers={"Location": address_of(job.pk)})


def describe_holder(holder: Holder) -> dict[str, Any] | None:
    """The job in the way, for a 409."""
    job = Job.objects.filter(pk=holder.id).first()
    return {**JobSummarySerializer(job).data, "name": holder.name, "url": address_of(job.pk)} if job else None


register_holder("job", describe_holder)


@extend_schema_view(list=extend_schema(summary="List jobs"), retrieve=extend_schema(summary="Read a job"))
class JobViewSet(ReadViewSet):
    """Jobs: what was asked for and takes time."""

    queryset = Job.objects.none()
    selector = visible_jobs
    serializer_class = JobSerializer
    filterset_class = JobFilter

    @extend_schema(summary="Cancel a job", request=None, responses={202: JobSerializer})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Ask it to stop. It undoes what it did."""
        job = self.get_object()
        self.parsed_nothing()
        services.job_cancel(actor=self.actor, job=job)
        return accepted(self, self.get_object())

    @extend_schema(summary="Retry a job", request=None, responses={202: JobSerializer})
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Run it again from its first step."""
        job = self.get_object()
        self.parsed_nothing()
        services.job_retry(actor=self.actor, job=job)
        return accepted(self, self.get_object())


router.register("jobs", JobViewSet, basename="job")
