"""Two people press at once: one wins, the others learn who did."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address
from threading import Barrier
from typing import Any

import pytest
from django.db import connections
from rest_framework.test import APIClient

from cloudia.accounts.models import Project
from cloudia.jobs.models import Job
from networking.models import NetworkInterface
from networking.services.groups import default_group
from tests.factories import ImageFactory, InstanceFactory, MembershipFactory, SubnetFactory, VolumeFactory
from tests.integration.api.conftest import BASE, token_for

REQUESTS = 50
ADDRESSES = 125  # a /25 has 128, without its own two and the gateway
EDITORS = 8
THREADS = 25  # as many database connections; PostgreSQL allows 100


@pytest.mark.django_db(transaction=True)
def test_of_50_parallel_starts_one_is_accepted_and_49_are_told_the_job(project: Project) -> None:
    instance = InstanceFactory.create(project=project)
    token = token_for(MembershipFactory.create(project=project).user)
    together = Barrier(THREADS)

    def start(number: int) -> Any:
        try:
            if number < THREADS:
                together.wait(30)
            client = APIClient(HTTP_AUTHORIZATION=f"Token {token}")
            return client.post(f"{BASE}/instances/{instance.pk}/start/")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(THREADS) as threads:
        answers = list(threads.map(start, range(REQUESTS)))

    assert sorted(answer.status_code for answer in answers) == [202] + [409] * (REQUESTS - 1)
    job = Job.objects.get()
    named = [answer.json() for answer in answers if answer.status_code == 409]
    assert {body["code"] for body in named} == {"busy"}
    assert {(body["job"]["id"], body["job"]["kind"], body["job"]["url"]) for body in named} == {
        (str(job.pk), "instance.start", f"/api/v1/jobs/{job.pk}/")
    }


@pytest.mark.django_db(transaction=True)
def test_of_130_parallel_interfaces_in_a_25_each_of_125_has_an_address_of_its_own(project: Project) -> None:
    """The 126th is refused, saying that the subnet is full."""
    subnet = SubnetFactory.create(project=project, cidr="10.0.0.0/25", name="app")
    instances = [InstanceFactory.create(project=project) for _ in range(ADDRESSES + 5)]
    default_group(project)
    token = token_for(MembershipFactory.create(project=project).user)
    together = Barrier(THREADS)

    def add(number: int) -> Any:
        try:
            if number < THREADS:
                together.wait(30)
            client = APIClient(HTTP_AUTHORIZATION=f"Token {token}", HTTP_ACCEPT_LANGUAGE="en")
            return client.post(f"{BASE}/interfaces/", {"instance": str(instances[number].pk), "subnet": str(subnet.pk)})
        finally:
            connections.close_all()

    with ThreadPoolExecutor(THREADS) as threads:
        answers = list(threads.map(add, range(len(instances))))

    made = [answer.json()["ip_address"] for answer in answers if answer.status_code == 201]
    refused = [answer.json() for answer in answers if answer.status_code != 201]
    assert sorted(made, key=IPv4Address) == [f"10.0.0.{number}" for number in range(2, 127)]
    assert [body["fields"]["subnet"][0] for body in refused] == [
        {"code": "subnet_full", "detail": "Subnet “app” has no free address: all 125 are in use."}
    ] * 5
    assert len(set(NetworkInterface.objects.values_list("mac", flat=True))) == ADDRESSES


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("make", [VolumeFactory, ImageFactory, InstanceFactory], ids=["volumes", "images", "instances"])
def test_of_two_who_edit_the_same_one_is_told_that_it_changed(
    make: Any, project: Project, request: pytest.FixtureRequest
) -> None:
    row = make.create(project=project, name="old")
    path = f"{BASE}/{request.node.callspec.id}/{row.pk}/"
    token = token_for(MembershipFactory.create(project=project).user)
    tag = APIClient(HTTP_AUTHORIZATION=f"Token {token}").get(path).headers["ETag"]
    together = Barrier(EDITORS)

    def rename(number: int) -> Any:
        try:
            client = APIClient(HTTP_AUTHORIZATION=f"Token {token}")
            together.wait(30)
            return client.patch(path, {"name": f"by-{number}"}, headers={"If-Match": tag})
        finally:
            connections.close_all()

    with ThreadPoolExecutor(EDITORS) as threads:
        answers = list(threads.map(rename, range(EDITORS)))

    won = [number for number, answer in enumerate(answers) if answer.status_code == 200]
    lost = {answer.json()["code"] for number, answer in enumerate(answers) if number not in won}
    row.refresh_from_db()
    assert [f"by-{number}" for number in won] == [row.name]
    assert lost == {"precondition_failed"}
