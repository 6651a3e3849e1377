"""The live channel: who hears of which change, through PostgreSQL's own notifications."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.test import AsyncClient

from cloudia.accounts.models import Project, User
from cloudia.hosts.models import Host
from cloudia.jobs.models import Job
from cloudia.ui import live
from instances.models import Instance
from networking.models import NetworkInterface
from tests.factories import (
    AffinityGroupFactory,
    HostFactory,
    InstanceFactory,
    InterfaceFactory,
    MembershipFactory,
    OperatorFactory,
    ProjectFactory,
    UserFactory,
)

pytestmark = [pytest.mark.anyio, pytest.mark.django_db(transaction=True)]


def database(work: Callable[[], Any]) -> Awaitable[Any]:
    """Do something in the database, as another process would."""

    def run() -> Any:
        try:
            return work()
        finally:
            connection.close()

    return sync_to_async(run)()


class Page:
    """An open page: what it hears."""

    def __init__(self, stream: AsyncIterator[bytes]) -> None:
        self.stream = stream

    async def topics(self) -> list[str]:
        """The next event's topics."""
        async with asyncio.timeout(5):
            async for chunk in self.stream:
                for line in chunk.decode().splitlines():
                    if line.startswith("data: "):
                        found: list[str] = json.loads(line.removeprefix("data: "))["topics"]
                        return found
        raise AssertionError("the stream ended")

    async def hears_nothing(self) -> bool:
        """Whether nothing comes for a moment."""
        try:
            async with asyncio.timeout(0.5):
                await self.topics()
        except TimeoutError:
            return True
        return False


async def open_page(user: User) -> Page:
    """Log in and listen."""
    client = AsyncClient()
    await database(lambda: client.force_login(user))
    response = await client.get("/live/")
    assert response.status_code == 200
    assert response["Content-Type"] == "text/event-stream"
    stream: AsyncIterator[bytes] = aiter(getattr(response, "streaming_content"))  # noqa: B009  # not in the stubs
    assert (await anext(stream)).startswith(b"retry:")
    assert (await anext(stream)).startswith(b"event: ready")
    return Page(stream)


@pytest.fixture
def anyio_backend() -> str:
    """As in the web process."""
    return "asyncio"


@pytest.fixture(autouse=True)
def fresh_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "channel", live.Channel())


async def test_anonymous_hears_nothing() -> None:
    response = await AsyncClient().get("/live/")
    assert response.status_code == 401


async def test_member_hears_of_changes_in_the_project() -> None:
    member = await database(MembershipFactory.create)
    page = await open_page(member.user)
    instance = await database(lambda: InstanceFactory.create(project=member.project))
    heard = await page.topics()
    while f"instance:{instance.pk}" not in heard:
        heard = await page.topics()
    assert heard == [f"instance:{instance.pk}", "list:instance"]
    await database(lambda: Instance.objects.update(power_state="running"))
    assert await page.topics() == [f"instance:{instance.pk}"]


async def test_interface_announces_the_instance_that_has_it() -> None:
    member = await database(MembershipFactory.create)
    link = await database(lambda: InterfaceFactory.create(instance=InstanceFactory.create(project=member.project)))
    page = await open_page(member.user)
    await database(lambda: NetworkInterface.objects.update(is_up=True))
    assert await page.topics() == [f"networkinterface:{link.interface_id}", f"instance:{link.instance_id}"]


async def test_affinity_group_is_announced_when_a_member_comes_moves_or_goes() -> None:
    member = await database(MembershipFactory.create)
    old, new = await database(lambda: AffinityGroupFactory.create_batch(2, project=member.project))
    instance = await database(lambda: InstanceFactory.create(project=member.project, affinity_group=old))
    host = await database(HostFactory.create)
    page = await open_page(member.user)
    await database(lambda: Instance.objects.update(affinity_group=new))
    assert {*await page.topics(), *await page.topics()} == {
        f"affinitygroup:{old.pk}", f"affinitygroup:{new.pk}",
    }  # fmt: skip
    await database(lambda: Instance.objects.update(host=host))
    assert {*await page.topics(), *await page.topics()} == {
        f"affinitygroup:{new.pk}", f"instance:{instance.pk}",
    }  # fmt: skip
    await database(lambda: Instance.objects.update(observed_at="2026-01-01T00:00Z"))
    assert await page.hears_nothing()


async def test_change_that_no_page_shows_is_silent() -> None:
    member = await database(MembershipFactory.create)
    await database(lambda: InstanceFactory.create(project=member.project))
    page = await open_page(member.user)
    await database(lambda: Instance.objects.update(observed_at="2026-01-01T00:00Z"))
    assert await page.hears_nothing()


async def test_change_in_another_project_is_silent_but_an_operator_hears_it() -> None:
    stranger = await database(UserFactory.create)
    operator = await database(OperatorFactory.create)
    project: Project = await database(ProjectFactory.create)
    instance = await database(lambda: InstanceFactory.create(project=project))
    theirs, ours = await open_page(stranger), await open_page(operator)
    await database(lambda: Instance.objects.update(name="new name"))
    assert await ours.topics() == [f"instance:{instance.pk}"]
    assert await theirs.hears_nothing()


async def test_hosts_concern_everybody() -> None:
    stranger = await database(UserFactory.create)
    host = await database(HostFactory.create)
    page = await open_page(stranger)
    await database(lambda: Host.objects.update(reachable=False))
    assert await page.topics() == [f"host:{host.pk}"]


async def test_job_is_announced_with_what_it_is_about() -> None:
    member = await database(MembershipFactory.create)
    instance = await database(lambda: InstanceFactory.create(project=member.project))
    page = await open_page(member.user)
    job = await database(
        lambda: Job.objects.create(
            kind="instance.start",
            project=member.project,
            target_type="instance",
            target_id=instance.pk,
            target_name="x",
        )
    )
    assert await page.topics() == [f"job:{job.pk}", "list:job", f"instance:{instance.pk}"]


async def test_stream_ends_when_the_session_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "KEEP_ALIVE_S", 0.1)
    user = await database(UserFactory.create)
    page = await open_page(user)
    user.is_active = False
    await database(user.save)
    with pytest.raises(AssertionError, match="the stream ended"):
        await page.topics()
