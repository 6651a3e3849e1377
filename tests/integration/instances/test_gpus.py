"""GPU passthrough: which host, which GPU, who is refused, and when it is free again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.utils.translation import override

from cloudia.accounts.models import Quota
from cloudia.core.errors import InputError, NoCapacity
from cloudia.hosts.models import Gpu
from cloudia.jobs.models import Job, JobLock
from cloudia.jobs.services import job_retry
from instances.edit_services import instance_edit, instance_edit_plan
from instances.edits import Applies, EditWish, compute_of
from instances.enums import PowerState
from instances.models import Instance, InstanceGpu
from instances.selectors import domain_spec, room_for
from instances.services import instance_start
from instances.wishes import Compute
from tests.factories import GpuFactory, HostFactory, InstanceTypeFactory
from tests.integration.instances.test_create import Tenant
from tests.integration.instances.test_create_disks import ended

pytestmark = pytest.mark.django_db
WITH_GPU = Compute.by_hand(1, 1024, gpu=True)


@pytest.fixture
def tenant() -> Tenant:
    """On a host without a GPU."""
    return Tenant()


def gpu_host(tenant: Tenant, gpus: int = 1, **values: Any) -> list[Gpu]:
    """Another host with the tenant's storage, less memory, and GPUs."""
    host = HostFactory.create(memory_mib=8192)
    tenant.image.storage_domain.attachments.create(host=host, active=True)
    return [GpuFactory.create(host=host, **values) for _number in range(gpus)]


def made(tenant: Tenant) -> Instance:
    return Instance.objects.get(pk=tenant.create(compute=WITH_GPU).target_id)


def off(instance: Instance) -> Instance:
    """Made, and stopped since."""
    JobLock.objects.all().delete()
    Instance.objects.filter(pk=instance.pk).update(current_job=None, power_state=PowerState.STOPPED)
    return Instance.objects.get(pk=instance.pk)


def refusal(tenant: Tenant) -> str:
    with pytest.raises(NoCapacity) as refused:
        made(tenant)
    return said(refused.value)


def said(error: NoCapacity) -> str:
    with override("en"):
        return str(error.message)


def switch(tenant: Tenant, instance: Instance, *, on: bool) -> Job | None:
    wish = EditWish(compute=replace(compute_of(instance), gpu=on))
    return instance_edit(actor=tenant.actor, instance=instance, wish=wish)


def test_instance_with_a_gpu_goes_where_one_is_free(tenant: Tenant) -> None:
    (gpu,) = gpu_host(tenant, functions=["0000:65:00.0", "0000:65:00.1"])
    instance = made(tenant)
    assert (instance.host, instance.gpu, instance.gpu_use.gpu) == (gpu.host, True, gpu)
    assert domain_spec(instance, gpu.host).passthrough == ("0000:65:00.0", "0000:65:00.1")


def test_each_gpu_has_one_instance_running_or_not(tenant: Tenant) -> None:
    gpus = gpu_host(tenant, gpus=2)
    first, second = off(made(tenant)), made(tenant)
    assert {first.gpu_use.gpu, second.gpu_use.gpu} == set(gpus)
    reasons = f"{tenant.host} (GPUs: 1 needed, 0 free), {gpus[0].host} (GPUs: 1 needed, 0 free)"
    assert refusal(tenant) == f"No host has room: {reasons}."
    first.delete()
    assert made(tenant).gpu_use.gpu in gpus


@pytest.mark.parametrize("values", [{"iommu_group": None}, {"sharers": ["0000:66:00.0"]}, {"present": False}])
def test_gpu_that_can_not_be_given_away_is_nobodys(tenant: Tenant, values: dict[str, Any]) -> None:
    gpu_host(tenant, **values)
    assert "GPUs: 1 needed, 0 free" in refusal(tenant)


def test_instance_without_a_gpu_does_not_mind(tenant: Tenant) -> None:
    gpu_host(tenant)
    instance = Instance.objects.get(pk=tenant.create().target_id)
    assert (instance.host, instance.gpu) == (tenant.host, False)
    assert domain_spec(instance, tenant.host).passthrough == ()


def test_form_is_told_beforehand_where_there_is_one(tenant: Tenant) -> None:
    (gpu,) = gpu_host(tenant)
    room = room_for(tenant.image, WITH_GPU)
    assert {host: reason is None for host, reason in room.items()} == {tenant.host: False, gpu.host: True}


def test_instance_type_comes_without_a_gpu(tenant: Tenant) -> None:
    gpu_host(tenant)
    kind = InstanceTypeFactory.create(project=tenant.project)
    assert tenant.refused_at(compute=replace(Compute.of_type(kind), gpu=True)) == {("gpu", "conflict")}


def test_gpus_are_counted_by_the_projects_quota(tenant: Tenant) -> None:
    gpu_host(tenant, gpus=2)
    Quota.objects.create(project=tenant.project, resource="gpus", limit=1)
    instance = off(made(tenant))
    assert tenant.refused_at(compute=WITH_GPU) == {("gpu", "quota_exceeded")}
    switch(tenant, instance, on=False)
    made(tenant)


def test_instance_that_is_off_gets_a_gpu_of_its_host_and_gives_it_back(tenant: Tenant) -> None:
    gpu = GpuFactory.create(host=tenant.host)
    instance = off(Instance.objects.get(pk=tenant.create().target_id))
    job = switch(tenant, instance, on=True)
    instance.refresh_from_db()
    assert (instance.gpu, instance.gpu_use.gpu) == (True, gpu)
    assert job is not None
    assert job.params == {"define": True}
    job = switch(tenant, off(instance), on=False)
    assert job is not None
    assert job.params == {"define": True}
    assert (Instance.objects.get().gpu, InstanceGpu.objects.exists()) == (False, False)


def test_instance_whose_host_has_no_free_gpu_gets_none(tenant: Tenant) -> None:
    gpu_host(tenant)
    instance = off(Instance.objects.get(pk=tenant.create().target_id))
    with pytest.raises(NoCapacity) as refused:
        switch(tenant, instance, on=True)
    assert said(refused.value) == f"No host has room: {tenant.host} (GPUs: 1 needed, 0 free)."
    assert not Instance.objects.get().gpu


def test_running_instance_keeps_what_it_has(tenant: Tenant) -> None:
    GpuFactory.create(host=tenant.host)
    instance = off(Instance.objects.get(pk=tenant.create().target_id))
    Instance.objects.update(power_state=PowerState.RUNNING)
    instance.refresh_from_db()
    with pytest.raises(InputError) as refused:
        switch(tenant, instance, on=True)
    assert [error.code for error in refused.value.fields["gpu"]] == ["bad_state"]
    wish = EditWish(compute=replace(compute_of(instance), gpu=True))
    with override("en"):
        (change,) = instance_edit_plan(actor=tenant.actor, instance=instance, wish=wish)
        assert (change.field, change.before, change.after) == ("gpu", "Not used", "Used")
    assert change.applies == Applies.NEVER


def test_instance_does_not_start_without_its_gpu(tenant: Tenant) -> None:
    (gpu,) = gpu_host(tenant)
    instance = off(made(tenant))
    Gpu.objects.update(present=False)
    with pytest.raises(NoCapacity) as refused:
        instance_start(actor=tenant.actor, instance=instance)
    assert f"{gpu.host} (GPU {gpu.address}: The host does not have it any more.)" in said(refused.value)
    Gpu.objects.update(present=True)
    instance_start(actor=tenant.actor, instance=instance)


def test_another_try_takes_a_gpu_anew(tenant: Tenant) -> None:
    (gpu,) = gpu_host(tenant)
    job = tenant.create(compute=WITH_GPU)
    ended(job, succeeded=False)
    job_retry(actor=tenant.actor, job=job)
    instance = Instance.objects.get()
    assert (instance.host, instance.gpu_use.gpu) == (gpu.host, gpu)
