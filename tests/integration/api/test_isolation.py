"""Another project's objects do not exist, on every route there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from cloudia.accounts.models import ApiToken, Project
from cloudia.jobs.models import Job
from instances.models import Instance
from networking.models import VPC, ExternalNetwork, FloatingIP, NetworkInterface, SecurityGroup, Subnet, Trace
from tests.factories import (
    AffinityGroupFactory,
    FileSystemFactory,
    FloatingIPFactory,
    HostFactory,
    ImageFactory,
    InstanceFactory,
    InstanceTypeFactory,
    InterfaceFactory,
    LaunchTemplateFactory,
    ProjectFactory,
    RuleFactory,
    SecurityGroupFactory,
    StorageDomainFactory,
    SubnetFactory,
    TraceFactory,
    UploadFactory,
    UserFactory,
    VolumeFactory,
    hold,
)
from tests.integration.api.conftest import BASE, Body, token_for

pytestmark = pytest.mark.django_db
METHODS = ("get", "post", "patch", "delete")


@pytest.fixture
def foreign(db: None) -> dict[str, str]:
    """An id by resource, of what belongs to somebody else."""
    project = ProjectFactory.create()
    instance = InstanceFactory.create(project=project)
    other = UserFactory.create()
    token_for(other)
    link = InterfaceFactory.create(instance=instance)
    group = SecurityGroupFactory.create(project=project)
    return {
        "instances": str(instance.pk),
        "jobs": str(hold(instance).pk),
        "projects": str(project.pk),
        "images": str(ImageFactory.create(project=project).pk),
        "affinity-groups": str(AffinityGroupFactory.create(project=project).pk),
        "instance-types": str(InstanceTypeFactory.create(project=project).pk),
        "launch-templates": str(LaunchTemplateFactory.create(project=project).pk),
        "tokens": str(ApiToken.objects.get(user=other).pk),
        "hosts": str(HostFactory.create().pk),
        "vpcs": str(link.interface.subnet.vpc_id),
        "subnets": str(link.interface.subnet_id),
        "interfaces": str(link.interface_id),
        "security-groups": str(group.pk),
        "rule_id": str(RuleFactory.create(group=group).pk),
        "floating-ips": str(FloatingIPFactory.create(project=project).pk),
        "traces": str(TraceFactory.create(source=link.interface).pk),
        "storage-domains": str(StorageDomainFactory.create().pk),
        "uploads": str(UploadFactory.create(image__project=project).pk),
        "volumes": str(VolumeFactory.create(project=project).pk),
        "filesystems": str(FileSystemFactory.create(project=project).pk),
    }


def routes() -> Iterator[tuple[str, str]]:
    """Every method and path that is about one object."""
    schema: dict[str, Any] = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]  # not ours
    for path, methods in schema["paths"].items():
        if "{id}" in path and "external-networks" not in path:  # those are everybody's
            yield from ((method, path) for method in METHODS if method in methods)


@pytest.mark.parametrize(("method", "path"), list(routes()))
def test_foreign_object_is_not_there(manager: APIClient, foreign: dict[str, str], method: str, path: str) -> None:
    resource = "uploads" if "/uploads/" in path else path.removeprefix(f"{BASE}/").split("/")[0]

    address = path.replace("{id}", foreign[resource]).replace("{rule_id}", foreign["rule_id"])
    body = (
        {"data": b"x", "content_type": "application/offset+octet-stream"}
        if (resource, method) == ("uploads", "patch")
        else {}
    )
    answer = getattr(manager, method)(address, headers={"Tus-Resumable": "1.0.0", "Upload-Offset": "0"}, **body)

    if resource == "storage-domains" and (method, path) == ("get", f"{BASE}/{resource}/{{id}}/"):
        assert answer.status_code == 200  # where volumes can be is no secret
    else:
        assert answer.status_code == (403 if resource in {"hosts", "storage-domains"} else 404)


LISTS = ["instances", "jobs", "projects", "images", "instance-types", "launch-templates", "tokens", "volumes"]
LISTS += ["affinity-groups", "filesystems"]
NETWORKS = ["vpcs", "subnets", "interfaces", "security-groups", "floating-ips"]


@pytest.mark.parametrize("resource", LISTS + NETWORKS)
def test_foreign_objects_are_in_no_list(manager: APIClient, foreign: dict[str, str], resource: str) -> None:
    listed = manager.get(f"{BASE}/{resource}/").json()["results"]
    narrowed = manager.get(f"{BASE}/{resource}/?search={foreign[resource]}&project={foreign['projects']}").json()

    assert foreign[resource] not in {row["id"] for row in listed}
    assert foreign[resource] not in {row["id"] for row in narrowed["results"]}


USABLE = ["project", "image", "instance_type", "launch_template", "affinity_group", "subnet", "security_groups"]


@pytest.mark.parametrize("field", USABLE)
def test_foreign_object_can_not_be_used(
    manager: APIClient, project: Project, foreign: dict[str, str], field: str
) -> None:
    own = {"project": project, "image": ImageFactory.create(), "instance_type": InstanceTypeFactory.create()}
    nic = {"subnet": str(SubnetFactory.create(project=project).pk)}
    body: Body = {"name": "x", **{name: str(row.pk) for name, row in own.items()}, "interfaces": [nic]}
    theirs = {"project": "projects", "image": "images", "instance_type": "instance-types"}
    theirs |= {"affinity_group": "affinity-groups", "launch_template": "launch-templates"}
    there = {"subnet": "interfaces.0.subnet", "security_groups": "interfaces.0.security_groups.0"}
    if field == "subnet":
        nic["subnet"] = foreign["subnets"]
    elif field == "security_groups":
        body["interfaces"] = [{**nic, "security_groups": [foreign["security-groups"]]}]
    else:
        body[field] = foreign[theirs[field]]

    answer = manager.post(f"{BASE}/instances/", body)

    assert answer.status_code == 400
    assert {path: errors[0]["code"] for path, errors in answer.json()["fields"].items()} == {
        there.get(field, field): "does_not_exist"
    }
    assert not Instance.objects.filter(name="x").exists()


def test_jobs_of_no_project_are_for_operators(manager: APIClient, operator: APIClient) -> None:
    job = Job.objects.create(kind="host.check", target_type="host", target_id=HostFactory.create().pk, target_name="h")

    assert manager.get(f"{BASE}/jobs/{job.pk}/").status_code == 404
    assert operator.get(f"{BASE}/jobs/{job.pk}/").status_code == 200


FOREIGN_NETWORKS = [
    ("vpcs", {"name": "x"}, "project", "projects"),
    ("subnets", {"name": "x", "cidr": "10.0.0.0/24"}, "vpc", "vpcs"),
    ("security-groups", {"name": "x"}, "project", "projects"),
    ("floating-ips", {}, "project", "projects"),
    ("interfaces", {}, "instance", "instances"),
    ("traces", {"address": "10.0.0.1", "protocol": "icmp"}, "source", "interfaces"),
]


@pytest.mark.parametrize(("resource", "body", "field", "theirs"), FOREIGN_NETWORKS)
def test_network_is_not_made_of_what_is_foreign(
    manager: APIClient, foreign: dict[str, str], resource: str, body: Body, field: str, theirs: str
) -> None:
    before = everything()

    answer = manager.post(f"{BASE}/{resource}/", {**body, field: foreign[theirs]})

    assert answer.status_code == 400
    assert answer.json()["fields"][field][0]["code"] == "does_not_exist"
    assert everything() == before


def test_own_network_is_not_connected_to_what_is_foreign(
    manager: APIClient, project: Project, foreign: dict[str, str]
) -> None:
    link = InterfaceFactory.create(instance__project=project)
    group = SecurityGroupFactory.create(project=project)
    network = ExternalNetwork.objects.get()
    floating = FloatingIPFactory.create(project=project, external_network=network)
    rule = {"direction": "in", "protocol": "any", "group": foreign["security-groups"]}
    answers = {
        "group": manager.post(f"{BASE}/security-groups/{group.pk}/rules/", rule),
        "subnet": manager.patch(f"{BASE}/interfaces/{link.interface_id}/", {"subnet": foreign["subnets"]}),
        "interface": manager.post(
            f"{BASE}/floating-ips/{floating.pk}/associate/", {"interface": foreign["interfaces"]}
        ),
        "destination": manager.post(
            f"{BASE}/traces/",
            {"source": str(link.interface_id), "destination": foreign["interfaces"], "protocol": "icmp"},
        ),
    }

    for field, answer in answers.items():
        assert answer.status_code == 400, field
        assert [error["code"] for error in answer.json()["fields"][field]] == ["does_not_exist"], field


def everything() -> list[int]:
    """How many there are of everything that a network is made of."""
    return [model.objects.count() for model in (VPC, Subnet, SecurityGroup, FloatingIP, NetworkInterface, Trace)]
