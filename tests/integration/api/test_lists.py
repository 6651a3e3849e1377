"""Lists: pages that neither repeat nor lose a row, filters that mean what people see, and constant cost."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from cloudia.accounts.enums import Origin
from cloudia.accounts.models import Project
from cloudia.jobs import registry
from instances.enums import PowerState
from instances.filtersets import status_choices
from instances.models import Instance
from tests.factories import (
    AffinityGroupFactory,
    ExternalNetworkFactory,
    FloatingIPFactory,
    HostFactory,
    ImageFactory,
    InstanceFactory,
    InstanceTypeFactory,
    InterfaceFactory,
    JobStepFactory,
    LaunchTemplateFactory,
    RuleFactory,
    hold,
)
from tests.integration.api.conftest import BASE

pytestmark = pytest.mark.django_db


def names(client: APIClient, query: str) -> list[str]:
    return [row["name"] for row in client.get(f"{BASE}/instances/?{query}").json()["results"]]


@pytest.mark.parametrize("ordering", ["", "name", "-name", "vcpus", "-vcpus", "-created_at", "origin,-memory_mib"])
def test_pages_show_every_row_once_in_both_directions(manager: APIClient, project: Project, ordering: str) -> None:
    """Most rows are equal by vCPUs and origin: the cursor must get past them."""
    for number in range(11):
        InstanceFactory.create(project=project, vcpus=1 + number // 8, name=f"vm-{number % 5}")
    whole = manager.get(f"{BASE}/instances/?ordering={ordering}").json()["results"]

    page = manager.get(f"{BASE}/instances/?ordering={ordering}&limit=3").json()
    forwards = list(page["results"])
    assert page["previous"] is None
    while page["next"]:
        page = manager.get(page["next"]).json()
        forwards += page["results"]
    backwards = list(page["results"])
    while page["previous"]:
        page = manager.get(page["previous"]).json()
        backwards = page["results"] + backwards

    ids = [row["id"] for row in whole]
    assert len(ids) == 11
    assert [row["id"] for row in forwards] == ids
    assert [row["id"] for row in backwards] == ids


def test_row_that_comes_while_paging_moves_nothing(manager: APIClient, project: Project) -> None:
    for number in range(4):
        InstanceFactory.create(project=project, name=f"{number}")
    page = manager.get(f"{BASE}/instances/?limit=2").json()
    InstanceFactory.create(project=project, name="new")

    rest = manager.get(page["next"]).json()

    assert [row["name"] for row in page["results"] + rest["results"]] == ["3", "2", "1", "0"]


def test_cursor_of_another_order_is_refused(manager: APIClient, project: Project) -> None:
    for _ in range(2):
        InstanceFactory.create(project=project)
    link = manager.get(f"{BASE}/instances/?limit=1").json()["next"]

    answer = manager.get(f"{link}&ordering=name")

    assert answer.status_code == 400
    assert answer.json()["fields"]["cursor"][0]["code"] == "invalid_cursor"


def test_filter_by_status_finds_what_shows_that_status(manager: APIClient, project: Project) -> None:
    lost = HostFactory.create(reachable=False)
    for state in PowerState:
        InstanceFactory.create(project=project, power_state=state)
        InstanceFactory.create(project=project, power_state=state, host=lost)
        InstanceFactory.create(project=project, power_state=state, host=None)
    for kind in filter(lambda name: name.startswith("instance."), registry.kinds()):
        hold(InstanceFactory.create(project=project, host=lost), kind=kind)
    finished = InstanceFactory.create(project=project)
    hold(finished, status="succeeded")
    shown = {str(row.pk): row.display_state.code for row in Instance.objects.for_display()}

    for code, _label in status_choices():
        found = manager.get(f"{BASE}/instances/?status={code}&limit=200").json()["results"]
        assert {row["id"] for row in found} == {pk for pk, own in shown.items() if own == code}, code
    assert set(shown.values()) == {code for code, _label in status_choices()}


def test_filters_narrow_and_combine(manager: APIClient, project: Project) -> None:
    host, image, kind = HostFactory.create(), ImageFactory.create(), InstanceTypeFactory.create()
    wanted = InstanceFactory.create(
        project=project, name="Web 1", host=host, image=image, instance_type=kind, origin=Origin.KUBERNETES
    )
    InstanceFactory.create(project=project, name="db")

    for query in (
        "search=web",
        f"search={wanted.short_id}",
        f"search={wanted.pk}",
        f"host={host.pk}&image={image.pk}&instance_type={kind.pk}",
        "origin=kubernetes&origin=autoscaling",
        f"project={project.pk}&search=WEB&status=stopped&status=running",
    ):
        assert names(manager, query) == ["Web 1"], query
    assert names(manager, "search=%25") == []


NETWORKS = ["vpcs", "subnets", "interfaces", "security-groups", "floating-ips"]
RESOURCES = ["instances", "jobs", "images", "instance-types", "affinity-groups", "launch-templates", *NETWORKS]


@pytest.mark.parametrize("resource", RESOURCES)
def test_list_costs_the_same_queries_for_1_3_and_30_rows(manager: APIClient, project: Project, resource: str) -> None:
    manager.get(f"{BASE}/{resource}/")  # notes the token's use, once a minute
    counts, network = [], ExternalNetworkFactory.create()
    for rows in (1, 2, 27):
        for _ in range(rows):
            kind = InstanceTypeFactory.create(project=project)
            image = ImageFactory.create(project=project)
            made = {
                "instance_type": kind,
                "image": image,
                "affinity_group": AffinityGroupFactory.create(project=project),
            }
            made["launch_template"] = LaunchTemplateFactory.create(project=project, content={})
            instance = InstanceFactory.create(project=project, **made)
            JobStepFactory.create(job=hold(instance))
            group = RuleFactory.create(group__project=project).group
            link = InterfaceFactory.create(instance=instance, groups=[group])
            FloatingIPFactory.create(project=project, external_network=network, interface=link.interface)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer: Any = manager.get(f"{BASE}/{resource}/")
        counts.append(len(queries))
    assert len(answer.json()["results"]) == 30
    assert counts[0] == counts[1] == counts[2]
    assert counts[0] <= 5
