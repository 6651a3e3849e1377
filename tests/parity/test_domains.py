"""Every action on storage domains x situation x role: page, API and service refuse exactly what the policy denies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from cloudia.accounts.actor import Actor
from cloudia.accounts.enums import Role
from cloudia.core.policy import Action, ActionDenied
from cloudia.hosts.models import Host
from cloudia.ui.htmx import STATUS
from storage import policies
from storage.enums import StrayKind
from storage.models import StorageAttachment, StorageDomain, StrayFile
from storage.services import domains as services
from tests.factories import (
    BootDiskFactory,
    HostFactory,
    ImageFactory,
    MembershipFactory,
    OperatorFactory,
    StorageDomainFactory,
    hold,
)
from tests.integration.api.conftest import BASE, client_of
from tests.integration.pages.conftest import log_in

pytestmark = pytest.mark.django_db
LONG_AGO = timezone.now() - timedelta(days=3)


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


def places() -> Iterator[StorageAttachment]:
    """Hosts of storage domains in every situation that the rules of detaching tell apart."""
    host, other = HostFactory.create(), HostFactory.create()
    yield StorageDomainFactory.create(name="nothing-in-it", hosts=[host]).attachments.get()
    full = StorageDomainFactory.create(name="last-host", hosts=[host])
    ImageFactory.create(storage_domain=full)
    yield full.attachments.get()
    used = StorageDomainFactory.create(name="instance-there", kind="shared_dir", hosts=[host, other])
    BootDiskFactory.create(instance__host=host, instance__image__storage_domain=used)
    yield from used.attachments.order_by("host__name")
    busy = StorageDomainFactory.create(name="busy", hosts=[host])
    hold(busy, "storage_domain.scan", project=None)
    yield busy.attachments.get()


@pytest.mark.parametrize("role", [Role.MANAGER, "installation"])
def test_all_say_the_same_of_detaching_from_a_host(role: str) -> None:
    member = MembershipFactory.create()
    user = OperatorFactory.create() if role == "installation" else member.user
    api, browser, actor, verdicts = client_of(user), log_in(user), Actor(user), set()
    for place in places():
        domain, host = place.domain, place.host
        denial = policies.DETACH.denial(place, actor)
        code = denial.code if denial else None
        verdicts.add(code)
        detach = Asked(policies.DETACH, partial(detached, place), "post", "detach/")
        assert service_says(detach, actor, domain) == code
        assert api_says(detach, api, domain, host) == code
        page = browser.get(f"/storage-domains/{domain.pk}/").content.decode()
        assert (f'id="detach-{host.pk}"' in page) == (code is None)
        with transaction.atomic():
            url = f"/storage-domains/{domain.pk}/hosts/{host.pk}/detach/"
            answer = browser.post(url, headers={"HX-Request": "true"})
            transaction.set_rollback(True)
        expected = STATUS[denial.kind] if denial else 204
        assert answer.status_code == (expected if role == "installation" else 404)
        if denial and role == "installation":
            assert json.loads(answer.headers["HX-Trigger"])["toast"]["text"] == denial.message
    expected_codes = {None, "in_use", "last_host", "busy"} if role == "installation" else {"permission_denied"}
    assert verdicts == expected_codes


def detached(place: StorageAttachment, actor: Actor, _domain: StorageDomain) -> Any:
    return services.storage_domain_detach(actor=actor, attachment=place)


@pytest.mark.parametrize("role", [Role.MANAGER, "installation"])
def test_all_say_the_same_of_deleting_left_files(role: str) -> None:
    member = MembershipFactory.create()
    user = OperatorFactory.create() if role == "installation" else member.user
    api, browser, actor, verdicts = client_of(user), log_in(user), Actor(user), set()
    for domain in situations():
        stray = StrayFile.objects.create(domain=domain, kind=StrayKind.ORPHAN, name=str(uuid4()), seen_at=LONG_AGO)
        denial = policies.CLEAN.denial(domain, actor)
        code = denial.code if denial else None
        verdicts.add(code)
        clean = Asked(policies.CLEAN, partial(cleaned, stray), "post", "clean/")
        assert service_says(clean, actor, domain) == code
        assert api_says(clean, api, domain, files=[str(stray.pk)]) == code
        with transaction.atomic():
            url = f"/storage-domains/{domain.pk}/files/clean/"
            answer = browser.post(url, {"files": str(stray.pk)}, headers={"HX-Request": "true"})
            transaction.set_rollback(True)
        expected = STATUS[denial.kind] if denial else 204
        assert answer.status_code == (expected if role == "installation" else 404)
    assert verdicts == ({None, "unattached", "busy"} if role == "installation" else {"permission_denied"})


def cleaned(stray: StrayFile, actor: Actor, domain: StorageDomain) -> Any:
    return services.storage_domain_clean(actor=actor, domain=domain, files=[stray])


def service_says(asked: Asked, actor: Actor, domain: StorageDomain) -> str | None:
    """The code of the service's refusal; what it did is undone."""
    try:
        with transaction.atomic():
            asked.service(actor, domain)
            transaction.set_rollback(True)
    except ActionDenied as error:
        return error.denial.code
    return None


def api_says(
    asked: Asked, api: Any, domain: StorageDomain, host: Host | None = None, files: list[str] | None = None
) -> str | None:
    """The same of the API's answer; ``host`` and ``files`` go with the request that wants them."""
    body: dict[str, Any] = {"host": str((host or HostFactory.create()).pk)} if asked.path.endswith("tach/") else {}
    body |= {"files": files} if files else {}
    with transaction.atomic():
        answer = getattr(api, asked.method)(f"{BASE}/storage-domains/{domain.pk}/{asked.path}", body)
        transaction.set_rollback(True)
    return None if answer.status_code < 400 else str(answer.json()["code"])
