"""Every action on storage domains x situation x role: page, API and service refuse exactly what the policy denies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction

from cloudia.accounts.actor import Actor
from cloudia.accounts.enums import Role
from cloudia.core.policy import Action, ActionDenied
from storage import policies
from storage.models import StorageDomain
from storage.services import domains as services
from tests.factories import HostFactory, ImageFactory, MembershipFactory, OperatorFactory, StorageDomainFactory, hold
from tests.integration.api.conftest import BASE, client_of
from tests.integration.pages.conftest import log_in

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Asked:
    """An action, how a service is asked for it, and how the API is."""

    action: Action
    service: Callable[[Actor, StorageDomain], Any]
    method: str
    path: str = ""

    def __str__(self) -> str:
        return self.action.name


def attach(actor: Actor, domain: StorageDomain) -> Any:
    return services.storage_domain_attach(actor=actor, domain=domain, host=HostFactory.create())


ALL = [
    Asked(policies.EDIT_DOMAIN, lambda a, d: services.storage_domain_edit(actor=a, domain=d, name="x"), "patch"),
    Asked(policies.ATTACH, attach, "post", "attach/"),
    Asked(policies.SCAN, lambda a, d: services.storage_domain_scan(actor=a, domain=d), "post", "scan/"),
    Asked(policies.DELETE_DOMAIN, lambda a, d: services.storage_domain_delete(actor=a, domain=d), "delete"),
]


def situations() -> Iterator[StorageDomain]:
    """Storage domains in every situation that a rule tells apart."""
    host = HostFactory.create()
    yield StorageDomainFactory.create(name="lone")
    yield StorageDomainFactory.create(name="local", hosts=[host])
    yield StorageDomainFactory.create(name="shared", kind="shared_dir", hosts=[host])
    full = StorageDomainFactory.create(name="full", kind="shared_dir")
    ImageFactory.create(storage_domain=full)
    yield full
    busy = StorageDomainFactory.create(name="busy", hosts=[host])
    hold(busy, "storage_domain.scan", project=None)
    yield busy


def test_every_published_action_is_compared() -> None:
    assert {asked.action for asked in ALL} | {policies.CLEAN} == set(policies.DOMAIN_ACTIONS)


@pytest.mark.parametrize("asked", ALL, ids=str)
@pytest.mark.parametrize("role", [Role.MANAGER, "installation"])  # the most that a project has, and more
def test_all_say_the_same(asked: Asked, role: str) -> None:
    member = MembershipFactory.create(role=Role.VIEWER if role == "installation" else role)
    user = OperatorFactory.create() if role == "installation" else member.user
    MembershipFactory.create(user=user, project=member.project) if role == "installation" else None
    api, browser, verdicts = client_of(user), log_in(user), set()
    for domain in situations():
        denial = asked.action.denial(domain, Actor(user))
        code = denial.code if denial else None
        verdicts.add(code)
        shown = api.get(f"{BASE}/storage-domains/{domain.pk}/").json()["actions"][asked.action.name]
        assert (shown["allowed"], shown["code"]) == (code is None, code)
        assert service_says(asked, Actor(user), domain) == code
        assert api_says(asked, api, domain) == code
        page = browser.get(f"/storage-domains/{domain.pk}/").content.decode()
        if asked.action is not policies.SCAN:  # which is on a page of its own
            assert (f'id="act-{asked.action.name}"' in page) == (code is None)
    assert verdicts == {"permission_denied"} if role != "installation" else len(verdicts) >= 2


def service_says(asked: Asked, actor: Actor, domain: StorageDomain) -> str | None:
    """The code of the service's refusal; what it did is undone."""
    try:
        with transaction.atomic():
            asked.service(actor, domain)
            transaction.set_rollback(True)
    except ActionDenied as error:
        return error.denial.code
    return None


def api_says(asked: Asked, api: Any, domain: StorageDomain) -> str | None:
    """The same of the API's answer."""
    body = {"host": str(HostFactory.create().pk)} if asked.path == "attach/" else {}
    with transaction.atomic():
        answer = getattr(api, asked.method)(f"{BASE}/storage-domains/{domain.pk}/{asked.path}", body)
        transaction.set_rollback(True)
    return None if answer.status_code < 400 else str(answer.json()["code"])
