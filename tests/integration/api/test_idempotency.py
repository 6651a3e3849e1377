"""A request that is sent twice with one key has its effect once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone
from rest_framework.test import APIClient

from cloudia.accounts.models import ApiToken, AuditEntry, Project
from cloudia.api.models import IdempotencyKey
from cloudia.jobs.models import Job
from instances.enums import PowerState
from tests.factories import InstanceFactory, MembershipFactory
from tests.integration.api.conftest import BASE, client_of, token_for


@pytest.mark.django_db
def test_same_key_and_body_give_the_same_answer_once(manager: APIClient, project: Project) -> None:
    path = f"{BASE}/instances/{InstanceFactory.create(project=project).pk}/start/"

    first = manager.post(path, HTTP_IDEMPOTENCY_KEY="k1")
    second = manager.post(path, HTTP_IDEMPOTENCY_KEY="k1")

    assert (first.status_code, second.status_code) == (202, 202)
    assert second.json() == first.json()
    assert second.headers["Location"] == first.headers["Location"]
    assert "Idempotent-Replayed" in second.headers
    assert "Idempotent-Replayed" not in first.headers
    assert Job.objects.count() == 1


@pytest.mark.django_db
def test_same_key_with_another_request_is_422(operator: APIClient) -> None:
    assert operator.post(f"{BASE}/projects/", {"name": "a"}, HTTP_IDEMPOTENCY_KEY="k1").status_code == 201

    other_body = operator.post(f"{BASE}/projects/", {"name": "b"}, HTTP_IDEMPOTENCY_KEY="k1")
    other_path = operator.post(f"{BASE}/tokens/", {"name": "a"}, HTTP_IDEMPOTENCY_KEY="k1")

    assert (other_body.status_code, other_body.json()["code"]) == (422, "idempotency_conflict")
    assert other_path.status_code == 422
    assert Project.objects.count() == 1


@pytest.mark.django_db
def test_keys_of_two_users_are_two_keys(project: Project) -> None:
    path = f"{BASE}/tokens/"
    one, other = (client_of(MembershipFactory.create(project=project).user) for _ in range(2))

    answers = [client.post(path, {"name": "ci"}, HTTP_IDEMPOTENCY_KEY="k1").json() for client in (one, other)]

    assert answers[0]["id"] != answers[1]["id"]


@pytest.mark.django_db
def test_refusal_is_not_kept_but_its_audit_entry_is(manager: APIClient, project: Project) -> None:
    instance = InstanceFactory.create(project=project, power_state=PowerState.RUNNING)
    path = f"{BASE}/instances/{instance.pk}/start/"

    refused = manager.post(path, HTTP_IDEMPOTENCY_KEY="k1")
    type(instance).objects.update(power_state=PowerState.STOPPED)
    accepted = manager.post(path, HTTP_IDEMPOTENCY_KEY="k1")

    assert (refused.status_code, accepted.status_code) == (409, 202)
    assert sorted(AuditEntry.objects.values_list("outcome", flat=True)) == ["accepted", "refused"]


@pytest.mark.django_db
def test_server_error_leaves_nothing(
    manager: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    instance = InstanceFactory.create(project=project)
    monkeypatch.setattr("instances.api.accepted", lambda *_: 1 / 0)

    answer = manager.post(f"{BASE}/instances/{instance.pk}/start/", HTTP_IDEMPOTENCY_KEY="k1")

    assert answer.status_code == 500
    assert not Job.objects.exists()
    assert not IdempotencyKey.objects.exists()


@pytest.mark.django_db
def test_key_is_forgotten_after_a_day(manager: APIClient) -> None:
    first = manager.post(f"{BASE}/tokens/", {"name": "ci"}, HTTP_IDEMPOTENCY_KEY="k1").json()
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=25))

    second = manager.post(f"{BASE}/tokens/", {"name": "ci"}, HTTP_IDEMPOTENCY_KEY="k1").json()

    assert first["id"] != second["id"]
    assert IdempotencyKey.objects.count() == 1


@pytest.mark.django_db
def test_kept_answer_does_not_show_a_token_to_readers_of_the_database(manager: APIClient) -> None:
    answer = manager.post(f"{BASE}/tokens/", {"name": "ci"}, HTTP_IDEMPOTENCY_KEY="k1").json()

    assert answer["token"] not in IdempotencyKey.objects.get().sealed_body
    assert manager.post(f"{BASE}/tokens/", {"name": "ci"}, HTTP_IDEMPOTENCY_KEY="k1").json() == answer


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
def test_bad_key_is_400(manager: APIClient, key: str) -> None:
    answer = manager.post(f"{BASE}/tokens/", {"name": "ci"}, HTTP_IDEMPOTENCY_KEY=key)

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["Idempotency-Key"]


@pytest.mark.django_db(transaction=True)
def test_parallel_requests_with_one_key_have_one_effect(project: Project) -> None:
    token = token_for(MembershipFactory.create(project=project).user)

    def ask(_: int) -> Any:
        try:
            client = APIClient(HTTP_AUTHORIZATION=f"Token {token}")
            return client.post(f"{BASE}/tokens/", {"name": "ci"}, HTTP_IDEMPOTENCY_KEY="k1")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(ask, range(10)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["token"] for answer in answers}) == 1
    assert ApiToken.objects.filter(name="ci").count() == 1
