"""How many instances, vCPUs and GiB of memory a project may have: counted under a lock, refused where it was asked."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings
from django.utils.translation import override

from cloudia.accounts import quotas
from cloudia.accounts.models import Project, Quota
from cloudia.jobs.enums import JobStatus
from cloudia.jobs.services import job_retry
from instances.models import Instance
from instances.quotas import growth_claim, requests
from instances.wishes import Compute
from storage.models import Volume
from tests.factories import InstanceFactory, InstanceTypeFactory
from tests.integration.instances.test_create import Tenant
from tests.integration.networking.tenant import at_once, denial, faults, message, outcome

pytestmark = pytest.mark.django_db


def limit(tenant: Tenant, resource: str, most: int) -> None:
    Quota.objects.update_or_create(project=tenant.project, resource=resource, defaults={"limit": most})


def used(tenant: Tenant) -> tuple[float, ...]:
    return tuple(quotas.level(tenant.project, name).used for name in ("instances", "vcpus", "memory_gib"))


@pytest.fixture
def tenant() -> Tenant:
    return Tenant()


def test_every_instance_counts_with_what_it_has_now_whatever_its_state(tenant: Tenant) -> None:
    for state in ("running", "stopped", "unknown"):
        InstanceFactory.create(
            project=tenant.project, power_state=state, vcpus=2, max_vcpus=8, memory_mib=512, max_memory_mib=4096
        )
    InstanceFactory.create(vcpus=64)  # another project's
    assert used(tenant) == (3, 6, 1.5)


def test_one_instance_too_many_is_refused_with_both_numbers(tenant: Tenant) -> None:
    limit(tenant, "instances", 1)
    tenant.create()
    with override("en"):
        refused = denial(tenant.create)
    assert (refused.code, refused.message) == (
        "quota_exceeded",
        "The project may have 1 of “Instances” and has 1.",
    )
    assert (Instance.objects.count(), Volume.objects.count()) == (1, 1)


def test_size_that_does_not_fit_is_refused_at_each_of_its_fields(tenant: Tenant) -> None:
    limit(tenant, "vcpus", 3)
    limit(tenant, "memory_gib", 2)
    tenant.create(vcpus=2, memory_mib=1536)
    assert tenant.refused_at(vcpus=2, memory_mib=513) == {
        ("vcpus", "quota_exceeded"),
        ("memory_mib", "quota_exceeded"),
    }
    with override("en"):
        assert message(lambda: tenant.create(vcpus=1, memory_mib=513)) == (
            "The project may have 2 of “Memory (GiB)” and has 1.5."
        )
    assert Instance.objects.count() == 1
    tenant.create(vcpus=1, memory_mib=512)
    assert used(tenant) == (2, 3, 2)


def test_of_an_instance_type_the_type_is_what_does_not_fit(tenant: Tenant) -> None:
    kind = InstanceTypeFactory.create(vcpus=4, memory_mib=1024)
    limit(tenant, "vcpus", 3)
    assert tenant.refused_at(compute=Compute.of_type(kind)) == {("instance_type", "quota_exceeded")}


def test_a_single_mib_is_not_rounded_away(tenant: Tenant) -> None:
    limit(tenant, "memory_gib", 2)
    InstanceFactory.create(project=tenant.project, memory_mib=1025)
    assert tenant.refused_at(memory_mib=1024) == {("memory_mib", "quota_exceeded")}
    with override("en"):
        assert "and has 1.01." in message(lambda: tenant.create(memory_mib=1024)), "not less than it has"
    tenant.create(memory_mib=1023)


def test_who_grows_and_shrinks_is_only_refused_what_grows(tenant: Tenant) -> None:
    InstanceFactory.create(project=tenant.project, vcpus=4, memory_mib=4096)
    limit(tenant, "vcpus", 4)
    limit(tenant, "memory_gib", 1)  # an operator lowered it
    assert faults(lambda: growth_claim(tenant.project, 1, -1024, 0)) == {("vcpus", "quota_exceeded")}
    growth_claim(tenant.project, -1, -1024, -1)
    growth_claim(tenant.project, 0, 0, 0)


def test_failed_create_counts_until_it_is_deleted_and_once_when_tried_again(tenant: Tenant) -> None:
    for name in ("instances", "vcpus", "memory_gib"):
        limit(tenant, name, 1)
    job = tenant.create()
    job.operation(job).failed()
    job.status = JobStatus.FAILED
    job.save()
    Instance.objects.update(current_job=None)
    job.locks.all().delete()
    assert used(tenant) == (1, 1, 1)
    assert denial(tenant.create).code == "quota_exceeded"

    job_retry(actor=tenant.actor, job=job)

    assert used(tenant) == (1, 1, 1)


def test_deleting_makes_room(tenant: Tenant) -> None:
    limit(tenant, "instances", 1)
    gone = InstanceFactory.create(project=tenant.project)
    assert outcome(tenant.create) == "quota_exceeded"
    gone.delete()
    assert outcome(tenant.create) == "done"


def test_what_a_form_asks_for_is_told_with_the_reason_where_it_does_not_fit(tenant: Tenant) -> None:
    InstanceFactory.create(project=tenant.project, vcpus=2, memory_mib=1536)
    limit(tenant, "memory_gib", 2)
    found = {
        each.level.resource.name: (each.level.used, each.more, bool(each.reason))
        for each in requests(tenant.project, Compute.by_hand(4, 1024), [10, 20])
    }
    assert found == {
        "vcpus": (2, 4, False),
        "memory_gib": (1.5, 1, True),
        "volume_gib": (0, 30, False),
        "volumes": (0, 2, False),
        "instances": (1, 1, False),
    }
    nonsense = requests(tenant.project, Compute.by_hand(-5, -1024), [0])
    assert min(each.more for each in nonsense) == 0
    assert [each.more for each in requests(tenant.project, None, [0])] == [0, 0, 0, 1, 1]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("resource", "most"),
    [("instances", 4), ("vcpus", 8), ("memory_gib", 2)],
)
def test_parallel_creates_fill_a_quota_exactly(resource: str, most: int) -> None:
    tenant = Tenant(vcpu_ratio=8)
    limit(tenant, resource, most)  # each asks for 2 vCPUs and half a GiB: four fit
    size = {"vcpus": 2, "memory_mib": 512}
    answers = Counter(at_once(lambda number: outcome(lambda: tenant.create(name=f"n{number}", **size)), range(12)))
    assert answers == {"done": 4, "quota_exceeded": 8}
    found = quotas.level(Project.objects.get(), resource)
    assert found.used == found.limit == most
    assert Instance.objects.count() == Volume.objects.count() == 4


def test_the_documented_limits_are_those_that_hold() -> None:
    text = Path(settings.BASE_DIR, "docs/settings.md").read_text(encoding="utf-8")
    section = text.partition("## Quotas")[2].partition("\n## ")[0]
    documented = {name: int(most) for name, most in re.findall(r"^\| `(\w+)` \| (\d+) \|", section, re.MULTILINE)}
    assert documented == {each.name: each.default for each in quotas.resources()}
