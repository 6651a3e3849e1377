"""Every route: nobody gets in unasked, strangers find nothing, looking and forged forms change nothing."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from psycopg.sql import SQL, Identifier, Literal

from cloudia.accounts.models import User
from tests.integration.security.conftest import browser_of
from tests.integration.security.routes import ROUTES, Route

pytestmark = pytest.mark.django_db

# For who is not logged in yet, or any more; and what the API looks like, which says nothing about anybody.
OPEN = {"login/", "logout/", "i18n/setlang/", "api/v1/schema/"}
NOWHERE = "00000000-0000-4000-8000-000000000000"
ABOUT_ONE = [route for route in ROUTES if route.is_about_one]
METHODS = ("get", "post", "patch", "delete")
TUS = {"Tus-Resumable": "1.0.0"}  # without it, an upload is not even looked for
EVERYBODYS = {"external-networks"}  # addresses are taken from them
NO_SECRET = {"hosts", "storage-domains"}  # that there are such things; what can be done to them is for operators


@pytest.mark.parametrize("route", [route for route in ROUTES if route.pattern not in OPEN], ids=str)
def test_anonymous_is_asked_to_log_in(client: Client, route: Route) -> None:
    for method in METHODS:
        answer = getattr(client, method)(route.url(NOWHERE))
        if route.is_api or route.pattern == "live/":  # for scripts, which follow no redirect
            assert answer.status_code in {401, 405} or (route.pattern == "api/v1/" and answer.status_code == 404)
        elif answer.status_code != 405:
            assert answer.status_code == 302
            assert answer.headers["Location"].startswith("/login/")


@pytest.mark.parametrize("route", ABOUT_ONE, ids=str)
def test_stranger_finds_nothing_and_changes_nothing(stranger: User, objects: dict[str, str], route: Route) -> None:
    browser, url = browser_of(stranger), route.url(objects[route.resource])
    before = everything()
    answers = [getattr(browser, method)(url, headers=TUS).status_code for method in METHODS]
    allowed = {200} if route.resource in EVERYBODYS | NO_SECRET - {"hosts"} else {404}
    allowed |= {403, 404} if route.resource in NO_SECRET else set()
    allowed |= {415} if "/uploads/" in route.pattern else set()  # no form is a piece of a file
    assert set(answers) <= allowed | {405}
    assert set(answers) != {405}
    assert everything() == before


@pytest.mark.parametrize("route", ABOUT_ONE, ids=str)
def test_what_is_not_there_is_not_found(owner: User, route: Route) -> None:
    browser = browser_of(owner)
    answers = {getattr(browser, method)(route.url(NOWHERE), headers=TUS).status_code for method in METHODS}
    assert answers <= {403, 404, 405} | ({415} if "/uploads/" in route.pattern else set())


@pytest.mark.parametrize("route", [route for route in ROUTES if route.pattern not in {"live/"}], ids=str)
def test_looking_changes_nothing(owner: User, objects: dict[str, str], route: Route) -> None:
    browser = browser_of(owner)
    before = everything()
    for method in ("get", "head", "options"):
        assert getattr(browser, method)(route.url(objects.get(route.resource, NOWHERE))).status_code < 500
    assert everything() == before


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_form_without_its_csrf_token_does_nothing(owner: User, objects: dict[str, str], route: Route) -> None:
    browser = browser_of(owner, enforce_csrf_checks=True)
    before = everything()
    for method in ("post", "put", "patch", "delete"):
        answer = getattr(browser, method)(route.url(objects.get(route.resource, NOWHERE)), headers=TUS)
        assert answer.status_code in {403, 404, 405} | ({415} if "/uploads/" in route.pattern else set())
    assert everything() == before


def everything() -> list[tuple[str, str]]:
    """All rows of all tables, each as text, but sessions, which remember the project one looks at.

    In one question: it is asked twice by each of hundreds of tests.
    """
    models = apps.get_models(include_auto_created=True)
    tables = [model._meta.db_table for model in models if model is not Session and model._meta.managed]
    rows = [SQL("SELECT {}, t::text FROM {} AS t").format(Literal(table), Identifier(table)) for table in tables]
    with connection.cursor() as cursor:
        cursor.execute(SQL(" UNION ALL ").join(rows).as_string())
        return sorted(cursor.fetchall())
