"""Lists of ten thousand: in this process, through the real middleware, on the real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache, partial

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import ApiToken, Membership, User
from cloudia.accounts.services import token_create
from cloudia.ui.listing import PAGE_SIZE
from tests.bench import rows
from tests.bench.measure import MS, in_turn, p50
from tests.bench.report import Check, at_most, times

FEW, MANY = 100, 10_000
ROUNDS, WARM_UP = 30, 5
LIST, API = "/instances/", "/api/v1/instances/"

small = cache(partial(rows.project_with, FEW))
large = cache(partial(rows.project_with, MANY))


def list_page() -> Iterator[Check]:
    """The first and the last page of ten thousand instances, against those of a hundred."""
    reader, yardstick = _browser(large()), _browser(small())
    pages = {"first page": 1, "last page": MANY // PAGE_SIZE}
    same = {"first page": 1, "last page": FEW // PAGE_SIZE}
    works = {name: _getter(reader, f"{LIST}?page={number}") for name, number in pages.items()}
    others = {f"{name} of {FEW}": _getter(yardstick, f"{LIST}?page={number}") for name, number in same.items()}
    taken = {name: p50(samples) * MS for name, samples in in_turn({**works, **others}, ROUNDS, WARM_UP).items()}
    for name, work in works.items():
        yield times("list", f"{name} of {MANY}, p50", "ms", taken[name], taken[f"{name} of {FEW}"], 1.5)
        yield at_most("list", f"{name} of {MANY}, p50", "ms", taken[name], 50)
        yield at_most("list", f"{name}: SQL queries", "", _queries(work), 12)
        yield at_most("list", f"{name}: compressed", "KB", work() / 1000, 25)


def api_list() -> Iterator[Check]:
    """A hundred instances over the API."""
    reader = _program(large())
    works = {size: _getter(reader, f"{API}?limit={size}") for size in ("10", "100")}
    taken = in_turn(works, ROUNDS, WARM_UP)
    yield at_most("api", "list of 100, p50", "ms", p50(taken["100"]) * MS, 60)
    yield times("api", "list of 100: SQL queries", "", _queries(works["100"]), _queries(works["10"]), 1)


def _browser(member: Membership) -> Client:
    client = Client(headers={"accept-encoding": "gzip"}, SERVER_NAME="localhost")
    client.force_login(member.user)
    return client


def _program(member: Membership) -> Client:
    plain = _token(member.user)
    headers = {"accept-encoding": "gzip", "authorization": f"Token {plain}"}
    return Client(headers=headers, SERVER_NAME="localhost")


def _token(user: User) -> str:
    expires_at = timezone.now() + timedelta(days=1)
    _row, plain = token_create(
        actor=Actor(user), user=user, name="bench", scope=ApiToken.Scope.READ, expires_at=expires_at
    )
    return plain


def _getter(client: Client, address: str) -> Callable[[], int]:
    """Fetches ``address``; returns the bytes on the wire."""

    def get() -> int:
        answer = client.get(address)
        assert (answer.status_code, answer["Content-Encoding"]) == (200, "gzip"), answer.content[:1000]
        return len(answer.content)

    return get


def _queries(work: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        work()
    return len(captured)
