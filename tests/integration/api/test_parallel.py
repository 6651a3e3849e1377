"""Two people press at once: one wins, the others learn who did."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections
from rest_framework.test import APIClient

from cloudia.accounts.models import Project
from cloudia.jobs.models import Job
from tests.factories import InstanceFactory, MembershipFactory
from tests.integration.api.conftest import BASE, token_for

REQUESTS = 50
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
