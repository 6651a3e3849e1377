"""What browsers are told, and what production settings must be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from cloudia.accounts.models import User
from tests.factories import OperatorFactory
from tests.integration.security.conftest import browser_of

ROOT = Path(__file__).parents[3]


def policy_of(header: str) -> dict[str, set[str]]:
    """A Content-Security-Policy by directive."""
    return {words[0]: set(words[1:]) for part in header.split(";") if (words := part.split())}


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["login", "instance-list", "admin:index", "admin:login"])
def test_pages_allow_no_script_but_ours(name: str) -> None:
    user = OperatorFactory.create()
    answer = (Client() if name.endswith("login") else browser_of(user)).get(reverse(name), follow=True)
    policy = policy_of(answer.headers["Content-Security-Policy"])
    assert policy["default-src"] == {"'self'"}
    assert policy.get("script-src", policy["default-src"]) == {"'self'"}
    assert policy["object-src"] == policy["frame-ancestors"] == policy["base-uri"] == {"'none'"}
    assert policy["form-action"] == {"'self'"}
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"


@pytest.mark.django_db
def test_session_cookie_is_out_of_reach_of_scripts_and_other_sites(owner: User) -> None:
    owner.set_password("correct-horse-4711")
    owner.save()
    answer = Client().post(reverse("login"), {"username": owner.username, "password": "correct-horse-4711"})
    cookie = answer.cookies[settings.SESSION_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert answer.cookies[settings.CSRF_COOKIE_NAME]["samesite"] == "Lax"


def test_generated_secret_key_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    environment = {**os.environ, "CLOUDIA_VAR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "cloudia.settings"}
    environment.pop("CLOUDIA_SECRET_KEY", None)
    show = "from django.conf import settings; print(len(settings.SECRET_KEY))"
    done = subprocess.run([sys.executable, "-c", show], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert int(done.stdout) >= 50
    assert (tmp_path / "secret-key").stat().st_mode & 0o777 == 0o600
