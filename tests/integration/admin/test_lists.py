"""Every list of the admin: opens, finds, filters, and asks the database equally often for 1 and for many rows."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin import site
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cloudia.accounts.actor import shell_actor
from cloudia.accounts.enums import Outcome
from cloudia.accounts.models import ApiToken, AuditEntry, Project, User
from cloudia.accounts.services import token_create
from cloudia.hosts.models import Host
from cloudia.jobs.models import Job
from instances.affinity_models import AffinityGroup
from instances.launch_templates import LaunchTemplate
from instances.models import Instance, InstanceType
from networking.models import (
    VPC,
    ExternalNetwork,
    FloatingIP,
    HostNetwork,
    NetworkInterface,
    NetworkRepair,
    NetworkState,
    SecurityGroup,
    Subnet,
)
from storage.enums import StrayKind
from storage.models import FileSystem, Image, StorageDomain, StrayFile, Volume
from tests.factories import (
    AffinityGroupFactory,
    ExternalNetworkFactory,
    FileSystemFactory,
    FloatingIPFactory,
    HostFactory,
    ImageFactory,
    InstanceFactory,
    InstanceTypeFactory,
    InterfaceFactory,
    JobFactory,
    LaunchTemplateFactory,
    MembershipFactory,
    RuleFactory,
    StorageDomainFactory,
    SubnetFactory,
    UserFactory,
    VolumeFactory,
    VPCFactory,
)

MAKERS: dict[type[Model], Callable[[], Any]] = {
    User: UserFactory.create,
    Project: lambda: MembershipFactory.create().project,
    ApiToken: lambda: token_create(actor=shell_actor(), user=UserFactory.create(), name="ci")[0],
    AuditEntry: lambda: AuditEntry.objects.create(username="kim", action="login", outcome=Outcome.DONE),
    Job: JobFactory.create,
    Host: HostFactory.create,
    StorageDomain: lambda: StorageDomainFactory.create(hosts=[HostFactory.create()]),
    Image: ImageFactory.create,
    Volume: VolumeFactory.create,
    FileSystem: FileSystemFactory.create,
    StrayFile: lambda: StrayFile.objects.create(domain=StorageDomainFactory.create(), kind=StrayKind.ORPHAN),
    Instance: InstanceFactory.create,
    InstanceType: InstanceTypeFactory.create,
    AffinityGroup: AffinityGroupFactory.create,
    LaunchTemplate: LaunchTemplateFactory.create,
    ExternalNetwork: lambda: ExternalNetworkFactory.create(is_default=False),
    VPC: lambda: VPCFactory.create(external_network=ExternalNetworkFactory.create(is_default=False)),
    Subnet: SubnetFactory.create,
    SecurityGroup: lambda: RuleFactory.create().group,
    NetworkInterface: lambda: InterfaceFactory.create().interface,
    FloatingIP: lambda: FloatingIPFactory.create(external_network=ExternalNetworkFactory.create(is_default=False)),
    HostNetwork: lambda: HostFactory.create().network,
    NetworkState: NetworkState.current,
    NetworkRepair: lambda: NetworkRepair.objects.create(changes=["~ Logical_Switch_Port x addresses"], total=1),
}


def address(model: type[Model], page: str = "changelist", *args: Any) -> str:
    """Where the admin has a page of a model."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def queries_of(desk: Client, url: str) -> int:
    """How many queries a page takes."""
    with CaptureQueriesContext(connection) as queries:
        assert desk.get(url).status_code == 200
    return len(queries)


def test_only_our_own_models_are_administered() -> None:
    assert set(site._registry) == set(MAKERS)


@pytest.mark.parametrize("model", MAKERS, ids=lambda model: model.__name__)
def test_list_takes_as_many_queries_for_30_rows_as_for_1(desk: Client, model: type[Model]) -> None:
    MAKERS[model]()
    desk.get(address(model))  # content types are read once per process
    few = queries_of(desk, address(model))
    for _ in range(29):
        MAKERS[model]()
    assert queries_of(desk, address(model)) == few


@pytest.mark.parametrize("model", MAKERS, ids=lambda model: model.__name__)
def test_row_is_found_and_opens(desk: Client, model: type[Model]) -> None:
    row = MAKERS[model]()
    MAKERS[model]()
    found = desk.get(address(model), {"q": row.username if isinstance(row, AuditEntry) else str(row.pk)})
    assert row in found.context["cl"].result_list
    page = desk.get(address(model, "change", row.pk))
    assert page.status_code == 200
    assert str(row) in page.content.decode()


@pytest.mark.parametrize("model", MAKERS, ids=lambda model: model.__name__)
def test_page_works_under_the_content_security_policy(desk: Client, model: type[Model]) -> None:
    """What the policy would block: scripts and styles in the page, handlers in attributes, other sites' files."""
    row = MAKERS[model]()
    for url in (address(model), address(model, "change", row.pk)):
        page = desk.get(url)
        text = page.content.decode()
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
        assert not re.findall(r"<script(?![^>]*(?:\ssrc=|type=\"application/json\"))", text)
        assert not re.findall(r"<style|\son[a-z]+=\"|\sstyle=\"|(?:src|href)=\"(?:https?:)?//", text)


def test_sizes_are_shown_in_units_that_people_read(desk: Client) -> None:
    image = ImageFactory.create(virtual_bytes=20 * 2**30, file_bytes=1536 * 2**20)
    domain = StorageDomainFactory.create(hosts=[HostFactory.create()])
    domain.attachments.update(capacity_bytes=4 * 2**40, available_bytes=2**39)
    stray = StrayFile.objects.create(domain=domain, kind=StrayKind.ORPHAN, name="x", size_bytes=3 * 2**30)
    pages = {
        address(Image): ["1.5 GiB"],
        address(Image, "change", image.pk): ["20 GiB", "1.5 GiB"],
        address(StorageDomain, "change", domain.pk): ["512 GiB", "4 TiB"],
        address(StrayFile): ["3 GiB"],
        address(StrayFile, "change", stray.pk): ["3 GiB"],
    }
    for url, sizes in pages.items():
        page = desk.get(url).content.decode()
        assert [size for size in sizes if size not in page] == [], url
        assert not re.search(r"\b\d{10,}\b", page), url
