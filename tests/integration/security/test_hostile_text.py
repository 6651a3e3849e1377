"""Names are data: in pages, in CSV, in the admin. And secrets are in none of them."""

from __future__ import annotations

import csv

import pytest
from django.test import Client
from django.urls import reverse

from cloudia.accounts.models import User
from instances.models import Instance
from tests.factories import HostFactory, InstanceFactory, OperatorFactory, hold
from tests.integration.security.conftest import browser_of

pytestmark = pytest.mark.django_db

MARKUP = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"
SECRET = "s3cret-of-the-host"


@pytest.fixture
def hostile(owner: User) -> Instance:
    """An instance, its job, its host and its tenant, all called by markup."""
    host = HostFactory.create(name=MARKUP[:64], hostname=MARKUP)
    host.set_password(SECRET)
    host.save()
    project = owner.projects.get()
    project.name = MARKUP
    project.save()
    instance: Instance = InstanceFactory.create(name=MARKUP, description=MARKUP, project=project, host=host)
    hold(instance)
    User.objects.filter(pk=owner.pk).update(display_name=MARKUP)
    return instance


def pages(instance: Instance) -> list[str]:
    """Where the names come up."""
    job = instance.current_job
    assert job is not None
    return [
        reverse("instance-list"),
        reverse("instance-detail", args=[instance.pk]),
        reverse("instance-row", args=[instance.pk]),
        reverse("instance-edit", args=[instance.pk]),
        reverse("instance-jobs", args=[instance.pk]),
        reverse("instance-action", args=["delete"]) + f"?id={instance.pk}",
        reverse("job-list"),
        reverse("job-detail", args=[job.pk]),
        reverse("account"),
    ]


def desk(instance: Instance) -> list[str]:
    """The same for operators."""
    return [
        reverse("host-list"),
        reverse("admin:instances_instance_changelist"),
        reverse("admin:instances_instance_change", args=[instance.pk]),
        reverse("admin:jobs_job_changelist"),
        reverse("admin:hosts_host_change", args=[instance.host_id]),
        reverse("admin:accounts_project_changelist"),
        reverse("admin:accounts_auditentry_changelist"),
    ]


def body(client: Client, url: str) -> str:
    """The page's text."""
    answer = client.get(url, follow=True)
    assert answer.status_code == 200, url
    return answer.content.decode()


def test_markup_in_names_stays_text(owner: User, hostile: Instance) -> None:
    operator = browser_of(OperatorFactory.create())
    found = 0
    for client, urls in ((browser_of(owner), pages(hostile)), (operator, desk(hostile))):
        for url in urls:
            text = body(client, url)
            assert "<script>alert" not in text, url
            assert "<img src=x" not in text, url
            assert SECRET not in text, url
            assert hostile.host is not None
            assert hostile.host.sealed_password not in text, url
            found += "&lt;script&gt;alert" in text
    assert found >= 10  # it did come up


def test_secret_of_a_host_is_in_no_answer_of_the_api(hostile: Instance) -> None:
    operator = browser_of(OperatorFactory.create())
    for path in ("hosts/", f"hosts/{hostile.host_id}/", f"instances/{hostile.pk}/", "schema/"):
        text = body(operator, f"/api/v1/{path}")
        assert SECRET not in text
        assert "sealed_password" not in text


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t="])
def test_name_is_no_formula_in_an_exported_table(owner: User, sign: str) -> None:
    name = f"{sign}cmd|' /C calc'!A0"
    InstanceFactory.create(name=name, project=owner.projects.get())
    answer = browser_of(owner).get(reverse("instance-export"))
    content = b"".join(answer) if answer.streaming else answer.content
    _header, row = csv.reader(content.decode("utf-8-sig").splitlines())
    assert row[0] == f"'{name}"
