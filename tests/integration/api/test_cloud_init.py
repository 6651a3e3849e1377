"""The first user and the scripts of an instance through the API; and that its password is nowhere to be seen."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.serializers import serialize
from passlib.hash import sha512_crypt
from rest_framework.test import APIClient

from cloudia.accounts.models import AuditEntry, Project
from cloudia.api.models import IdempotencyKey
from cloudia.jobs.models import Job
from instances.cloud_init import Told, user_data
from instances.models import Instance
from tests.factories import HostFactory, ImageFactory, InstanceFactory, StorageDomainFactory, SubnetFactory
from tests.integration.api.conftest import BASE, Body

pytestmark = pytest.mark.django_db
PASSWORD = "s3cret-과일-word"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHZlcnktbm90LXJlYWwta2V5LW9mLWEtdGVzdC1vbmx5 kim@desk"
SCRIPTS = [
    {"name": "second.sh", "order": 3, "stage": "boot", "content": "#!/bin/sh\r\necho 1\r\n"},
    {"name": "first", "order": 7, "stage": "pre-network", "content": "#!/bin/sh\necho 2\n  "},
]


@pytest.fixture
def body(project: Project) -> Body:
    """A request that can be carried out."""
    image = ImageFactory.create(storage_domain=StorageDomainFactory.create(hosts=[HostFactory.create()]))
    nic = {"subnet": str(SubnetFactory.create(project=project).pk)}
    size = {"vcpus": 2, "memory_mib": 2048}
    return {"name": "web-1", "project": str(project.pk), "image": str(image.pk), "interfaces": [nic], **size}


def created(manager: APIClient, body: Body, **more: Any) -> Instance:
    answer = manager.post(f"{BASE}/instances/", {**body, **more})
    assert answer.status_code == 202, answer.json()
    return Instance.objects.get(pk=answer.json()["target"]["id"])


def test_guest_is_as_asked_for(manager: APIClient, body: Body) -> None:
    wish = {"username": "kim", "password": PASSWORD, "ssh_keys": [KEY], "scripts": SCRIPTS}
    instance = created(manager, body, cloud_init=wish)

    assert manager.get(f"{BASE}/instances/{instance.pk}/").json()["cloud_init"] == {
        "username": "kim",
        "password": "********",
    }
    assert manager.get(f"{BASE}/instances/{instance.pk}/scripts/").json()["results"] == [
        {
            "order": 1,
            "name": "second.sh",
            "path": "/var/lib/cloud/instance/scripts/01-second.sh",
            "stage": "boot",
            "content": "#!/bin/sh\necho 1\n",
        },
        {
            "order": 2,
            "name": "first",
            "path": "/var/lib/cloudia/pre-network/02-first",
            "stage": "pre-network",
            "content": "#!/bin/sh\necho 2\n  ",
        },
    ]
    assert instance.guest.ssh_keys == KEY
    assert sha512_crypt.verify(PASSWORD, instance.guest.password_hash)


def test_password_is_nowhere(manager: APIClient, body: Body, caplog: pytest.LogCaptureFixture) -> None:
    """Not in what is answered, logged, or kept of the job and the audit trail; of it there is a hash in one column."""
    caplog.set_level(logging.DEBUG)
    wish = {"username": "kim", "password": PASSWORD}
    headers = {"Idempotency-Key": "once"}
    answers = [manager.post(f"{BASE}/instances/", {**body, "cloud_init": wish}, headers=headers) for _ in range(2)]
    answers.append(manager.post(f"{BASE}/instances/", {**body, "cloud_init": {**wish, "username": "root"}}))
    assert [answer.status_code for answer in answers] == [202, 202, 400]
    instance = Instance.objects.get()
    paths = ["instances/", f"instances/{instance.pk}/", f"instances/{instance.pk}/jobs/", "jobs/"]
    answers += [manager.get(f"{BASE}/{path}") for path in paths]
    kept = serialize("json", [*Job.objects.all(), *AuditEntry.objects.all(), instance])
    seen = [*(answer.content.decode() for answer in answers), kept, caplog.text]
    assert AuditEntry.objects.filter(action="instance.create").count() == 2

    digest = instance.guest.password_hash
    words = [PASSWORD, json.dumps(PASSWORD)[1:-1], digest, digest.rsplit("$", 1)[1]]
    assert [word for word in words if any(word in text for text in seen)] == []
    assert PASSWORD not in json.dumps(user_data(Told.of(instance)), ensure_ascii=False)


def test_digest_of_a_request_does_not_let_its_password_be_guessed(
    manager: APIClient, body: Body, settings: LazySettings
) -> None:
    """Somebody who has the database, but not the installation's key, can't try passwords on it."""
    digests = []
    for key in (settings.SECRET_KEY, "another installation's"):
        settings.SECRET_KEY = key
        manager.post(f"{BASE}/instances/", body, headers={"Idempotency-Key": key})
        digests.append(IdempotencyKey.objects.latest("created_at").request_digest)
    assert digests[0] != digests[1]


def test_without_a_word_the_guest_has_the_default_user(manager: APIClient, body: Body) -> None:
    instance = created(manager, body)

    assert instance.guest.username == "cloudia"
    assert instance.guest.has_default_password
    assert user_data(Told.of(instance))["chpasswd"] == {"expire": True}
    assert manager.get(f"{BASE}/instances/{instance.pk}/").json()["cloud_init"]["username"] == "cloudia"
    assert manager.get(f"{BASE}/instances/{instance.pk}/scripts/").json()["results"] == []


def test_password_keeps_its_spaces(manager: APIClient, body: Body) -> None:
    instance = created(manager, body, cloud_init={"password": "  eight  "})

    assert instance.guest.username == "cloudia"
    assert sha512_crypt.verify("  eight  ", instance.guest.password_hash)


def test_instance_from_before_has_no_user_and_its_image_keeps_its_own(manager: APIClient, project: Project) -> None:
    instance = InstanceFactory.create(project=project)

    assert manager.get(f"{BASE}/instances/{instance.pk}/").json()["cloud_init"] is None
    assert list(user_data(Told.of(instance))) == ["bootcmd"]


def script(**change: Any) -> dict[str, Any]:
    return {"scripts": [SCRIPTS[0], {**SCRIPTS[1], **change}]}


@pytest.mark.parametrize(
    ("wish", "field", "code"),
    [
        ({"username": "root"}, "username", "reserved"),
        ({"username": "Kim"}, "username", "invalid"),
        ({"username": ""}, "username", "blank"),
        ({"username": None}, "username", "null"),
        ({"username": 7}, "username", "invalid"),
        ({"username": "a" * 33}, "username", "max_length"),
        ({"password": "short"}, "password", "too_short"),
        ({"password": "a" * 101}, "password", "max_length"),
        ({"password": "12345678\n"}, "password", "invalid"),
        ({"password": "1234\x005678"}, "password", "null_characters_not_allowed"),
        ({"password": None}, "password", "null"),
        ({"username": "longenough", "password": "longenough"}, "password", "same_as_username"),
        ({"ssh_keys": "x"}, "ssh_keys", "not_a_list"),
        ({"ssh_keys": [KEY] * 17}, "ssh_keys", "max_length"),
        ({"ssh_keys": [KEY, KEY]}, "ssh_keys.1", "duplicate"),
        ({"ssh_keys": [f"no-pty {KEY}"]}, "ssh_keys.0", "invalid"),
        ({"scripts": {}}, "scripts", "not_a_list"),
        ({"scripts": [script()["scripts"][0]] * 17}, "scripts", "max_length"),
        ({"scripts": ["#!/bin/sh"]}, "scripts.0", "invalid"),
        ({"scripts": list(reversed(SCRIPTS))}, "scripts", "not_ascending"),
        (script(order=0), "scripts.1.order", "min_value"),
        (script(name="a/b"), "scripts.1.name", "invalid"),
        (script(name="second.sh"), "scripts.1.name", "duplicate"),
        (script(stage="later"), "scripts.1.stage", "invalid_choice"),
        (script(content="echo"), "scripts.1.content", "no_interpreter"),
        (script(content="#!/bin/sh\n\0"), "scripts.1.content", "null_characters_not_allowed"),
        (script(content="#!/bin/sh\n\ud800"), "scripts.1.content", "surrogate_characters_not_allowed"),
        (script(content="#!/bin/sh\n" + "x" * (1 << 20)), "scripts.1.content", "too_long"),
        (script(content=None), "scripts.1.content", "null"),
        (script(colour="blue"), "scripts.1.colour", "unknown_field"),
        ({"colour": "blue"}, "colour", "unknown_field"),
    ],
)
def test_bad_field_is_named(manager: APIClient, body: Body, wish: Any, field: str, code: str) -> None:
    text = json.dumps({**body, "cloud_init": wish})  # in ASCII, so that also half characters reach the server

    answer = manager.post(f"{BASE}/instances/", text, content_type="application/json")

    assert answer.status_code == 400
    fields = answer.json()["fields"]
    assert {name: [error["code"] for error in errors] for name, errors in fields.items()} == {
        f"cloud_init.{field}": [code]
    }
    assert not Job.objects.exists()
