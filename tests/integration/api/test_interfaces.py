"""Network interfaces through the API: those an instance begins with, and those it gets later."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from cloudia.accounts.models import Project
from cloudia.jobs.models import Job
from instances.enums import PowerState
from instances.models import Instance, InstanceInterface
from networking.models import NetworkInterface, Subnet
from networking.services.groups import default_group
from tests.factories import (
    ExternalNetworkFactory,
    FloatingIPFactory,
    HostFactory,
    ImageFactory,
    InstanceFactory,
    InterfaceFactory,
    SecurityGroupFactory,
    StorageDomainFactory,
    SubnetFactory,
    hold,
)
from tests.integration.api.conftest import BASE, Body
from tests.integration.api.test_networks import found, wrong

pytestmark = pytest.mark.django_db


@pytest.fixture
def subnet(project: Project) -> Subnet:
    """10.0.0.0/24 with a reserved address, and one that db-1 has."""
    made = SubnetFactory.create(project=project, reserved=["10.0.0.66"])
    InterfaceFactory.create(
        instance=InstanceFactory.create(project=project, name="db-1"), subnet=made, address="10.0.0.77"
    )
    return made


@pytest.fixture
def wish(project: Project) -> Body:
    """A new instance, without its interfaces."""
    image = ImageFactory.create(storage_domain=StorageDomainFactory.create(hosts=[HostFactory.create()]))
    return {"name": "web-1", "project": str(project.pk), "image": str(image.pk), "vcpus": 1, "memory_mib": 512}


def create(client: APIClient, wish: Body, *interfaces: Body) -> Any:
    return client.post(f"{BASE}/instances/", {**wish, "interfaces": list(interfaces)})


# ---- what an instance begins with


def test_instance_is_made_with_its_interfaces(manager: APIClient, wish: Body, subnet: Subnet) -> None:
    second = SubnetFactory.create(project=subnet.project, vpc=subnet.vpc, cidr="10.1.0.0/24")
    group = SecurityGroupFactory.create(project=subnet.project)

    answer = create(
        manager,
        wish,
        {"subnet": str(second.pk)},
        {"subnet": str(subnet.pk), "ip_address": "10.0.0.42", "security_groups": [str(group.pk)]},
        {"subnet": str(subnet.pk), "security_groups": []},
    )

    assert answer.status_code == 202, answer.json()
    address = f"{BASE}/instances/{answer.json()['target']['id']}/"
    shown = manager.get(address).json()
    assert shown["vpc"] == {"id": str(subnet.vpc_id), "name": subnet.vpc.name}
    assert shown["ip_addresses"] == ["10.1.0.2", "10.0.0.42", "10.0.0.2"]
    rows = manager.get(f"{address}interfaces/").json()["results"]
    assert [(row["name"], row["is_primary"], row["ip_address"]) for row in rows] == [
        ("nic-1", True, "10.1.0.2"), ("nic-2", False, "10.0.0.42"), ("nic-3", False, "10.0.0.2"),
    ]  # fmt: skip
    default = default_group(subnet.project)
    assert [[one["id"] for one in row["security_groups"]] for row in rows] == [[str(default.pk)], [str(group.pk)], []]


@pytest.mark.parametrize(
    ("nic", "fields"),
    [
        ({"ip_address": "10.0.0.77"}, {"interfaces.0.ip_address": ["taken"]}),
        ({"ip_address": "10.0.0.66"}, {"interfaces.0.ip_address": ["reserved"]}),
        ({"ip_address": "10.0.0.1"}, {"interfaces.0.ip_address": ["reserved"]}),
        ({"ip_address": "10.0.0.255"}, {"interfaces.0.ip_address": ["reserved"]}),
        ({"ip_address": "10.0.9.9"}, {"interfaces.0.ip_address": ["outside"]}),
        ({"ip_address": "fd00::9"}, {"interfaces.0.ip_address": ["ipv6"]}),
        ({"ip_address": "10.0.0"}, {"interfaces.0.ip_address": ["invalid"]}),
        ({"ip_address": "10.0.0.9/24"}, {"interfaces.0.ip_address": ["invalid"]}),
        ({"ip_address": 7}, {"interfaces.0.ip_address": ["invalid"]}),
        ({"ip_address": ""}, {"interfaces.0.ip_address": ["blank"]}),
        ({"subnet": "x"}, {"interfaces.0.subnet": ["invalid"]}),
        ({"subnet": None}, {"interfaces.0.subnet": ["null"]}),
        ({"security_groups": {}}, {"interfaces.0.security_groups": ["not_a_list"]}),
        ({"security_groups": ["x"]}, {"interfaces.0.security_groups.0": ["invalid"]}),
        ({"mac": "52:54:00:00:00:01"}, {"interfaces.0.mac": ["unknown_field"]}),
    ],
)
def test_bad_interface_of_a_new_instance_is_named(
    manager: APIClient, wish: Body, subnet: Subnet, nic: Body, fields: dict[str, list[str]]
) -> None:
    assert wrong(create(manager, wish, {"subnet": str(subnet.pk), **nic})) == fields
    assert not Instance.objects.filter(name="web-1").exists()


def test_who_has_a_taken_address_is_said(manager: APIClient, wish: Body, subnet: Subnet) -> None:
    answer = create(manager, wish, {"subnet": str(subnet.pk), "ip_address": "10.0.0.77"})

    [error] = answer.json()["fields"]["interfaces.0.ip_address"]
    assert error["detail"] == "10.0.0.77 is used by “db-1”."


def test_interfaces_of_one_instance_are_in_one_vpc_and_have_different_addresses(
    manager: APIClient, wish: Body, subnet: Subnet
) -> None:
    other = SubnetFactory.create(project=subnet.project, cidr="10.1.0.0/24")
    here = {"subnet": str(subnet.pk), "ip_address": "10.0.0.5"}

    assert wrong(create(manager, wish, here, {"subnet": str(other.pk)})) == {"interfaces.1.subnet": ["other_vpc"]}
    assert wrong(create(manager, wish, here, here)) == {"interfaces.1.ip_address": ["taken"]}


def test_networks_of_another_own_project_are_not_mixed_in(operator: APIClient, wish: Body, subnet: Subnet) -> None:
    """An operator sees everything, and yet an instance has networks of its own project alone."""
    foreign = SubnetFactory.create(cidr="10.0.0.0/24")
    group = SecurityGroupFactory.create()

    assert wrong(create(operator, wish, {"subnet": str(foreign.pk)})) == {"interfaces.0.subnet": ["other_project"]}
    assert wrong(create(operator, wish, {"subnet": str(subnet.pk), "security_groups": [str(group.pk)]})) == {
        "interfaces.0.security_groups": ["other_project"]
    }


def test_instance_begins_with_eight_interfaces_at_most(manager: APIClient, wish: Body, subnet: Subnet) -> None:
    nic = {"subnet": str(subnet.pk)}

    assert wrong(create(manager, wish, *[nic] * 9)) == {"interfaces": ["max_length"]}
    assert create(manager, wish, *[nic] * 8).status_code == 202


def test_instance_is_found_by_its_address(manager: APIClient, subnet: Subnet) -> None:
    assert found(manager, "instances/?search=10.0.0.7", "name") == ["db-1"]


# ---- interfaces by themselves


def test_interface_is_added_read_edited_and_removed(manager: APIClient, project: Project, subnet: Subnet) -> None:
    instance = InterfaceFactory.create(instance__project=project, subnet=subnet).instance
    made = manager.post(f"{BASE}/interfaces/", {"instance": str(instance.pk), "subnet": str(subnet.pk)})
    assert made.status_code == 201, made.json()
    path = f"{BASE}/interfaces/{made.json()['id']}/"
    nic = NetworkInterface.objects.get(pk=made.json()["id"])
    group = default_group(project)

    assert manager.get(path).json() == made.json()
    assert {name: value for name, value in made.json().items() if name != "actions"} == {
        "id": str(nic.pk),
        "short_id": nic.short_id,
        "name": "nic-2",
        "project": {"id": str(project.pk), "name": "alpha"},
        "instance": {"id": str(instance.pk), "name": instance.name},
        "vpc": {"id": str(subnet.vpc_id), "name": subnet.vpc.name},
        "subnet": {"id": str(subnet.pk), "name": subnet.name},
        "ip_address": nic.address,
        "mac": nic.mac,
        "security_groups": [{"id": str(group.pk), "name": group.name}],
        "floating_ip": None,
        "is_primary": False,
        "connected": False,
    }
    assert {verdict["allowed"] for verdict in made.json()["actions"].values()} == {True}

    moved = manager.patch(path, {"ip_address": "10.0.0.200"})
    assert (moved.status_code, moved.json()["ip_address"]) == (200, "10.0.0.200")
    assert [one["id"] for one in moved.json()["security_groups"]] == [str(group.pk)]
    bare = manager.patch(path, {"security_groups": []})
    assert (bare.json()["security_groups"], bare.json()["ip_address"]) == ([], "10.0.0.200")
    assert manager.delete(path).status_code == 204
    assert manager.get(path).status_code == 404


def test_interface_of_a_running_instance_stays_put(manager: APIClient, project: Project, subnet: Subnet) -> None:
    link = InterfaceFactory.create(instance__project=project, instance__power_state=PowerState.RUNNING, subnet=subnet)
    path, group = f"{BASE}/interfaces/{link.interface_id}/", SecurityGroupFactory.create(project=project)

    guarded = manager.patch(path, {"security_groups": [str(group.pk)]})
    refused = manager.patch(path, {"ip_address": "10.0.0.9"})

    assert [one["id"] for one in guarded.json()["security_groups"]] == [str(group.pk)]
    assert (refused.status_code, refused.json()["code"]) == (409, "bad_state")
    published = {name: verdict["code"] for name, verdict in guarded.json()["actions"].items()}
    assert published == {"guard": None, "move": "bad_state", "remove": "primary_interface"}


def test_running_instance_gets_and_loses_an_interface_in_a_job(
    manager: APIClient, project: Project, subnet: Subnet
) -> None:
    link = InterfaceFactory.create(instance__project=project, instance__power_state=PowerState.RUNNING, subnet=subnet)

    added = manager.post(f"{BASE}/interfaces/", {"instance": str(link.instance_id), "subnet": str(subnet.pk)})
    Job.objects.all().delete()
    second = link.instance.interfaces.get(position=1)
    removed = manager.delete(f"{BASE}/interfaces/{second.interface_id}/")

    assert [(answer.status_code, answer.json()["kind"]) for answer in (added, removed)] == [
        (202, "instance.update"),
        (202, "instance.update"),
    ]


def test_primary_interface_and_one_with_a_floating_ip_stay(
    manager: APIClient, project: Project, subnet: Subnet
) -> None:
    instance = InstanceFactory.create(project=project)
    primary, second = (InterfaceFactory.create(instance=instance, subnet=subnet) for _ in range(2))
    floating = FloatingIPFactory.create(
        project=project, external_network=ExternalNetworkFactory.create(), interface=second.interface
    )

    answers = [manager.delete(f"{BASE}/interfaces/{link.interface_id}/") for link in (primary, second)]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (409, "primary_interface"),
        (409, "in_use"),
    ]
    assert answers[1].json()["holder"]["id"] == str(floating.pk)
    shown = manager.get(f"{BASE}/interfaces/{second.interface_id}/").json()["floating_ip"]
    assert shown == {"id": str(floating.pk), "address": str(floating)}
    [listed] = manager.get(f"{BASE}/instances/{instance.pk}/floating-ips/").json()["results"]
    assert listed["id"] == str(floating.pk)


def test_interface_waits_for_its_instances_job(manager: APIClient, project: Project, subnet: Subnet) -> None:
    link = InterfaceFactory.create(instance__project=project, subnet=subnet)
    job = hold(link.instance)

    answer = manager.patch(f"{BASE}/interfaces/{link.interface_id}/", {"security_groups": []})

    assert (answer.status_code, answer.json()["code"]) == (409, "busy")
    assert answer.json()["job"]["id"] == str(job.pk)


def test_bad_fields_of_an_interface_are_named_without_a_number(
    manager: APIClient, project: Project, subnet: Subnet
) -> None:
    link = InterfaceFactory.create(instance__project=project, subnet=subnet)
    elsewhere = SubnetFactory.create(project=project, cidr="10.1.0.0/24")
    path, body = f"{BASE}/interfaces/{link.interface_id}/", {"instance": str(link.instance_id)}

    assert wrong(manager.post(f"{BASE}/interfaces/", body)) == {"subnet": ["required"]}
    assert wrong(manager.post(f"{BASE}/interfaces/", {**body, "subnet": str(elsewhere.pk)})) == {
        "subnet": ["other_vpc"]
    }
    assert wrong(manager.patch(path, {"ip_address": "10.0.0.77"})) == {"ip_address": ["taken"]}
    assert wrong(manager.patch(path, {"subnet": str(elsewhere.pk)})) == {"subnet": ["other_vpc"]}
    assert wrong(manager.patch(path, {"instance": str(link.instance_id)})) == {"instance": ["unknown_field"]}


def test_full_subnet_says_so(manager: APIClient, project: Project) -> None:
    small = SubnetFactory.create(project=project, cidr="10.0.0.0/29", name="small")
    links = [InterfaceFactory.create(instance__project=project, subnet=small) for _ in range(5)]

    answer = manager.post(f"{BASE}/interfaces/", {"instance": str(links[0].instance_id), "subnet": str(small.pk)})

    assert wrong(answer) == {"subnet": ["subnet_full"]}
    assert "all 5 are in use" in answer.json()["fields"]["subnet"][0]["detail"]


def test_edit_of_an_interface_that_changed_meanwhile_is_refused(
    manager: APIClient, project: Project, subnet: Subnet
) -> None:
    link = InterfaceFactory.create(instance__project=project, subnet=subnet)
    path = f"{BASE}/interfaces/{link.interface_id}/"
    etag = manager.get(path).headers["ETag"]

    groups = {"security_groups": [str(SecurityGroupFactory.create(project=project).pk)]}
    assert manager.patch(path, groups, HTTP_IF_MATCH=etag).status_code == 200
    assert manager.patch(path, {"security_groups": []}, HTTP_IF_MATCH=etag).status_code == 412


def test_interfaces_are_narrowed(manager: APIClient, project: Project, subnet: Subnet) -> None:
    group = SecurityGroupFactory.create(project=project)
    link: InstanceInterface = InterfaceFactory.create(
        instance__project=project, instance__name="web-1", subnet=subnet, address="10.0.0.5", groups=[group]
    )
    nic = link.interface

    for query in (
        "search=web", "search=10.0.0.5", f"search={nic.mac.upper()}", f"security_group={group.pk}",
        f"instance={link.instance_id}&subnet={subnet.pk}&vpc={subnet.vpc_id}&project={project.pk}",
    ):  # fmt: skip
        assert found(manager, f"interfaces/?{query}") == [str(nic.pk)], query
    assert found(manager, "interfaces/?ordering=-ip_address", "ip_address") == ["10.0.0.77", "10.0.0.5"]
