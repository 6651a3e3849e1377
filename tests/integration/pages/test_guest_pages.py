"""The first user of an instance in its 기본 정보, the tab 사용자 스크립트, and both in the admin."""

from __future__ import annotations

import pytest
from django.test import Client

from cloudia.accounts.models import Project
from instances.models import Instance
from tests.factories import GuestFactory, InstanceFactory, ScriptFactory
from tests.integration.pages.conftest import HTMX


@pytest.fixture
def instance(project: Project) -> Instance:
    instance: Instance = InstanceFactory.create(project=project)
    return instance


def fact(client: Client, instance: Instance) -> str:
    page = client.get(f"/instances/{instance.pk}/").content.decode()
    return page.partition("<dt>Cloud-init</dt>")[2].partition("</dd>")[0]


def test_facts_show_the_user_and_no_password(manager: Client, instance: Instance) -> None:
    guest = GuestFactory.create(instance=instance)
    shown = fact(manager, instance)
    assert "kim" in shown
    assert "********" in shown
    assert guest.password_hash not in manager.get(f"/instances/{instance.pk}/").content.decode()
    assert "first login" not in shown


def test_facts_say_that_a_default_password_is_to_be_changed(manager: Client, instance: Instance) -> None:
    GuestFactory.create(instance=instance, username="cloudia", password_hash="")
    shown = fact(manager, instance)
    assert "********" in shown
    assert "to be changed at the first login" in shown


def test_instance_from_before_has_no_user(manager: Client, instance: Instance) -> None:
    assert '<span class="text-2">-</span>' in fact(manager, instance)


def test_tab_shows_scripts_in_order_with_their_text_as_text(manager: Client, instance: Instance) -> None:
    ScriptFactory.create(instance=instance, number=2, name="b", stage="pre-network", content="#!/bin/sh\n<b>&\n")
    ScriptFactory.create(instance=instance, number=1, name="z.sh")
    page = manager.get(f"/instances/{instance.pk}/scripts/", headers=HTMX).content.decode()
    paths = ["/var/lib/cloud/instance/scripts/01-z.sh", "/var/lib/cloudia/pre-network/02-b"]
    assert [page.index(path) for path in paths] == sorted(page.index(path) for path in paths)
    assert "#!/bin/sh\n&lt;b&gt;&amp;\n</pre>" in page


def test_tab_without_scripts_says_so(manager: Client, instance: Instance) -> None:
    assert "No user scripts" in manager.get(f"/instances/{instance.pk}/scripts/", headers=HTMX).content.decode()


def test_tab_of_an_instance_of_others_is_not_there(manager: Client) -> None:
    script = ScriptFactory.create()
    assert manager.get(f"/instances/{script.instance.pk}/scripts/", headers=HTMX).status_code == 404


def test_admin_shows_user_and_scripts_without_the_hash(admin_client: Client, instance: Instance) -> None:
    guest = GuestFactory.create(instance=instance, ssh_keys="ssh-ed25519 AAAA kim@desk")
    ScriptFactory.create(instance=instance, name="z.sh")
    page = admin_client.get(f"/admin/instances/instance/{instance.pk}/change/").content.decode()
    assert [text in page for text in ("kim@desk", "z.sh", "echo hello", guest.password_hash)] == [True] * 3 + [False]
    assert "password_hash" not in page
