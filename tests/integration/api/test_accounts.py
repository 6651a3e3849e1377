"""Oneself, one's tokens, and projects through the API."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from cloudia.accounts.models import ApiToken, Project
from tests.integration.api.conftest import BASE

pytestmark = pytest.mark.django_db


def test_me_shows_the_account_its_projects_and_the_token(manager: APIClient, project: Project) -> None:
    shown = manager.get(f"{BASE}/me/").json()

    assert shown["projects"] == [{"id": str(project.pk), "name": "alpha", "role": "manager"}]
    assert (shown["is_operator"], shown["is_service"], shown["origin"]) == (False, False, "manual")
    assert shown["token"]["scope"] == "write"


def test_new_token_works_and_is_shown_once(manager: APIClient, project: Project) -> None:
    wish = {"name": "ci", "scope": "read", "expires_at": (timezone.now() + timedelta(hours=1)).isoformat()}

    made = manager.post(f"{BASE}/tokens/", wish).json()
    read = manager.get(f"{BASE}/tokens/{made['id']}/").json()
    used = APIClient().get(f"{BASE}/me/", HTTP_AUTHORIZATION=f"Token {made['token']}").json()

    assert "token" not in read
    assert read["actions"] == {"revoke": {"allowed": True, "code": None, "reason": None}}
    assert used["token"]["id"] == made["id"]
    assert used["token"]["scope"] == "read"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x", "scope": "everything"}, "scope"),
        ({"name": "x", "scope": "\ud800"}, "scope"),
        ({"name": "x", "expires_at": "2000-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "x", "expires_at": "tomorrow"}, "expires_at"),
        ({"name": "x", "expires_at": "9999-12-31T23:59:59-23:59"}, "expires_at"),
        ({"name": "x", "expires_at": "0001-01-01T00:00:00+23:59"}, "expires_at"),
        ({"name": "x", "expires_at": 5}, "expires_at"),
        ({"name": "x", "user": "me"}, "user"),
    ],
)
def test_bad_token_wish_is_400(manager: APIClient, body: Any, field: str) -> None:
    answer = manager.post(f"{BASE}/tokens/", json.dumps(body), content_type="application/json")

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]
    assert ApiToken.objects.count() == 1


def test_revoked_token_is_refused_at_once(manager: APIClient) -> None:
    own = manager.get(f"{BASE}/me/").json()["token"]["id"]

    assert manager.delete(f"{BASE}/tokens/{own}/").status_code == 204
    assert manager.get(f"{BASE}/me/").status_code == 401


def test_operator_makes_and_renames_a_project(operator: APIClient) -> None:
    made = operator.post(f"{BASE}/projects/", {"name": "beta"})
    changed = operator.patch(f"{BASE}/projects/{made.json()['id']}/", {"description": "text"})

    assert made.status_code == 201
    assert (changed.json()["name"], changed.json()["description"]) == ("beta", "text")
    assert changed.json()["role"] is None


def test_project_name_that_is_taken_is_named(operator: APIClient, project: Project) -> None:
    answer = operator.post(f"{BASE}/projects/", {"name": "alpha"})

    assert answer.status_code == 400
    assert answer.json()["fields"]["name"][0]["code"] == "unique"


def test_member_reads_its_project_and_can_not_change_it(manager: APIClient, project: Project) -> None:
    [shown] = manager.get(f"{BASE}/projects/").json()["results"]
    answer = manager.patch(f"{BASE}/projects/{project.pk}/", {"name": "mine"})
    created = manager.post(f"{BASE}/projects/", {"name": "new"})

    assert (shown["role"], shown["actions"]["edit"]["code"]) == ("manager", "permission_denied")
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert created.status_code == 403
