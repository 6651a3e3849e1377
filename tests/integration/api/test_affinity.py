"""Affinity groups through the API."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from cloudia.accounts.models import AuditEntry, Project
from instances.affinity_models import AffinityGroup
from instances.models import Instance
from storage.models import StorageAttachment
from tests.factories import (
    AffinityGroupFactory,
    HostFactory,
    ImageFactory,
    InstanceFactory,
    StorageDomainFactory,
    SubnetFactory,
)
from tests.integration.api.conftest import BASE
from tests.integration.api.test_networks import wrong

pytestmark = pytest.mark.django_db
GROUPS = f"{BASE}/affinity-groups/"
FIELDS = {
    "id", "name", "description", "project", "policy", "hard", "enabled", "kept", "members", "created_at", "actions",
}  # fmt: skip  # the contract


def test_manager_makes_changes_and_deletes_a_group(manager: APIClient, project: Project) -> None:
    made = manager.post(GROUPS, {"name": "web", "project": str(project.pk), "policy": "anti-affinity"})
    assert (made.status_code, set(made.json())) == (201, FIELDS)
    path = f"{GROUPS}{made.json()['id']}/"
    assert (made.json()["hard"], made.json()["enabled"], made.json()["kept"]) == (True, True, True)
    changed = manager.patch(path, {"policy": "affinity", "hard": False, "enabled": False, "description": "text"})
    assert changed.status_code == 200
    row = AffinityGroup.objects.get()
    assert (row.name, row.policy, row.hard, row.enabled, row.description) == ("web", "affinity", False, False, "text")
    assert changed.json()["kept"] is None
    assert manager.delete(path).status_code == 204
    actions = AuditEntry.objects.order_by("id").values_list("action", flat=True)
    assert list(actions) == [f"affinity_group.{verb}" for verb in ("create", "edit", "delete")]


def test_group_names_its_members_and_says_whether_its_rule_is_kept(manager: APIClient, project: Project) -> None:
    group, host = AffinityGroupFactory.create(project=project), HostFactory.create()
    members = [InstanceFactory.create(project=project, affinity_group=group, host=host, name=name) for name in "ab"]
    shown = manager.get(f"{GROUPS}{group.pk}/").json()
    assert shown["members"] == [{"id": str(row.pk), "name": row.name} for row in members]
    assert shown["kept"] is False
    assert manager.get(f"{BASE}/instances/{members[0].pk}/").json()["affinity_group"] == {
        "id": str(group.pk), "name": group.name,
    }  # fmt: skip
    refused = manager.delete(f"{GROUPS}{group.pk}/")
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    assert shown["actions"]["delete"]["code"] == "in_use"


def test_instance_is_made_in_a_group_and_refused_where_it_leaves_no_host(manager: APIClient, project: Project) -> None:
    domain = StorageDomainFactory.create(hosts=[HostFactory.create()])
    StorageAttachment.objects.create(domain=domain, host=HostFactory.create(), active=True)
    group = AffinityGroupFactory.create(project=project, name="web")
    nic = {"subnet": str(SubnetFactory.create(project=project).pk)}
    body: dict[str, Any] = {"name": "web", "project": str(project.pk), "vcpus": 1, "memory_mib": 1024}
    body |= {"image": str(ImageFactory.create(storage_domain=domain).pk), "interfaces": [nic]}
    answers = [manager.post(f"{BASE}/instances/", {**body, "affinity_group": str(group.pk)}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 409]
    assert answers[2].json()["code"] == "no_capacity"
    assert "“web” of anti-affinity group “web” is there" in answers[2].json()["detail"]
    assert len(set(Instance.objects.values_list("host", flat=True))) == 2


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("name", "", "blank"), ("name", "taken", "taken"), ("name", 1, "invalid"),
        ("policy", "near", "invalid_choice"),
        ("policy", None, "null"), ("hard", "yes", "invalid"), ("enabled", 1, "invalid"),
        ("description", "a\nb", "invalid"),
        ("project", "00000000-0000-4000-8000-000000000000", "does_not_exist"), ("members", [], "unknown_field"),
    ],
)  # fmt: skip
def test_bad_field_is_named(manager: APIClient, project: Project, field: str, value: Any, code: str) -> None:
    AffinityGroupFactory.create(project=project, name="taken")
    body = {"name": "web", "project": str(project.pk), "policy": "affinity", field: value}
    assert wrong(manager.post(GROUPS, body)) == {field: [code]}
    assert AffinityGroup.objects.count() == 1


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("search=we", ["web"]), ("policy=affinity", ["web"]), ("hard=false", ["db"]), ("enabled=false", ["db"]),
        ("ordering=-name", ["web", "db"]), ("policy=anti-affinity&hard=true", []),
    ],
)  # fmt: skip
def test_filters_narrow(manager: APIClient, project: Project, query: str, found: list[str]) -> None:
    AffinityGroupFactory.create(project=project, name="web", policy="affinity")
    AffinityGroupFactory.create(project=project, name="db", hard=False, enabled=False)
    assert [row["name"] for row in manager.get(f"{GROUPS}?{query}").json()["results"]] == found


def test_instances_are_listed_by_group(manager: APIClient, project: Project) -> None:
    group = AffinityGroupFactory.create(project=project)
    member = InstanceFactory.create(project=project, affinity_group=group)
    InstanceFactory.create(project=project)
    rows = manager.get(f"{BASE}/instances/?affinity_group={group.pk}").json()["results"]
    assert [row["id"] for row in rows] == [str(member.pk)]
