"""Projects full of instances, made without a host behind them: pages and API read nothing but the database."""

from __future__ import annotations

from django.db import connection

from cloudia.accounts.models import Membership
from cloudia.jobs.enums import JobStatus
from cloudia.jobs.models import Job, JobLock
from instances.enums import PowerState
from instances.models import Instance
from tests.factories import (
    HostFactory,
    ImageFactory,
    InstanceFactory,
    InstanceTypeFactory,
    JobFactory,
    MembershipFactory,
)

BATCH = 1000
ACTIVE_EVERY = 25  # one instance in so many has a job running
STATES = (PowerState.RUNNING, PowerState.RUNNING, PowerState.STOPPED)


def project_with(count: int) -> Membership:
    """A manager of a project with ``count`` instances on ten hosts, each with a history of two jobs."""
    member = MembershipFactory.create()
    hosts = HostFactory.create_batch(10)
    image, kind = ImageFactory.create(), InstanceTypeFactory.create()
    instances = [
        InstanceFactory.build(
            project=member.project,
            host=hosts[number % len(hosts)],
            image=image,
            instance_type=kind,
            power_state=STATES[number % len(STATES)],
            created_by=member.user,
        )
        for number in range(count)
    ]
    Instance.objects.bulk_create(instances, BATCH)
    for _ in range(2):
        Job.objects.bulk_create([_job(instance, member, JobStatus.SUCCEEDED) for instance in instances], BATCH)
    _make_busy(instances[::ACTIVE_EVERY], member)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # autovacuum does this within a minute
    return member


def _make_busy(instances: list[Instance], member: Membership) -> None:
    jobs = Job.objects.bulk_create([_job(instance, member, JobStatus.RUNNING) for instance in instances], BATCH)
    locks = [JobLock(resource=instance.lock_name, job=job) for instance, job in zip(instances, jobs, strict=True)]
    JobLock.objects.bulk_create(locks, BATCH)
    for instance, job in zip(instances, jobs, strict=True):
        instance.current_job = job
    Instance.objects.bulk_update(instances, ["current_job"], BATCH)


def _job(instance: Instance, member: Membership, status: JobStatus) -> Job:
    return JobFactory.build(target=instance, status=status, requested_by=member.user)
