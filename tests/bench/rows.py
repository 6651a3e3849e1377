"""Projects full of instances, made without a host behind them: pages and API read nothing but the database."""

from __future__ import annotations

from uuid import uuid4

from django.db import connection

from cloudia.accounts.models import Membership
from cloudia.jobs.enums import JobStatus
from cloudia.jobs.models import Job, JobLock
from instances.enums import PowerState
from instances.models import Instance, InstanceInterface
from networking.models import NetworkInterface, Subnet
from tests.factories import (
    HostFactory,
    ImageFactory,
    InstanceFactory,
    InstanceTypeFactory,
    JobFactory,
    MembershipFactory,
    SubnetFactory,
)

BATCH = 1000
SECOND_EVERY = 4  # one instance in so many has a second interface
ACTIVE_EVERY = 25  # one instance in so many has a job running
STATES = (PowerState.RUNNING, PowerState.RUNNING, PowerState.STOPPED)


def project_with(count: int) -> Membership:
    """A manager of a project with ``count`` instances on ten hosts, each with an address and two past jobs."""
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
    _connect(instances)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # autovacuum does this within a minute
    return member


def _connect(instances: list[Instance]) -> None:
    """An interface each, and another one for some."""
    subnet = SubnetFactory.create(project=instances[0].project, cidr="10.64.0.0/15")
    owners = [*instances, *instances[::SECOND_EVERY]]
    nics = [_interface(subnet, owner, number) for number, owner in enumerate(owners)]
    NetworkInterface.objects.bulk_create(nics, BATCH)
    links = [
        InstanceInterface(instance=owner, interface=nic, position=int(number >= len(instances)))
        for number, (owner, nic) in enumerate(zip(owners, nics, strict=True))
    ]
    InstanceInterface.objects.bulk_create(links, BATCH)


def _interface(subnet: Subnet, owner: Instance, number: int) -> NetworkInterface:
    return NetworkInterface(
        project=owner.project,
        subnet=subnet,
        address=str(subnet.network[2 + number]),
        mac=f"52:54:{uuid4().bytes[:4].hex(':')}",
        owner_id=owner.pk,
        owner_name=owner.name,
        owner_short_id=owner.short_id,
    )


def _make_busy(instances: list[Instance], member: Membership) -> None:
    jobs = Job.objects.bulk_create([_job(instance, member, JobStatus.RUNNING) for instance in instances], BATCH)
    locks = [JobLock(resource=instance.lock_name, job=job) for instance, job in zip(instances, jobs, strict=True)]
    JobLock.objects.bulk_create(locks, BATCH)
    for instance, job in zip(instances, jobs, strict=True):
        instance.current_job = job
    Instance.objects.bulk_update(instances, ["current_job"], BATCH)


def _job(instance: Instance, member: Membership, status: JobStatus) -> Job:
    return JobFactory.build(target=instance, status=status, requested_by=member.user)
