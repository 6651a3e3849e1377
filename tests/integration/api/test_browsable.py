"""People read the API in a browser, with their session, under the page's content security policy."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tests.factories import (
    BootDiskFactory,
    FloatingIPFactory,
    InstanceFactory,
    InterfaceFactory,
    JobStepFactory,
    OperatorFactory,
    RuleFactory,
    hold,
)
from tests.integration.api.conftest import BASE

pytestmark = pytest.mark.django_db
RESOURCES = ["", "instances/", "instance-types/", "images/", "jobs/", "hosts/", "projects/", "me/", "tokens/"]
RESOURCES += ["vpcs/", "subnets/", "interfaces/", "security-groups/", "floating-ips/", "external-networks/"]


@pytest.fixture
def browser() -> Client:
    """An operator's, logged in."""
    client = Client(HTTP_ACCEPT="text/html", HTTP_ACCEPT_LANGUAGE="en")
    client.force_login(OperatorFactory.create(), backend="cloudia.accounts.backends.PeopleBackend")
    return client


@pytest.mark.parametrize("resource", RESOURCES)
def test_resource_is_a_page_without_inline_scripts(browser: Client, resource: str) -> None:
    instance = BootDiskFactory.create().instance
    JobStepFactory.create(job=hold(instance))
    nic = InterfaceFactory.create(instance=instance, groups=[RuleFactory.create(group__project=instance.project).group])
    FloatingIPFactory.create(project=instance.project, interface=nic.interface)

    answer = browser.get(f"{BASE}/{resource}")

    page = answer.content.decode()
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (200, "text/html")
    scripts = re.findall(r"<script(?![^>]*src=)([^>]*)>", page)
    assert all("application/json" in attributes for attributes in scripts)
    assert not re.search(r"\son[a-z]+=", page)


def test_object_and_filtered_pages_are_shown(browser: Client) -> None:
    instances = [InstanceFactory.create() for _ in range(3)]

    assert instances[0].short_id in browser.get(f"{BASE}/instances/{instances[0].pk}/").content.decode()
    assert "cursor=" in browser.get(f"{BASE}/instances/?limit=2&status=stopped").content.decode()
    assert browser.get(f"{BASE}/instances/?status=nonsense").status_code == 400
    assert browser.get(f"{BASE}/nothing/").status_code == 404
