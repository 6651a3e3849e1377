"""Fills a database like that of a company that has used CloudiA for a while: rows only, no hosts behind them.

Run as a program of its own (``python -m tests.e2e.scenery``). What it answers: ids of what is worth a visit, by name.
"""

from __future__ import annotations

import json
import math
import os
import sys
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import django

from tests.e2e.scenery_affinity import WORDS as AFFINITY_WORDS
from tests.e2e.scenery_affinity import affinity, hostile_affinity
from tests.e2e.scenery_domains import WORDS as DOMAIN_WORDS
from tests.e2e.scenery_domains import domains
from tests.e2e.scenery_filesystems import WORDS as FILESYSTEM_WORDS
from tests.e2e.scenery_filesystems import filesystems, hostile_filesystems
from tests.e2e.scenery_guests import WORDS as GUEST_WORDS
from tests.e2e.scenery_guests import guests, hostile_guest
from tests.e2e.scenery_networks import WORDS, hostile_networks, networks
from tests.e2e.scenery_storage import WORDS as STORAGE_WORDS
from tests.e2e.scenery_storage import hostile_storage, storage
from tests.e2e.scenery_templates import WORDS as TEMPLATE_WORDS
from tests.e2e.scenery_templates import hostile_template, templates
from tests.e2e.scenery_types import WORDS as TYPE_WORDS
from tests.e2e.scenery_types import hostile_type, types
from tests.e2e.seed import PASSWORD

GIB = 2**30
HOSTILE = "<script>alert(document.domain)</script>\"'><img src=x onerror=alert(1)> 🚀🇰🇷"  # in every place for names
LONGEST = ("가나다-very-long-name-" * 7)[:128]


class Line(NamedTuple):
    """An instance in few words."""

    name: str
    origin: str
    owner: str
    status: str
    vcpus: int
    memory_gib: int
    host: int  # the first is 1
    days: float  # ago


INSTANCES = [
    Line("redis-session-02", "manual", "", "creating", 2, 4, 1, 0.001),
    Line("web-asg-k2m8x", "autoscaling", "web-asg", "starting", 2, 4, 2, 0.002),
    Line("web-asg-7d9f4", "autoscaling", "web-asg", "running", 2, 4, 3, 0.1),
    Line("staging-api-03", "manual", "", "failed", 2, 4, 1, 2.3),
    Line("web-prod-01", "manual", "", "running", 4, 8, 1, 19),
    Line("web-prod-02", "manual", "", "running", 4, 8, 2, 19),
    Line("ml-train-a100-01", "manual", "", "running", 16, 128, 6, 25),
    Line("k8s-prod-worker-pool-a-6b8f7c9d4-x2vlp", "kubernetes", "shop-k8s", "running", 8, 32, 2, 42),
    Line("k8s-prod-worker-pool-a-6b8f7c9d4-q9zkd", "kubernetes", "shop-k8s", "running", 8, 32, 3, 42),
    Line("k8s-prod-control-1", "kubernetes", "shop-k8s", "running", 4, 8, 1, 42),
    Line("gitlab-runner-04", "manual", "", "rebooting", 4, 8, 3, 81),
    Line("db-replica-01", "manual", "", "running", 16, 64, 2, 95),
    Line("db-primary-postgresql-15-서울리전-결제정산-운영", "manual", "", "running", 16, 64, 1, 95),
    Line("log-collector-02", "manual", "", "stopping", 4, 16, 3, 130),
    Line("batch-settlement-nightly", "manual", "", "stopped", 8, 16, 2, 145),
    Line("bastion-01", "manual", "", "running", 1, 2, 1, 194),
    Line("legacy-erp-windows2019", "manual", "", "running", 8, 32, 4, 353),
    Line("payment-gateway-01", "manual", "", "running", 4, 16, 3, 201),
    Line("payment-gateway-02", "manual", "", "running", 4, 16, 1, 201),
    Line("search-indexer-01", "manual", "", "paused", 8, 32, 2, 220),
    Line("mail-relay-01", "manual", "", "stopped", 1, 2, 1, 260),
    Line("vpn-concentrator", "manual", "", "running", 2, 4, 3, 300),
    Line("grafana-internal", "manual", "", "running", 2, 8, 4, 310),
    Line("old-jenkins", "manual", "", "stopped", 4, 8, 2, 400),
    Line("정산-보고서-생성기", "manual", "", "stopped", 2, 4, 3, 402),
]
JOBS = {"creating": "instance.create", "starting": "instance.start", "stopping": "instance.stop"}
JOBS |= {"rebooting": "instance.reboot"}
POWER = {"creating": "absent", "failed": "absent", "starting": "stopped", "stopped": "stopped", "paused": "paused"}
PROJECTS = ("커머스 운영", "품질 검증", "새 프로젝트")
DESCRIPTION = "결제·정산 데이터베이스. 변경 전 데이터 팀에 알려 주세요."
SYSTEMS = {"Ubuntu 22.04 LTS": ("Ubuntu", "22.04"), "Debian 12": ("Debian", "12"), "Rocky Linux 9": ("Rocky", "9")}
PERSON = "김서연"
NAMES = (*(line.name for line in INSTANCES), HOSTILE, LONGEST, PERSON)
# What is not the pages' own words.
STORED = (*STORAGE_WORDS, *DOMAIN_WORDS, *FILESYSTEM_WORDS, *GUEST_WORDS, *AFFINITY_WORDS)
# Names of instance types end after 64 characters.
DATA = (*NAMES, HOSTILE[:64], *WORDS, *STORED, *PROJECTS, *TYPE_WORDS, *TEMPLATE_WORDS, *SYSTEMS, DESCRIPTION)


def main() -> None:
    """Fill the database; write what was made to standard output."""
    django.setup()
    json.dump(fill(), sys.stdout)


def fill() -> dict[str, str]:
    """Everything; ids as text."""
    from django.utils import timezone  # after django.setup, like every import of ours below

    from cloudia.accounts.models import User
    from tests.factories import MembershipFactory, ProjectFactory

    now = timezone.now()
    kim = User.objects.create_user("seoyeon.kim", PASSWORD, is_operator=True, display_name=PERSON)
    kim.email = "seoyeon.kim@example.com"
    kim.save()
    newcomer = User.objects.create_user("newcomer", PASSWORD)
    project, other, empty = (ProjectFactory.create(name=name) for name in PROJECTS)
    for member, place in ((kim, project), (kim, other), (newcomer, empty)):
        MembershipFactory.create(user=member, project=place)
    hosts = _hosts(now)
    images = _images(hosts, project)
    made = [_instance(line, project, kim, hosts, images, now) for line in INSTANCES]
    _history(made, kim, now)
    _tokens(kim, now)
    named = {instance.name: str(instance.pk) for instance in made} | networks(project, made)
    named |= storage(project, made, kim) | domains(hosts) | filesystems(project, made, hosts, kim)
    guests(made)
    types(project, made)
    named |= templates(project, made, kim)
    affinity(project, made)
    _quotas(project)
    return {**named, **_hostile(other, hosts, images, kim), **_jobs_by_status(), "project": str(project.pk)}


def _quotas(project: Any) -> None:
    """Nearly used up: the smallest instance type still fits, the largest does not."""
    from cloudia.accounts.models import Quota  # after django.setup
    from cloudia.accounts.quotas import level

    for resource, left in (("vcpus", 7), ("memory_gib", 14)):
        limit = math.ceil(level(project, resource).used) + left
        Quota.objects.create(project=project, resource=resource, limit=limit)


def _hosts(now: Any) -> list[Any]:
    from cloudia.core.text import in_every_language
    from cloudia.virt.errors import still_silent
    from tests.factories import GpuFactory, HostFactory

    values: list[dict[str, Any]] = [{"cpus": 32, "memory_mib": 262_144} for _ in range(5)]
    values[3] |= {"reachable": False, "last_seen_at": now - timedelta(seconds=32)}
    values[3] |= {"problem_texts": in_every_language(still_silent().message)}
    values.append({"cpus": 64, "memory_mib": 524_288, "state": "maintenance"})
    names = [f"kvm-seoul-0{number}" for number in range(1, 6)] + ["gpu-seoul-01"]
    hosts = [HostFactory.create(name=name, **value) for name, value in zip(names, values, strict=True)]
    for bus in range(4):
        GpuFactory.create(host=hosts[-1], address=f"0000:{bus + 65:02x}:00.0")
    GpuFactory.create(host=hosts[2], address="0000:17:00.0", product="AD102GL [L40S]", iommu_group=None)
    return hosts


def _images(hosts: list[Any], project: Any) -> list[Any]:
    from storage.enums import DomainKind
    from tests.factories import ImageFactory, StorageDomainFactory

    shared = StorageDomainFactory.create(name="nfs-ssd-01", kind=DomainKind.SHARED_DIR, hosts=hosts)
    images = [
        ImageFactory.create(name=name, os_type=system, os_version=version, storage_domain=shared, virtual_bytes=8 * GIB)
        for name, (system, version) in SYSTEMS.items()
    ]
    own = {"os_type": "Windows", "os_version": "2022", "virtual_bytes": 40 * GIB, "project": project}
    return [*images, ImageFactory.create(name="windows-2022-kms", storage_domain=shared, **own)]


def _instance(line: Line, project: Any, user: Any, hosts: list[Any], images: list[Any], now: Any) -> Any:
    from cloudia.hosts.models import Gpu
    from instances.models import Instance, InstanceGpu
    from tests.factories import BootDiskFactory, InstanceFactory

    memory_mib = line.memory_gib * 1024
    instance = InstanceFactory.create(
        name=line.name,
        description=DESCRIPTION if line.name.startswith("db-") else "",
        project=project,
        created_by=user,
        created_at=now - timedelta(days=line.days),
        origin=line.origin,
        owner_name=line.owner,
        host=hosts[line.host - 1],
        image=images[3 if "windows" in line.name else line.host % 3],
        vcpus=line.vcpus,
        max_vcpus=line.vcpus * 2,
        memory_mib=memory_mib,
        max_memory_mib=memory_mib * 2,
        power_state=POWER.get(line.status, "running"),
    )
    if "a100" in line.name:
        Instance.objects.filter(pk=instance.pk).update(gpu=True)
        InstanceGpu.objects.create(instance=instance, gpu=Gpu.objects.filter(host=instance.host)[0])
    BootDiskFactory.create(instance=instance)
    _current_job(instance, line.status, user, now)
    return instance


def _current_job(instance: Any, status: str, user: Any, now: Any) -> None:
    """The job that has the instance, or left it broken."""
    from tests.factories import JobFactory, hold

    if kind := JOBS.get(status):
        progress = 45 if status == "creating" else None
        begun = now - timedelta(seconds=19 if progress else 8)
        _steps(hold(instance, kind, requested_by=user, progress=progress, created_at=begun, started_at=begun))
    if status == "failed":
        job = JobFactory.create(target=instance, **_failure(now, user))
        _steps(job)
        type(instance).objects.filter(pk=instance.pk).update(current_job=job)


def _failure(now: Any, user: Any) -> dict[str, Any]:
    from cloudia.core.text import in_every_language
    from cloudia.virt.errors import no_space

    begun = now - timedelta(minutes=17)
    times = {"created_at": begun, "started_at": begun, "finished_at": begun + timedelta(seconds=31)}
    error = {"error_code": no_space().code, "error_texts": in_every_language(no_space().message)}
    return {"kind": "instance.create", "status": "failed", "requested_by": user, **times, **error}


def _steps(job: Any) -> None:
    """The steps of its operation: the last one runs, or failed where the job did."""
    from tests.factories import JobStepFactory

    instance_steps = {"instance.create": ["boot_disk"], "instance.start": ["define", "start"]}
    names = instance_steps.get(job.kind, [job.kind.removeprefix("instance.")])
    pool, volume = f"cloudia-{uuid.uuid4()}", uuid.uuid4()
    notes = {"boot_disk": f"virsh vol-create-as {pool} {volume} 8G --format qcow2 --backing-vol {uuid.uuid4()}"}
    for number, name in enumerate(names, 1):
        done = number < len(names) or job.status == "succeeded"
        began = job.started_at + timedelta(seconds=number - 1)
        status = "succeeded" if done else "failed" if job.status == "failed" else "running"
        ended = began + timedelta(seconds=1) if status != "running" else None
        note = notes.get(name, f"virsh {name} i-{job.target_id.hex[:8]}")
        JobStepFactory.create(
            job=job, number=number, name=name, status=status, started_at=began, finished_at=ended, detail=note
        )
    type(job).objects.filter(pk=job.pk).update(step=names[-1], attempts=1)


def _history(instances: list[Any], user: Any, now: Any) -> None:
    """What was done during the last day, newest first in the list."""
    for minutes, (instance, kind, status) in enumerate(_done(instances), 1):
        from tests.factories import JobFactory

        began = now - timedelta(minutes=37 * minutes)
        times = {"created_at": began, "started_at": began, "finished_at": began + timedelta(seconds=4 + 3 * minutes)}
        job = JobFactory.create(target=instance, kind=kind, status=status, requested_by=user, **times)
        _steps(job)


def _done(instances: list[Any]) -> Iterator[tuple[Any, str, str]]:
    by_name = {instance.name: instance for instance in instances}
    yield by_name["web-asg-7d9f4"], "instance.create", "succeeded"
    yield by_name["bastion-01"], "instance.reboot", "succeeded"
    yield by_name["batch-settlement-nightly"], "instance.stop", "succeeded"
    yield by_name["old-jenkins"], "instance.stop", "cancelled"
    yield by_name["정산-보고서-생성기"], "instance.stop", "succeeded"
    for number in (1, 2):
        yield by_name[f"payment-gateway-0{number}"], "instance.start", "succeeded"
    yield by_name["db-primary-postgresql-15-서울리전-결제정산-운영"], "instance.start", "succeeded"
    yield by_name["web-prod-01"], "instance.reboot", "succeeded"


def _tokens(user: Any, now: Any) -> None:
    from cloudia.accounts.actor import Actor
    from cloudia.accounts.models import ApiToken
    from cloudia.accounts.services import token_create

    for name, scope in (("terraform-prod", ApiToken.Scope.WRITE), ("grafana", ApiToken.Scope.READ)):
        token_create(actor=Actor(user), user=user, name=name, scope=scope, expires_at=now + timedelta(days=80))


def _hostile(project: Any, hosts: list[Any], images: list[Any], user: Any) -> dict[str, str]:
    """Names that try to break pages, in another project."""
    from tests.factories import BootDiskFactory, InstanceFactory, JobFactory

    given: dict[str, Any] = {"project": project, "host": hosts[0], "image": images[0], "created_by": user}
    evil = InstanceFactory.create(name=HOSTILE, description=HOSTILE, owner_name=HOSTILE, origin="autoscaling", **given)
    long = InstanceFactory.create(name=LONGEST, description="긴설명" * 300, power_state="running", **given)
    longest_word = InstanceFactory.create(name="W" * 128, **given)
    for instance in (evil, long, longest_word):
        BootDiskFactory.create(instance=instance)
    more = hostile_networks(project, [evil, long, longest_word], HOSTILE) | hostile_storage(project, evil, HOSTILE)
    more |= hostile_filesystems(project, evil, HOSTILE)
    hostile_guest(evil, HOSTILE)
    hostile_type(project, evil, HOSTILE)
    more |= hostile_template(project, evil, HOSTILE)
    hostile_affinity(project, evil, HOSTILE)
    job = JobFactory.create(target=evil, requested_by=user, status="failed", error_texts={"ko": HOSTILE})
    ids = {"hostile": evil.pk, "long": long.pk, "word": longest_word.pk, "hostile_job": job.pk, "other": project.pk}
    return {name: str(pk) for name, pk in ids.items()} | more


def _jobs_by_status() -> dict[str, str]:
    from cloudia.jobs.models import Job

    return {f"job_{job.status}": str(job.pk) for job in Job.objects.exclude(target_name=HOSTILE).order_by("created_at")}


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloudia.settings")
    main()
