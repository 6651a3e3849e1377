"""VPCs, subnets, external networks and floating IPs through the API."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from cloudia.accounts.enums import Role
from cloudia.accounts.models import Project, Quota
from networking.models import VPC, FloatingIP, Subnet
from tests.factories import (
    ExternalNetworkFactory,
    FloatingIPFactory,
    InstanceFactory,
    InterfaceFactory,
    SubnetFactory,
    VPCFactory,
)
from tests.integration.api.conftest import BASE, Body

pytestmark = pytest.mark.django_db
ALLOWED = {"allowed": True, "code": None, "reason": None}


def wrong(answer: Any) -> dict[str, list[str]]:
    """The codes of an answer's fields."""
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid"), answer.json()
    return {path: [error["code"] for error in errors] for path, errors in answer.json()["fields"].items()}


def create_subnet(client: APIClient, vpc: VPC, **values: Any) -> Any:
    return client.post(f"{BASE}/subnets/", {"name": "app", "vpc": str(vpc.pk), "cidr": "10.0.0.0/24", **values})


# ---- VPCs


def test_vpc_is_made_read_edited_and_deleted(manager: APIClient, project: Project) -> None:
    network = ExternalNetworkFactory.create()
    made = manager.post(f"{BASE}/vpcs/", {"name": "prod", "project": str(project.pk), "description": "d"})
    assert made.status_code == 201, made.json()
    vpc = VPC.objects.get()
    address = f"{BASE}/vpcs/{vpc.pk}/"

    assert made.json() == manager.get(address).json()
    shown = made.json()
    assert shown["project"] == {"id": str(project.pk), "name": "alpha"}
    assert shown["external_network"] == {"id": str(network.pk), "name": network.name}
    assert (shown["gateway_address"], shown["subnets"], shown["description"]) == ("198.51.100.2", [], "d")
    assert shown["actions"] == {"edit": ALLOWED, "delete": ALLOWED}

    edited = manager.patch(address, {"name": "prod-2", "external_network": None})
    assert (edited.status_code, edited.json()["name"], edited.json()["external_network"]) == (200, "prod-2", None)
    assert edited.json()["gateway_address"] is None
    assert manager.delete(address).status_code == 204
    assert not VPC.objects.exists()


def test_vpc_is_isolated_if_it_shall_have_no_external_network(manager: APIClient, project: Project) -> None:
    ExternalNetworkFactory.create()
    other = ExternalNetworkFactory.create(is_default=False)
    wish = {"project": str(project.pk)}

    isolated = manager.post(f"{BASE}/vpcs/", {"name": "a", "external_network": None, **wish}).json()
    chosen = manager.post(f"{BASE}/vpcs/", {"name": "b", "external_network": str(other.pk), **wish}).json()

    assert isolated["external_network"] is None
    assert chosen["external_network"]["id"] == str(other.pk)


def test_bad_fields_of_a_vpc_are_named(manager: APIClient, project: Project) -> None:
    VPCFactory.create(project=project, name="taken")
    wish = {"project": str(project.pk)}

    assert wrong(manager.post(f"{BASE}/vpcs/", {"name": "taken", **wish})) == {"name": ["taken"]}
    assert wrong(manager.post(f"{BASE}/vpcs/", {"name": "two\nlines", **wish})) == {"name": ["invalid"]}
    assert wrong(manager.post(f"{BASE}/vpcs/", {"name": "x" * 129, **wish})) == {"name": ["max_length"]}
    assert wrong(manager.post(f"{BASE}/vpcs/", {"project": 7, "cidr": "10.0.0.0/8"})) == {
        "name": ["required"], "project": ["incorrect_type"], "cidr": ["unknown_field"],
    }  # fmt: skip


def test_vpc_with_subnets_is_not_deleted(manager: APIClient, project: Project) -> None:
    subnet = SubnetFactory.create(project=project, name="app")

    answer = manager.delete(f"{BASE}/vpcs/{subnet.vpc_id}/")

    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
    assert answer.json()["holder"] == {"type": "subnet", "id": str(subnet.pk), "name": "app"}
    published = manager.get(f"{BASE}/vpcs/{subnet.vpc_id}/").json()["actions"]["delete"]
    assert (published["code"], published["reason"]) == ("in_use", answer.json()["detail"])


def test_viewer_reads_networks_and_changes_none(member: Any, project: Project) -> None:
    viewer, subnet = member(Role.VIEWER), SubnetFactory.create(project=project)

    assert viewer.get(f"{BASE}/vpcs/{subnet.vpc_id}/").json()["actions"]["edit"]["code"] == "permission_denied"
    for answer in (
        viewer.post(f"{BASE}/vpcs/", {"name": "x", "project": str(project.pk)}),
        viewer.patch(f"{BASE}/subnets/{subnet.pk}/", {"name": "x"}),
        viewer.delete(f"{BASE}/subnets/{subnet.pk}/"),
        viewer.post(f"{BASE}/floating-ips/", {"project": str(project.pk)}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


# ---- subnets


def test_subnet_is_made_read_edited_and_deleted(manager: APIClient, project: Project) -> None:
    vpc = VPCFactory.create(project=project)
    made = create_subnet(manager, vpc, dns=["10.0.0.53"], reserved=["10.0.0.9"])
    assert made.status_code == 201, made.json()
    address = f"{BASE}/subnets/{Subnet.objects.get().pk}/"

    shown = manager.get(address).json()
    assert shown == made.json()
    assert (shown["cidr"], shown["gateway"], shown["dns"]) == ("10.0.0.0/24", "10.0.0.1", ["10.0.0.53"])
    assert (shown["capacity"], shown["used"], shown["reserved"], shown["warnings"]) == (252, 0, ["10.0.0.9"], [])
    assert (shown["vpc"]["id"], shown["project"]["id"]) == (str(vpc.pk), str(project.pk))

    edited = manager.patch(address, {"name": "web", "dns": [], "reserved": []}).json()
    assert (edited["name"], edited["dns"], edited["reserved"], edited["capacity"]) == ("web", [], [], 253)
    assert wrong(manager.patch(address, {"cidr": "10.1.0.0/24"})) == {"cidr": ["unknown_field"]}
    assert manager.delete(address).status_code == 204


def test_range_of_other_peoples_addresses_is_a_warning(manager: APIClient, project: Project) -> None:
    made = create_subnet(manager, VPCFactory.create(project=project), cidr="8.8.8.0/24")

    assert made.status_code == 201
    [warning] = made.json()["warnings"]
    assert warning["code"] == "public_range"
    assert "8.8.8.0/24" in warning["detail"]


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"cidr": "10.0.0.5/24"}, {"cidr": ["host_bits"]}),
        ({"cidr": "10.0.0.0/33"}, {"cidr": ["invalid_cidr"]}),
        ({"cidr": "nonsense"}, {"cidr": ["invalid_cidr"]}),
        ({"cidr": ""}, {"cidr": ["blank"]}),
        ({"cidr": "1" * 65}, {"cidr": ["max_length"]}),
        ({"cidr": "fd00::/64"}, {"cidr": ["ipv6"]}),
        ({"cidr": "10.0.0.0/30"}, {"cidr": ["bad_size"]}),
        ({"cidr": "10.0.0.0/7"}, {"cidr": ["bad_size"]}),
        ({"cidr": "0.0.0.0/0"}, {"cidr": ["bad_size"]}),
        ({"cidr": "127.0.0.0/24"}, {"cidr": ["not_usable"]}),
        ({"cidr": "224.0.0.0/24"}, {"cidr": ["not_usable"]}),
        ({"cidr": "10.9.1.0/24"}, {"cidr": ["overlap"]}),
        ({"cidr": "10.8.0.0/15"}, {"cidr": ["overlap"]}),
        ({"gateway": "10.0.1.1"}, {"gateway": ["outside"]}),
        ({"gateway": "10.0.0.0"}, {"gateway": ["outside"]}),
        ({"gateway": "10.0.0.255"}, {"gateway": ["outside"]}),
        ({"gateway": "fe80::1"}, {"gateway": ["ipv6"]}),
        ({"gateway": "first"}, {"gateway": ["invalid"]}),
        ({"dns": ["10.0.0.53", "dns.example"]}, {"dns.1": ["invalid"]}),
        ({"dns": ["fd00::53"]}, {"dns.0": ["ipv6"]}),
        ({"dns": "10.0.0.53"}, {"dns": ["not_a_list"]}),
        ({"dns": ["10.0.0.53"] * 9}, {"dns": ["max_length"]}),
        ({"reserved": ["10.0.1.5"]}, {"reserved.0": ["outside"]}),
        ({"name": "taken"}, {"name": ["taken"]}),
        ({"name": "a\0b"}, {"name": ["null_characters_not_allowed"]}),
        ({"cidr": "10.0.0.5/24", "name": "taken"}, {"cidr": ["host_bits"], "name": ["taken"]}),
    ],
)
def test_bad_fields_of_a_subnet_are_named(
    manager: APIClient, project: Project, values: Body, fields: dict[str, list[str]]
) -> None:
    vpc = SubnetFactory.create(project=project, name="taken", cidr="10.9.0.0/16").vpc

    assert wrong(create_subnet(manager, vpc, **values)) == fields
    assert Subnet.objects.count() == 1


def test_overlap_names_the_other_subnet_and_another_vpc_may_have_the_range(
    manager: APIClient, project: Project
) -> None:
    subnet = SubnetFactory.create(project=project, name="db", cidr="10.0.0.0/25")

    refused = create_subnet(manager, subnet.vpc)
    made = create_subnet(manager, VPCFactory.create(project=project))

    assert refused.json()["fields"]["cidr"][0]["detail"] == "It overlaps with subnet “db” (10.0.0.0/25)."
    assert made.status_code == 201


def test_addresses_of_a_subnet_are_listed_with_who_has_them(manager: APIClient, project: Project) -> None:
    subnet = SubnetFactory.create(project=project, reserved=["10.0.0.100", "10.0.0.20"])
    instance = InstanceFactory.create(project=project, name="web-1")
    nic = InterfaceFactory.create(instance=instance, subnet=subnet, address="10.0.0.30").interface

    rows = manager.get(f"{BASE}/subnets/{subnet.pk}/addresses/").json()

    assert [(row["address"], row["kind"]) for row in rows] == [
        ("10.0.0.1", "gateway"), ("10.0.0.20", "reserved"), ("10.0.0.30", "interface"), ("10.0.0.100", "reserved"),
    ]  # fmt: skip
    assert rows[2] == {
        "address": "10.0.0.30",
        "kind": "interface",
        "mac": nic.mac,
        "interface": str(nic.pk),
        "owner": {"type": "instance", "id": str(instance.pk), "name": "web-1"},
    }
    assert rows[0] == {"address": "10.0.0.1", "kind": "gateway", "mac": None, "interface": None, "owner": None}
    assert manager.get(f"{BASE}/subnets/{subnet.pk}/").json()["used"] == 1


def test_subnet_in_use_is_not_deleted_and_says_by_what(manager: APIClient, project: Project) -> None:
    link = InterfaceFactory.create(instance__project=project, instance__name="web-1")

    answer = manager.delete(f"{BASE}/subnets/{link.interface.subnet_id}/")

    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
    assert answer.json()["holder"] == {"type": "instance", "id": str(link.instance_id), "name": "web-1"}


@pytest.mark.parametrize("resource", ["vpcs", "subnets"])
def test_edit_of_what_changed_meanwhile_is_refused(manager: APIClient, project: Project, resource: str) -> None:
    subnet = SubnetFactory.create(project=project)
    path = f"{BASE}/{resource}/{subnet.pk if resource == 'subnets' else subnet.vpc_id}/"
    etag = manager.get(path).headers["ETag"]

    first = manager.patch(path, {"name": "first"}, HTTP_IF_MATCH=etag)
    second = manager.patch(path, {"name": "second"}, HTTP_IF_MATCH=etag)

    assert (first.status_code, second.status_code) == (200, 412)
    assert manager.patch(path, {"name": "third"}, HTTP_IF_MATCH=first.headers["ETag"]).status_code == 200


def test_same_key_makes_one_vpc(manager: APIClient, project: Project) -> None:
    body = {"name": "prod", "project": str(project.pk)}

    answers = [manager.post(f"{BASE}/vpcs/", body, HTTP_IDEMPOTENCY_KEY="k") for _ in range(2)]

    assert answers[0].json() == answers[1].json()
    assert [answer.status_code for answer in answers] == [201, 201]
    assert VPC.objects.count() == 1


# ---- external networks and floating IPs


def test_everybody_reads_external_networks_and_nobody_changes_them(member: Any) -> None:
    network = ExternalNetworkFactory.create(name="public")
    viewer = member(Role.VIEWER)

    [shown] = viewer.get(f"{BASE}/external-networks/?search=PUB").json()["results"]

    assert shown == viewer.get(f"{BASE}/external-networks/{network.pk}/").json()
    assert (shown["name"], shown["cidr"], shown["is_default"]) == ("public", "198.51.100.0/24", True)
    assert viewer.delete(f"{BASE}/external-networks/{network.pk}/").status_code == 405


def test_floating_ip_is_allocated_associated_moved_and_released(manager: APIClient, project: Project) -> None:
    network = ExternalNetworkFactory.create()
    vpc = VPCFactory.create(project=project, external_network=network)
    subnet = SubnetFactory.create(project=project, vpc=vpc)
    first, second = (
        InterfaceFactory.create(instance__project=project, instance__name=name, subnet=subnet).interface
        for name in ("web-1", "web-2")
    )
    made = manager.post(f"{BASE}/floating-ips/", {"project": str(project.pk), "description": "shop"})
    assert made.status_code == 201, made.json()
    path = f"{BASE}/floating-ips/{made.json()['id']}/"
    assert made.json() == manager.get(path).json()
    assert (made.json()["interface"], made.json()["description"]) == (None, "shop")
    assert made.json()["actions"]["disassociate"]["code"] == "not_associated"

    pointed = manager.post(f"{path}associate/", {"interface": str(first.pk)})
    assert pointed.status_code == 200, pointed.json()
    assert pointed.json()["interface"] == {
        "id": str(first.pk),
        "ip_address": first.address,
        "owner": {"type": "instance", "id": str(first.owner_id), "name": "web-1"},
    }
    refused = manager.delete(path)
    assert (refused.status_code, refused.json()["code"], refused.json()["holder"]["name"]) == (409, "in_use", "web-1")

    moved = manager.post(f"{path}associate/", {"interface": str(second.pk)})
    assert moved.json()["interface"]["id"] == str(second.pk)
    assert manager.post(f"{path}disassociate/").json()["interface"] is None
    again = manager.post(f"{path}disassociate/")
    assert (again.status_code, again.json()["code"]) == (409, "not_associated")
    assert manager.patch(path, {"description": "blog"}).json()["description"] == "blog"
    assert manager.delete(path).status_code == 204


def test_floating_ip_leads_only_where_there_is_a_way(manager: APIClient, project: Project) -> None:
    network = ExternalNetworkFactory.create()
    floating, other = (FloatingIPFactory.create(project=project, external_network=network) for _ in range(2))
    connected = SubnetFactory.create(project=project, vpc=VPCFactory.create(project=project, external_network=network))
    nic = InterfaceFactory.create(instance__project=project, subnet=connected).interface
    FloatingIP.objects.filter(pk=other.pk).update(interface=nic)
    isolated = InterfaceFactory.create(instance__project=project).interface
    path = f"{BASE}/floating-ips/{floating.pk}/associate/"

    assert wrong(manager.post(path, {"interface": str(isolated.pk)})) == {"interface": ["not_connected"]}
    assert wrong(manager.post(path, {"interface": str(nic.pk)})) == {"interface": ["taken"]}
    assert wrong(manager.post(path, {})) == {"interface": ["required"]}
    assert wrong(manager.post(path, {"interface": "x"})) == {"interface": ["invalid"]}
    assert wrong(manager.post(f"{BASE}/floating-ips/{floating.pk}/disassociate/", {"now": True})) == {
        "now": ["unknown_field"]
    }


def test_floating_ip_needs_an_external_network_with_a_free_address(manager: APIClient, project: Project) -> None:
    wish = {"project": str(project.pk)}
    assert wrong(manager.post(f"{BASE}/floating-ips/", wish)) == {"external_network": ["required"]}
    ExternalNetworkFactory.create(first_address="198.51.100.2", last_address="198.51.100.2")

    assert manager.post(f"{BASE}/floating-ips/", wish).status_code == 201
    assert wrong(manager.post(f"{BASE}/floating-ips/", wish)) == {"external_network": ["exhausted"]}


# ---- quotas


def test_quotas_are_read_and_enforced(manager: APIClient, project: Project) -> None:
    subnet = SubnetFactory.create(project=project)
    for resource, limit in (("vpcs", 1), ("subnets", 1), ("floating_ips", 0), ("security_groups", 0)):
        Quota.objects.create(project=project, resource=resource, limit=limit)
    wish = {"name": "one-more", "project": str(project.pk)}

    levels = {row["resource"]: row for row in manager.get(f"{BASE}/projects/{project.pk}/quotas/").json()}
    refused = [
        manager.post(f"{BASE}/vpcs/", wish),
        create_subnet(manager, subnet.vpc, cidr="10.1.0.0/24"),
        manager.post(f"{BASE}/floating-ips/", {"project": str(project.pk)}),
        manager.post(f"{BASE}/security-groups/", wish),
    ]

    assert levels["vpcs"] == {"resource": "vpcs", "label": "VPC", "used": 1, "limit": 1}
    assert levels["security_group_rules"]["limit"] == 1000
    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(409, "quota_exceeded")}


# ---- lists


def found(client: APIClient, query: str, name: str = "id") -> list[str]:
    return [row[name] for row in client.get(f"{BASE}/{query}").json()["results"]]


def test_lists_of_networks_narrow_and_order(manager: APIClient, project: Project) -> None:
    network = ExternalNetworkFactory.create()
    prod = VPCFactory.create(project=project, name="prod", external_network=network)
    db = SubnetFactory.create(project=project, vpc=prod, name="db", cidr="10.2.0.0/24")
    app = SubnetFactory.create(project=project, vpc=prod, name="app", cidr="10.10.0.0/24")
    other = SubnetFactory.create(project=project, name="other", cidr="10.2.0.0/24")
    link = InterfaceFactory.create(instance__project=project, instance__name="web-1", subnet=app)
    used = FloatingIPFactory.create(
        project=project, external_network=network, interface=link.interface, address="198.51.100.77"
    )
    free = FloatingIPFactory.create(project=project, external_network=network, address="198.51.100.9")

    assert found(manager, "vpcs/?search=PRO") == [str(prod.pk)]
    assert found(manager, f"vpcs/?external_network={network.pk}") == [str(prod.pk)]
    assert found(manager, f"subnets/?vpc={prod.pk}&ordering=cidr") == [str(db.pk), str(app.pk)]
    assert found(manager, f"subnets/?vpc={prod.pk}&ordering=-cidr") == [str(app.pk), str(db.pk)]
    assert found(manager, "subnets/?search=10.2.&ordering=name") == [str(db.pk), str(other.pk)]
    assert found(manager, "floating-ips/?associated=true") == [str(used.pk)]
    assert found(manager, "floating-ips/?associated=false") == [str(free.pk)]
    assert found(manager, "floating-ips/?ordering=address") == [str(free.pk), str(used.pk)]
    assert found(manager, "floating-ips/?search=198.51.100.7") == [str(used.pk)]
    assert found(manager, "floating-ips/?search=WEB") == [str(used.pk)]
    assert found(manager, f"floating-ips/?instance={link.instance_id}&vpc={prod.pk}") == [str(used.pk)]


@pytest.mark.parametrize("query", ["subnets/?vpc=x", "floating-ips/?associated=maybe", "vpcs/?ordering=cidr"])
def test_filter_that_makes_no_sense_is_refused(manager: APIClient, query: str) -> None:
    assert manager.get(f"{BASE}/{query}").status_code == 400


def test_pages_of_subnets_by_range_show_every_row_once(manager: APIClient, project: Project) -> None:
    vpc = VPCFactory.create(project=project)
    for number in range(7):
        SubnetFactory.create(project=project, vpc=vpc, cidr=f"10.{number * 5}.0.0/24")
    seen, link = [], f"{BASE}/subnets/?ordering=cidr&limit=3"
    while link:
        page = manager.get(link).json()
        seen += [row["cidr"] for row in page["results"]]
        link = page["next"]

    assert seen == [f"10.{number * 5}.0.0/24" for number in range(7)]
