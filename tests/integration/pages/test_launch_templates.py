"""시작 템플릿: the list, saving the create form as one, and the form that begins with one."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cloudia.accounts.models import Project
from instances.launch_templates import LaunchTemplate
from instances.models import Instance
from storage.models import Image
from tests.factories import (
    AffinityGroupFactory,
    FileSystemFactory,
    ImageFactory,
    InstanceFactory,
    InstanceTypeFactory,
    LaunchTemplateFactory,
    SecurityGroupFactory,
    VolumeFactory,
)
from tests.integration.pages.conftest import HTMX
from tests.integration.pages.test_instance_create_lists import KEY, SCRIPT, rows, script
from tests.integration.pages.test_instance_pages import filled

pytestmark = pytest.mark.django_db
LIST, CREATE = "/launch-templates/", "/instances/new/"
NAMING = {"template-name": "web", "template-description": "for the shop"}


@pytest.fixture
def form(project: Project) -> dict[str, Any]:
    return filled(project)


@pytest.fixture
def template(project: Project) -> LaunchTemplate:
    row: LaunchTemplate = LaunchTemplateFactory.create(project=project, name="web", description="for the shop")
    return row


def values(page: str, name: str) -> list[str]:
    """What the controls of this name hold, one after the other."""
    found = re.findall(rf'<(?:input|textarea)(?=[^>]* name="{name}")([^>]*)>([^<]*)', page)
    return [unescape("".join(re.findall(r' value="([^"]*)"', head)) or text.strip("\n")) for head, text in found]


def test_list_shows_what_is_kept_and_how_often_it_was_used(
    manager: Client, project: Project, template: LaunchTemplate
) -> None:
    kind = InstanceTypeFactory.create(name="tiny")
    typed = {**template.content, "instance_type": str(kind.pk)}
    LaunchTemplateFactory.create(project=project, name="by type", content=typed)
    LaunchTemplateFactory.create(name="foreign")
    made = InstanceFactory.create(project=project, launch_template=template)
    InstanceFactory.create(project=project)
    page = manager.get(LIST).content.decode()
    assert re.findall(r'data-name="([^"]*)"', page) == ["by type", "web"]
    assert {
        words for words in ("tiny", "2 vCPUs · 4 GiB", "for the shop", template.short_id) if words not in page
    } == set()
    (address,) = re.findall(r'data-label="Instances"><a href="([^"]*)">1</a>', page)
    assert re.findall(r'data-name="([^"]*)"', manager.get(unescape(address)).content.decode()) == [made.name]
    found = manager.get(f"{LIST}?search={template.short_id}").content.decode()
    assert re.findall(r'data-name="([^"]*)"', found) == ["web"]
    kind.delete()
    Image.objects.filter(instances=None).delete()
    page = manager.get(LIST).content.decode()
    assert (page.count("Image deleted"), page.count("Instance type deleted")) == (2, 1)


def test_the_create_page_opens_in_the_project_of_the_template(operator: Client, project: Project) -> None:
    operator.get("/", {"project": str(project.pk)})
    foreign = LaunchTemplateFactory.create(name="theirs")
    assert "theirs" in operator.get(f"{LIST}?scope=all").content.decode()
    page = operator.get(f"{LIST}{foreign.pk}/launch/", follow=True).content.decode()
    assert "Filled in from launch template <strong>theirs</strong>" in page
    assert f"Project {foreign.project}" in page


def test_list_costs_the_same_queries_for_30_rows_as_for_1(manager: Client, project: Project) -> None:
    counts = []
    for more in (1, 29):
        for _ in range(more):
            InstanceFactory.create(project=project, launch_template=LaunchTemplateFactory.create(project=project))
        manager.get(LIST)
        with CaptureQueriesContext(connection) as queries:
            assert manager.get(f"{LIST}?limit=50").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_create_form_is_saved_without_secrets_and_what_is_one_instances_own(
    manager: Client, form: dict[str, Any], project: Project
) -> None:
    volume = VolumeFactory.create(project=project, storage_domain=Image.objects.get(pk=form["image"]).storage_domain)
    more: dict[str, Any] = rows("new_volumes", {"name": "data", "size_gib": 5}) | rows("scripts", script("one.sh"))
    more |= {"volumes": [str(volume.pk)], "password": "correct horse", "username": "kim", "ssh_keys": KEY}
    fixed = {"name": "", "interfaces-0-assignment": "manual", "interfaces-0-ip_address": "10.0.0.77"}
    answer = manager.post(f"{LIST}new/", {**form, **more, **fixed, **NAMING}, headers=HTMX)
    assert answer.status_code == 204, answer.content.decode()
    kept = LaunchTemplate.objects.get()
    assert (kept.name, kept.description, kept.project) == ("web", "for the shop", project)
    assert kept.content["volumes"] == [{"name": "data", "size_gib": 5}]
    assert kept.content["cloud_init"]["username"] == "kim"
    assert kept.content["cloud_init"]["scripts"] == [{"name": "one.sh", "stage": "boot", "content": SCRIPT}]
    text = str(kept.content)
    assert {secret for secret in ("correct horse", "10.0.0.77", str(volume.pk), "password") if secret in text} == set()
    assert not Instance.objects.exists()


def test_what_is_wrong_with_the_form_is_said_in_the_dialog(manager: Client, form: dict[str, Any]) -> None:
    wrong = {"vcpus": "", "mode": "direct", "memory_0": "1"}
    answer = manager.post(f"{LIST}new/", {**form, **wrong, **NAMING}, headers=HTMX)
    page = unescape(answer.content.decode())
    assert (answer.status_code, LaunchTemplate.objects.count()) == (422, 0)
    assert "vCPU: This field is required." in page
    assert 'value="for the shop"' in page


def test_what_a_service_finds_wrong_is_said_in_the_dialog(
    manager: Client, form: dict[str, Any], template: LaunchTemplate
) -> None:
    wrong = {"username": "root", **rows("scripts", script("one.sh", content="echo"))}
    answer = manager.post(f"{LIST}new/", {**form, **wrong, **NAMING}, headers=HTMX)
    page = unescape(answer.content.decode())
    assert (answer.status_code, LaunchTemplate.objects.count()) == (422, 1)
    assert "There is one of this name already." in page
    assert "User name: “root” is a name that operating systems use themselves." in page
    assert "one.sh" in page


def test_the_form_begins_with_the_template_and_makes_an_instance_of_it(
    manager: Client, form: dict[str, Any], project: Project
) -> None:
    more = {**rows("new_volumes", {"name": "data", "size_gib": 5}), **rows("scripts", script("one.sh"))}
    group = SecurityGroupFactory.create(project=project)
    own = {"username": "kim", "ssh_keys": KEY, "description": "shop", "boot_disk_gib": "12", "max_vcpus": "8"}
    rule = AffinityGroupFactory.create(project=project)
    own |= {"affinity_group": str(rule.pk), "mode": "direct", "vcpus": "4", "memory_0": "3", "memory_1": "1024"}
    manager.post(
        f"{LIST}new/",
        {**form, **more, **own, **NAMING, "interfaces-0-security_groups": [str(group.pk)]},
        headers=HTMX,
    )
    kept = LaunchTemplate.objects.get()
    page = manager.get(f"{CREATE}?template={kept.pk}").content.decode()
    assert "Filled in from launch template <strong>web</strong>" in page
    shown = {
        name: values(page, name) for name in ("name", "username", "ssh_keys", "boot_disk_gib", "vcpus", "max_vcpus")
    }
    assert shown == {
        "name": [""],
        "username": ["kim"],
        "ssh_keys": [KEY],
        "boot_disk_gib": ["12"],
        "vcpus": ["4"],
        "max_vcpus": ["8"],
    }
    assert (values(page, "memory_0"), values(page, "new_volumes-0-name")) == (["3"], ["data"])
    assert (values(page, "scripts-0-name"), values(page, "scripts-0-content")) == (["one.sh"], [SCRIPT.strip("\n")])
    assert re.search(rf'value="{group.pk}"[^>]* checked', page)
    assert re.search(rf'<option value="{rule.pk}" selected', page)
    assert values(page, "password") == [""]
    answer = manager.post(f"{CREATE}?template={kept.pk}", {**form, "name": "web-1"})
    assert answer.status_code == 302, answer.content.decode()
    instance = Instance.objects.get()
    assert instance.launch_template == kept
    facts = manager.get(f"/instances/{instance.pk}/").content.decode()
    fact = facts.partition("<dt>Launch template</dt>")[2].partition("</dd>")[0]
    assert ("web" in fact, kept.short_id in fact) == (True, True)


def test_what_is_no_more_is_left_open_and_named(manager: Client, template: LaunchTemplate, project: Project) -> None:
    share = FileSystemFactory.create(project=project)
    kind = InstanceTypeFactory.create(active=False)
    template.content |= {
        "filesystems": [{"filesystem": str(share.pk), "mount_path": "/srv"}],
        "instance_type": str(kind.pk),
        "affinity_group": str(AffinityGroupFactory.create().pk),
    }
    template.save()
    share.delete()
    Image.objects.update(deprecated=True)
    ImageFactory.create()  # others take nobody's place
    InstanceTypeFactory.create()
    project.subnets.get().delete()
    answer = manager.get(f"{CREATE}?template={template.pk}")
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "OS image, Instance type, Affinity group, nic-1 Subnet, /srv" in page
    assert not re.search(r'name="(image|instance_type)"[^>]* checked', page)


def test_a_template_that_is_not_there_is_404_but_a_filled_in_form_goes_on(
    manager: Client, form: dict[str, Any], template: LaunchTemplate
) -> None:
    foreign = LaunchTemplateFactory.create()
    for pk in (foreign.pk, "nonsense", ""):
        assert manager.get(f"{CREATE}?template={pk}").status_code == 404
    template.delete()
    assert manager.post(f"{CREATE}?template={template.pk}", form).status_code == 302
    assert Instance.objects.get().launch_template is None


def test_a_template_is_named_anew_and_deleted(manager: Client, template: LaunchTemplate) -> None:
    edit = f"{LIST}{template.pk}/edit/"
    assert 'value="for the shop"' in manager.get(edit, headers=HTMX).content.decode()
    assert manager.post(edit, {"name": "", "description": ""}, headers=HTMX).status_code == 422
    assert manager.post(edit, {"name": "shop", "description": ""}, headers=HTMX).status_code == 204
    assert LaunchTemplate.objects.get().name == "shop"
    delete = f"{LIST}{template.pk}/delete/"
    assert "Delete this launch template?" in manager.get(delete, headers=HTMX).content.decode()
    assert manager.post(delete, headers=HTMX).status_code == 204
    assert not LaunchTemplate.objects.exists()


def test_the_list_leads_to_the_form_and_says_what_to_do_there(manager: Client, project: Project) -> None:
    page = manager.get(LIST).content.decode()
    assert "No launch templates yet" in page
    assert page.count('href="/instances/new/?for=template"') == 2
    assert (
        "Fill in the form and choose “Save as launch template”."
        in manager.get(f"{CREATE}?for=template").content.decode()
    )


def test_a_viewer_is_told_why_not(viewer: Client, template: LaunchTemplate, form: dict[str, Any]) -> None:
    assert "Your role does not allow this." in viewer.get(LIST).content.decode()
    assert viewer.post(f"{LIST}new/", {**form, **NAMING}, headers=HTMX).status_code == 403
    assert viewer.get(f"{CREATE}?template={template.pk}").status_code == 403
