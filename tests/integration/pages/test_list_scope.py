"""Lists stop at the current project, unless an operator asks for every project's."""

from __future__ import annotations

import pytest
from django.test import Client

from cloudia.accounts.models import Project
from tests.factories import FloatingIPFactory, InstanceFactory, SecurityGroupFactory, SubnetFactory, VPCFactory
from tests.integration.pages.conftest import HTMX

LISTS = ["/instances/", "/vpcs/", "/subnets/", "/security-groups/", "/floating-ips/"]


@pytest.fixture(autouse=True)
def others(project: Project) -> Project:
    """Another project with one of each."""
    subnet = SubnetFactory.create()
    other = subnet.project
    other.name = "the others"
    other.save()
    InstanceFactory.create(project=other)
    SecurityGroupFactory.create(project=other)
    FloatingIPFactory.create(project=other)
    VPCFactory.create(project=other)
    return other


@pytest.mark.parametrize("address", LISTS)
def test_operators_may_list_every_project_and_see_whose_each_row_is(operator: Client, address: str) -> None:
    assert '<span class="sub">the others</span>' not in operator.get(address).content.decode()
    page = operator.get(f"{address}?scope=all").content.decode()
    assert '<span class="sub">the others</span>' in page
    assert '<span class="hint" id="scope">Every project</span>' in page


@pytest.mark.parametrize("address", LISTS)
def test_members_cannot(manager: Client, address: str) -> None:
    page = manager.get(f"{address}?scope=all").content.decode()
    assert "the others" not in page
    assert "Every project" not in page


@pytest.mark.parametrize("address", LISTS)
def test_the_title_follows_when_only_the_results_change(operator: Client, address: str) -> None:
    target = {"/security-groups/": "groups", "/floating-ips/": "floating-ips"}.get(address, address.strip("/"))
    answer = operator.get(f"{address}?scope=all", headers={**HTMX, "HX-Target": target}).content.decode()
    assert 'id="scope" hx-swap-oob="true">Every project</span>' in answer
