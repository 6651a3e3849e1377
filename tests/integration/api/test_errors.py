"""Whatever is sent, the answer is an error in one shape, and never a server error."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from cloudia.accounts.models import ApiToken, Project
from tests.factories import InstanceFactory, UserFactory
from tests.integration.api.conftest import BASE, client_of, token_for

pytestmark = pytest.mark.django_db


def assert_error(answer: Any, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"]
    assert set(answer.json()) <= {"code", "detail", "fields", "job", "holder"}


def test_nobody_gets_in_without_a_token(client: Any) -> None:
    answer = client.get(f"{BASE}/instances/")

    assert_error(answer, 401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize("text", ["nonsense", "", "cld_" + "x" * 43, "cld_\xff", "a b"])
def test_bad_token_is_401(db: None, text: str) -> None:
    assert_error(APIClient().get(f"{BASE}/me/", HTTP_AUTHORIZATION=f"Token {text}"), 401, "invalid_token")


def test_expired_token_is_401(db: None) -> None:
    client = client_of(UserFactory.create(), expires_at=timezone.now() - timedelta(seconds=1))

    assert_error(client.get(f"{BASE}/me/"), 401, "invalid_token")


def test_token_of_an_inactive_user_is_401(db: None) -> None:
    assert_error(client_of(UserFactory.create(is_active=False)).get(f"{BASE}/me/"), 401, "invalid_token")


def test_use_of_a_token_is_noted_once_a_minute(db: None, django_assert_num_queries: Any) -> None:
    client = client_of(UserFactory.create())
    client.get(f"{BASE}/me/")
    first = ApiToken.objects.get().last_used_at

    client.get(f"{BASE}/me/")

    assert first is not None
    assert ApiToken.objects.get().last_used_at == first


def test_read_only_token_reads_and_changes_nothing(project: Project) -> None:
    client = client_of(UserFactory.create(is_operator=True), scope=ApiToken.Scope.READ)

    assert client.get(f"{BASE}/projects/").status_code == 200
    assert_error(client.post(f"{BASE}/projects/", {"name": "beta"}), 403, "read_only_token")


def test_session_needs_its_csrf_token_to_change_something(project: Project) -> None:
    user = UserFactory.create(is_operator=True)
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(user, backend="cloudia.accounts.backends.PeopleBackend")

    assert client.get(f"{BASE}/me/").json()["username"] == user.username
    assert_error(client.post(f"{BASE}/projects/", {"name": "beta"}), 403, "permission_denied")


def test_token_wins_over_a_session(db: None) -> None:
    person, program = UserFactory.create(), UserFactory.create()
    client = APIClient()
    client.force_login(person, backend="cloudia.accounts.backends.PeopleBackend")

    shown = client.get(f"{BASE}/me/", HTTP_AUTHORIZATION=f"Token {token_for(program)}").json()

    assert (shown["username"], shown["token"]["name"]) == (program.username, "test")


@pytest.mark.parametrize("path", ["nothing/", "instances", "instances/x/y/z/", "instances/%00/", "%00"])
def test_unknown_address_is_404_in_json(manager: APIClient, path: str) -> None:
    assert_error(manager.get(f"{BASE}/{path}"), 404, "not_found")


@pytest.mark.parametrize("pk", ["1", "x" * 5000, "a%00b", "%ED%A0%80", "00000000-0000-0000-0000-000000000000", "../x"])
@pytest.mark.parametrize("resource", ["instances", "jobs", "images", "instance-types", "projects", "tokens"])
def test_what_can_not_be_an_id_is_404(manager: APIClient, resource: str, pk: str) -> None:
    assert_error(manager.get(f"{BASE}/{resource}/{pk}/"), 404, "not_found")


def test_method_that_is_not_there_is_405(manager: APIClient) -> None:
    answer = manager.put(f"{BASE}/instances/", {})

    assert_error(answer, 405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]


def test_other_representations_and_bodies_are_refused(manager: APIClient) -> None:
    assert_error(manager.get(f"{BASE}/me/", HTTP_ACCEPT="image/png"), 406, "not_acceptable")
    assert_error(manager.post(f"{BASE}/tokens/", "a=b", content_type="text/plain"), 415, "unsupported_media_type")


@pytest.mark.parametrize("text", ["{", "", '{"name": NaN}', "\xff\xfe", "[" * 100_000, '{"a": ' * 50_000, "9" * 5000])
def test_bad_json_is_400(manager: APIClient, text: str) -> None:
    answer = manager.post(f"{BASE}/tokens/", text.encode("latin-1"), content_type="application/json")

    assert answer.status_code == 400
    assert answer.json()["code"] in {"parse_error", "invalid"}


@pytest.mark.parametrize("body", [[], "text", 7, None, True, [{}]])
def test_body_that_is_no_object_is_400(manager: APIClient, body: Any) -> None:
    assert_error(manager.post(f"{BASE}/tokens/", json.dumps(body), content_type="application/json"), 400, "invalid")


def test_large_body_is_413(manager: APIClient) -> None:
    assert_error(manager.post(f"{BASE}/tokens/", {"name": "x" * 3_000_000}), 413, "too_large")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=nonsense", "status"),
        ("origin=%00", "origin"),
        ("host=1", "host"),
        ("project=%00", "project"),
        ("search=a%00b", "search"),
        ("search=" + "x" * 1000, "search"),
        ("ordering=password", "ordering"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=-1", "limit"),
        ("limit=%C2%B2", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("cursor=nonsense", "cursor"),
        ("cursor=%00", "cursor"),
    ],
)
def test_bad_query_is_400_at_its_field(manager: APIClient, query: str, field: str) -> None:
    answer = manager.get(f"{BASE}/instances/?{query}")

    assert_error(answer, 400, "invalid")
    assert list(answer.json()["fields"]) == [field]


@pytest.mark.parametrize(("language", "word"), [("ko", "인증"), ("en", "Authentication")])
def test_errors_speak_the_clients_language(db: None, language: str, word: str) -> None:
    assert word in APIClient().get(f"{BASE}/me/", HTTP_ACCEPT_LANGUAGE=language).json()["detail"]


def test_unforeseen_error_is_a_500_that_says_nothing_of_the_inside(
    manager: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(**_: Any) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("instances.services.instance_start", broken)
    answer = manager.post(f"{BASE}/instances/{InstanceFactory.create(project=project).pk}/start/")

    assert_error(answer, 500, "internal")
    assert "secret" not in answer.content.decode()
    assert "secret" in caplog.text
