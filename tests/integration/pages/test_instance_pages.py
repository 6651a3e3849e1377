"""인스턴스 상세, 생성, 편집, and the search in the top bar."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from cloudia.accounts.models import Project, Quota
from cloudia.hosts.models import Host
from cloudia.jobs.enums import JobStatus
from instances.models import Instance
from networking.models import Subnet
from storage.enums import ImageStatus
from tests.factories import (
    BootDiskFactory,
    GpuFactory,
    HostFactory,
    ImageFactory,
    InstanceFactory,
    InstanceTypeFactory,
    JobFactory,
    StorageDomainFactory,
    SubnetFactory,
)
from tests.integration.pages.conftest import HTMX

FACTS = "이름 상태 UUID/ID 생성일시 VPC 인스턴스타입 GPU vCPU 메모리크기 최대vCPU 최대메모리크기 "
FACTS += "물리머신 Cloud-init 생성방식 이미지 시작템플릿"


# The lists that are empty until somebody adds to them, as the page sends them.
NOTHING_MORE = {
    f"{name}-{count}": "0"
    for name in ("new_volumes", "filesystems", "scripts")
    for count in ("TOTAL_FORMS", "INITIAL_FORMS")
}


def filled(project: Project, **changes: Any) -> dict[str, Any]:
    """A form that makes an instance, but for what a test changes."""
    image = ImageFactory.create(storage_domain=StorageDomainFactory.create(hosts=[HostFactory.create()]))
    kind = InstanceTypeFactory.create(vcpus=2, memory_mib=2048)
    values = {"name": "web", "mode": "type", "instance_type": str(kind.pk), "image": str(image.pk), "start": "on"}
    subnet = project.subnets.first() or SubnetFactory.create(project=project)
    return {**values, **nics(subnet), **NOTHING_MORE, "username": "cloudia", **changes}


def nics(*subnets: Subnet) -> dict[str, Any]:
    """Rows of the form, with automatic addresses and without groups."""
    count = {"interfaces-TOTAL_FORMS": str(len(subnets)), "interfaces-INITIAL_FORMS": "0"}
    chosen = {f"interfaces-{number}-subnet": str(subnet.pk) for number, subnet in enumerate(subnets)}
    return {**count, **chosen, **{f"interfaces-{number}-assignment": "auto" for number in range(len(subnets))}}


def test_the_guides_facts_are_shown_in_its_order(manager: Client, project: Project) -> None:
    instance = InstanceFactory.create(project=project)
    page = manager.get(f"/instances/{instance.pk}/", headers={"accept-language": "ko"}).content.decode()
    assert " ".join(label.replace(" ", "") for label in re.findall(r"<dt>([^<]+)</dt>", page)) == FACTS


def test_tabs_show_disks_and_jobs(manager: Client, project: Project) -> None:
    disk = BootDiskFactory.create(instance=InstanceFactory.create(project=project))
    job = JobFactory.create(target=disk.instance)
    base = f"/instances/{disk.instance.pk}"
    disks = manager.get(f"{base}/disks/", headers=HTMX).content.decode()
    assert [text in disks for text in (disk.volume.name, disk.volume.short_id, "/dev/vda", "SSD")] == [True] * 4
    assert f"/jobs/{job.pk}/" in manager.get(f"{base}/jobs/", headers=HTMX).content.decode()


def test_a_live_update_fetches_what_stands_above_the_tabs(manager: Client, project: Project) -> None:
    instance = InstanceFactory.create(project=project)
    part = manager.get(f"/instances/{instance.pk}/", headers={**HTMX, "HX-Target": "overview"}).content.decode()
    assert ("<html" in part, f'data-live="instance:{instance.pk}' in part) == (False, True)


def test_a_failed_create_says_why_and_offers_another_try(manager: Client, project: Project) -> None:
    instance = InstanceFactory.create(project=project)
    job = JobFactory.create(
        target=instance,
        kind="instance.create",
        status=JobStatus.FAILED,
        error_code="no_space",
        error_texts={"en": "No space left.", "ko": "공간이 없습니다."},
    )
    page = manager.get(f"/instances/{instance.pk}/").content.decode()
    assert "No space left." in page
    assert f'hx-get="/jobs/{job.pk}/retry/"' in page


@pytest.mark.parametrize(
    "path", ["", "row/", "edit/", "disks/", "jobs/", "interfaces/", "interfaces/add/", "floating-ips/"]
)
def test_another_projects_instance_is_not_found(path: str, manager: Client) -> None:
    assert manager.get(f"/instances/{InstanceFactory.create().pk}/{path}").status_code == 404


def test_the_form_makes_an_instance_and_goes_to_its_page(manager: Client, project: Project) -> None:
    answer = manager.post("/instances/new/", filled(project, max_vcpus="4", boot_disk_gib="10"))
    instance = Instance.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/instances/{instance.pk}/")
    assert (instance.vcpus, instance.max_vcpus, instance.memory_mib) == (2, 4, 2048)
    assert instance.current_job
    assert instance.current_job.params == {"start": True, "boot_disk_gib": 10, "volumes": []}


def test_the_size_can_be_set_directly_in_either_unit(manager: Client, project: Project) -> None:
    size = {"mode": "direct", "vcpus": "1", "memory_0": "128", "memory_1": "1", "max_memory_0": "0.5"}
    manager.post("/instances/new/", filled(project, **size, max_memory_1="1024", start=""))
    instance = Instance.objects.get()
    assert (instance.memory_mib, instance.max_memory_mib, instance.instance_type) == (128, 512, None)


CORES = {"mode": "direct", "memory_0": "1", "topology": "custom", "threads_per_core": "2", "cores": "4"}


def test_cores_and_threads_say_how_many_vcpus_there_are(manager: Client, project: Project) -> None:
    manager.post("/instances/new/", filled(project, **CORES, vcpus="3", max_vcpus="16"))
    instance = Instance.objects.get()
    assert (instance.vcpus, instance.threads_per_core, instance.cores, instance.max_vcpus) == (8, 2, 4, 16)


def test_a_gpu_is_asked_for_with_a_size_set_directly(manager: Client, project: Project) -> None:
    direct = {"mode": "direct", "vcpus": "2", "memory_0": "2", "memory_1": "1024", "gpu": ["", "on"]}
    form = filled(project, **direct)
    gpu = GpuFactory.create(host=Host.objects.get())
    assert "<dt>GPU</dt><dd>Used</dd>" in manager.post("/instances/new/summary/", form).content.decode()
    assert manager.post("/instances/new/", form).status_code == 302
    instance = Instance.objects.get()
    assert (instance.gpu, instance.gpu_use.gpu) == (True, gpu)
    shown = unescape(manager.get(f"/instances/{instance.pk}/").content.decode())
    assert ("<span>Used</span>" in shown, "A100 PCIe 80GB" in shown, gpu.address in shown) == (True, True, False)


def test_a_gpu_counts_for_nothing_beside_an_instance_type(manager: Client, project: Project) -> None:
    assert manager.post("/instances/new/", filled(project, gpu=["", "on"])).status_code == 302
    assert not Instance.objects.get().gpu


@pytest.mark.parametrize("unused", [{"topology": "basic", "vcpus": "2"}, {"mode": "type"}])
def test_cores_count_only_where_they_are_chosen(unused: dict[str, str], manager: Client, project: Project) -> None:
    manager.post("/instances/new/", filled(project, **{**CORES, "cores": "x", "threads_per_core": "9", **unused}))
    instance = Instance.objects.get()
    assert (instance.vcpus, instance.cores_per_socket, instance.cores) == (2, None, 1)


WRONG = [
    ({"name": ""}, "name"),
    ({"name": "two\nlines"}, "name"),
    ({"name": "x" * 10_000}, "name"),
    ({"description": "x" * 3000}, "description"),
    ({"image": "x"}, "image"),
    ({"image": ""}, "image"),
    ({"instance_type": ""}, "instance_type"),
    ({"boot_disk_gib": "0"}, "boot_disk_gib"),
    ({"boot_disk_gib": "-5"}, "boot_disk_gib"),
    ({"boot_disk_gib": "9999999999999"}, "boot_disk_gib"),
    ({"mode": "direct", "vcpus": "x", "memory_0": "1"}, "vcpus"),
    ({"mode": "direct", "vcpus": "0", "memory_0": "1"}, "vcpus"),
    ({"mode": "direct", "vcpus": "100000", "memory_0": "1"}, "vcpus"),
    ({"mode": "direct", "vcpus": "1", "memory_0": ""}, "memory"),
    ({"mode": "direct", "vcpus": "1", "memory_0": "1e300"}, "memory"),
    ({"mode": "direct", "vcpus": "1", "memory_0": "nan"}, "memory"),
    ({"mode": "direct", "vcpus": "4", "memory_0": "1", "max_vcpus": "2"}, "max_vcpus"),
    ({"topology": "x"}, "topology"),
    ({**CORES, "cores": ""}, "cores"),
    ({**CORES, "cores": "x"}, "cores"),
    ({**CORES, "cores": "0"}, "cores"),
    ({**CORES, "cores": "-1"}, "cores"),
    ({**CORES, "cores": "128"}, "cores"),
    ({**CORES, "cores": "9999999999"}, "cores"),
    ({**CORES, "threads_per_core": ""}, "threads_per_core"),
    ({**CORES, "threads_per_core": "3"}, "threads_per_core"),
    ({**CORES, "threads_per_core": "x"}, "threads_per_core"),
    ({**CORES, "memory_0": ""}, "memory"),
    ({**CORES, "max_vcpus": "4"}, "max_vcpus"),
    ({**CORES, "max_vcpus": "12"}, "max_vcpus"),
]


@pytest.mark.parametrize(("changes", "field"), WRONG)
def test_what_is_wrong_is_said_at_its_field(
    changes: dict[str, str], field: str, manager: Client, project: Project
) -> None:
    answer = manager.post("/instances/new/", filled(project, **changes))
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert Instance.objects.count() == 0


def test_nothing_typed_is_lost(manager: Client, project: Project) -> None:
    values = filled(project, name="kept <b>", image="", mode="direct", vcpus="7", memory_0="3", memory_1="1024")
    page = manager.post("/instances/new/", values).content.decode()
    assert [text in page for text in ('value="kept &lt;b&gt;"', 'value="7"', 'value="3"')] == [True] * 3


def test_no_room_says_which_limit_on_which_host_and_keeps_the_form(manager: Client, project: Project) -> None:
    values = filled(project, mode="direct", vcpus="1", memory_0="2000", memory_1="1024")
    answer = manager.post("/instances/new/", values)
    page = answer.content.decode()
    assert (answer.status_code, "MiB needed" in page, 'value="2000"' in page) == (422, True, True)
    assert Instance.objects.count() == 0


def test_only_images_and_types_of_the_project_are_offered(manager: Client, project: Project) -> None:
    ImageFactory.create(name="ours-image", project=project)
    foreign = ImageFactory.create(name="foreign-image", project=InstanceFactory.create().project)
    ImageFactory.create(name="half-image", status=ImageStatus.IMPORTING)
    InstanceTypeFactory.create(name="foreign-type", project=foreign.project)
    page = manager.get("/instances/new/").content.decode()
    offered = [name in page for name in ("ours-image", "foreign-image", "half-image", "foreign-type")]
    assert offered == [True, False, False, False]


def test_the_summary_shows_what_would_be_made(manager: Client, project: Project) -> None:
    part = manager.post(
        "/instances/new/summary/", filled(project, name="", max_vcpus="8"), headers=HTMX
    ).content.decode()
    assert [text in part for text in ("at most 8", "2 GiB", "1 host")] == [True] * 3


def test_a_viewer_is_told_why_there_is_no_form(viewer: Client, project: Project) -> None:
    answer = viewer.get("/instances/new/")
    assert (answer.status_code, "Your role does not allow this." in answer.content.decode()) == (403, True)
    assert viewer.post("/instances/new/", filled(project)).status_code == 403
    assert Instance.objects.count() == 0


def test_name_and_description_can_be_edited(manager: Client, project: Project) -> None:
    instance = InstanceFactory.create(project=project)
    answer = manager.post(f"/instances/{instance.pk}/edit/", {"name": "new", "description": "why"})
    instance.refresh_from_db()
    assert (answer.status_code, instance.name, instance.description) == (302, "new", "why")


def test_an_edit_that_is_wrong_says_so_at_its_field(manager: Client, project: Project) -> None:
    instance = InstanceFactory.create(project=project, name="old")
    answer = manager.post(f"/instances/{instance.pk}/edit/", {"name": "a\x07b"})
    instance.refresh_from_db()
    assert (list(answer.context["form"].errors), instance.name) == (["name"], "old")


def test_search_opens_the_only_thing_it_finds(manager: Client, project: Project) -> None:
    instance = InstanceFactory.create(project=project, name="billing")
    InstanceFactory.create(name="billing of others")
    for words in ("bill", instance.short_id, str(instance.pk)):
        assert manager.get("/search/", {"q": words}).headers["Location"] == f"/instances/{instance.pk}/"


def test_search_lists_what_it_finds_and_says_when_that_is_nothing(manager: Client, project: Project) -> None:
    InstanceFactory.create_batch(2, project=project)
    assert manager.get("/search/?q=instance").content.decode().count('<td class="name">') == 2
    assert "Nothing was found" in manager.get("/search/?q=zzz").content.decode()


def summary(page: str) -> dict[str, str]:
    """What the quotas of the create form say: used + asked for / limit, by label."""
    found = re.findall(r'<div class="quota">\s*<div><span>([^<]+)</span><span[^>]*>(.*?)</span></div>', page)
    return {label: re.sub(r"<[^>]+>", "", numbers).strip() for label, numbers in found}


def test_the_summary_shows_the_quotas_before_anything_is_made(manager: Client, project: Project) -> None:
    InstanceFactory.create(project=project, vcpus=3, memory_mib=1536)
    Quota.objects.create(project=project, resource="memory_gib", limit=3)
    more = {"new_volumes-TOTAL_FORMS": "2", "new_volumes-0-size_gib": "30", "new_volumes-1-size_gib": "a lot"}
    form = filled(project, mode="direct", vcpus="2", memory_0="1.75", memory_1="1024", boot_disk_gib="10", **more)
    page = manager.post("/instances/new/summary/", form, headers=HTMX).content.decode()
    assert summary(page) == {
        "vCPU": "3 + 2 / 400",
        "Memory (GiB)": "1.5 + 1.75 / 3",
        "Disk space (GiB)": "0 + 40 / 10000",
        "Volumes": "0 + 3 / 100",
        "Instances": "1 + 1 / 100",
    }
    assert page.count('class="over"') == 1
    assert "The project may have 3 of “Memory (GiB)” and has 1.5." in page
    assert "Memory (GiB)" in summary(manager.get("/instances/new/").content.decode())


@pytest.mark.parametrize(
    ("resource", "mode", "anchor"),
    [("vcpus", "direct", "id_vcpus"), ("memory_gib", "direct", "id_memory_0"), ("vcpus", "type", "id_instance_type")],
)
def test_a_full_quota_is_said_at_the_field(
    resource: str, mode: str, anchor: str, manager: Client, project: Project
) -> None:
    Quota.objects.create(project=project, resource=resource, limit=1)
    form = filled(project, mode=mode, vcpus="2", memory_0="2", memory_1="1024")
    answer = manager.post("/instances/new/", form)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert f'<a href="#{anchor}">' in page
    assert page.count('class="over"') == 1, "the summary still says what was asked for"
    assert not Instance.objects.exists()


def test_one_instance_too_many_is_said_above_the_form(manager: Client, project: Project) -> None:
    Quota.objects.create(project=project, resource="instances", limit=0)
    answer = manager.post("/instances/new/", filled(project, name="typed"))
    page = answer.content.decode()
    assert (answer.status_code, 'value="typed"' in page) == (422, True)
    assert page.count("The project may have 0 of “Instances” and has 0.") == 2, "above the form, and at the quota"
    assert summary(page)["Instances"] == "0 + 1 / 0"
