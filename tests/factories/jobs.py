"""Jobs, running and ended."""

# mypy: disable-error-code="no-untyped-call"
# (factory_boy's declarations have no annotations)

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from factory.declarations import (
    LazyAttribute,
    LazyFunction,
    SelfAttribute,
    SubFactory,
)
from factory.django import DjangoModelFactory

from cloudia.jobs.enums import JobStatus
from cloudia.jobs.models import Job, JobLock, JobStep, Lockable
from tests.factories.instances import InstanceFactory


class JobFactory(DjangoModelFactory[Job]):
    """A job about ``target`` as history; :func:`hold` makes one that has it now."""

    class Meta:
        model = Job

    class Params:
        target = SubFactory(InstanceFactory)

    kind = "instance.start"
    project = SelfAttribute("target.project")
    target_type = LazyAttribute(lambda job: job.target._meta.model_name)
    target_id = SelfAttribute("target.pk")
    target_name = LazyAttribute(lambda job: str(job.target))
    status = JobStatus.SUCCEEDED
    started_at = LazyFunction(lambda: timezone.now() - timedelta(seconds=9))
    finished_at = LazyAttribute(lambda job: None if job.status in {"pending", "running"} else timezone.now())


class JobStepFactory(DjangoModelFactory[JobStep]):
    """The first step of a job."""

    class Meta:
        model = JobStep

    job = SubFactory(JobFactory)
    number = 1
    name = "start"


def hold(target: Lockable, kind: str = "instance.start", **values: Any) -> Job:
    """A running job that has ``target`` locked."""
    job = JobFactory.create(target=target, kind=kind, **{"status": JobStatus.RUNNING, **values})
    JobLock.objects.create(resource=target.lock_name, job=job)
    type(target)._default_manager.filter(pk=target.pk).update(current_job=job)
    target.current_job = job
    return job
