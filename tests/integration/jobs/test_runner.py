"""How a job goes from queued to finished, and what a crash, a failure or a cancellation at each point leaves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from django_q.models import OrmQ

from cloudia.accounts.actor import Actor, shell_actor
from cloudia.accounts.models import User
from cloudia.core.errors import HostUnreachable, OperationFailed
from cloudia.core.policy import ActionDenied
from cloudia.hosts.models import Host
from cloudia.jobs.enums import JobStatus, StepStatus
from cloudia.jobs.models import Job, JobLock
from cloudia.jobs.operation import Wait
from cloudia.jobs.recovery import recover
from cloudia.jobs.run import LeaseLost, Run
from cloudia.jobs.runner import MAX_INTERRUPTIONS, UNDO_BACKOFF_S, claim, run_job
from cloudia.jobs.services import job_cancel, job_enqueue, job_retry
from tests.integration.jobs.toys import Behaviour, Toy, enqueue, toys

pytestmark = pytest.mark.django_db

STEPS = ("make", "fill", "start")


class Killed(BaseException):
    """Stands for kill -9: nothing after it runs, not even the runner's own handling."""


@pytest.fixture
def toy() -> Iterator[type[Toy]]:
    with toys() as kind:
        yield kind


@pytest.fixture(autouse=True)
def no_heartbeat_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The heartbeat's own thread can't see this test's transaction; tests/qemu and test_heartbeat have it for real."""
    monkeypatch.setattr("cloudia.jobs.run.Heartbeat._beat", lambda self: None)


def raising(error: BaseException, times: int = 10**6) -> Behaviour:
    left = [times]

    def behave(run: Run) -> None:
        if left[0] > 0:
            left[0] -= 1
            raise error

    return behave


def let_the_lease_run_out(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def deliver_until_finished(job: Job, most: int = 30) -> Job:
    """Deliver as the watcher would, without waiting for time to pass."""
    for _delivery in range(most):
        Job.objects.filter(pk=job.pk, resume_at__isnull=False).update(resume_at=timezone.now())
        run_job(str(job.pk))
        job.refresh_from_db()
        if not job.is_active:
            return job
    raise AssertionError(f"still {job.status} after {most} deliveries")


def assert_nothing_held(job: Job) -> None:
    assert not JobLock.objects.exists()
    assert not Host.objects.filter(current_job__isnull=False).exists()
    assert job.lease_until is None
    assert job.finished_at is not None


def test_job_does_its_steps_in_order_and_frees_its_locks(toy: type[Toy]) -> None:
    job = enqueue()
    assert JobLock.objects.get().job == job
    run_job(str(job.pk))
    job.refresh_from_db()
    assert (job.status, job.progress, job.attempts) == (JobStatus.SUCCEEDED, 100, 1)
    assert toy.calls == list(STEPS)
    assert toy.outcome == ["succeeded"]
    assert [step.status for step in job.steps.all()] == [StepStatus.SUCCEEDED] * 3
    assert_nothing_held(job)


def test_step_that_stands_alone_fails_alone(toy: type[Toy]) -> None:
    toy.alone = frozenset(STEPS)
    toy.behaviour["fill"] = raising(OperationFailed("no room in it"))
    job = deliver_until_finished(enqueue())
    assert (job.status, job.error_code) == (JobStatus.FAILED, "partly_done")
    assert toy.calls == ["make", "fill", "undo fill", "start", "undo fill"]
    assert toy.world == {"make", "start"}
    told = [(step.status, step.message) for step in job.steps.all()]
    assert told == [(StepStatus.SUCCEEDED, ""), (StepStatus.FAILED, "no room in it"), (StepStatus.SUCCEEDED, "")]
    assert_nothing_held(job)


@pytest.mark.parametrize("killed_at", ["fill", "undo fill", "start"])
def test_worker_killed_beside_a_step_that_failed_alone_is_followed_by_another(toy: type[Toy], killed_at: str) -> None:
    toy.alone = frozenset(STEPS)
    failing = {"fill": raising(OperationFailed("no room in it"))}
    toy.behaviour = {**failing, killed_at: raising(Killed())}
    job = enqueue()
    with pytest.raises(Killed):
        run_job(str(job.pk))
    toy.behaviour = failing
    let_the_lease_run_out(job)
    job = deliver_until_finished(job)
    assert (job.status, toy.world) == (JobStatus.FAILED, {"make", "start"})


def test_failure_of_the_whole_leaves_what_stood_alone(toy: type[Toy]) -> None:
    toy.alone = frozenset({"make"})
    toy.behaviour["start"] = raising(OperationFailed("no"))
    job = deliver_until_finished(enqueue())
    assert (job.status, toy.world) == (JobStatus.FAILED, {"make"})


def test_second_job_on_the_same_target_is_refused_naming_the_first(toy: type[Toy]) -> None:
    job = enqueue(actor := Actor(User.objects.create_superuser("operator")))
    with pytest.raises(ActionDenied) as refused:
        job_enqueue(operation=toy, target=Host.objects.get(), actor=actor, params={})
    assert refused.value.denial.code == "busy"
    assert refused.value.denial.holder == job.as_holder


def test_job_asked_for_in_a_shell_has_no_requester(toy: type[Toy]) -> None:
    assert enqueue(shell_actor()).requested_by is None


def test_rolled_back_request_leaves_neither_job_nor_lock_nor_queue_row(toy: type[Toy]) -> None:
    with transaction.atomic():
        enqueue()
        transaction.set_rollback(True)
    assert (Job.objects.count(), JobLock.objects.count(), OrmQ.objects.count()) == (0, 0, 0)


def test_delivery_of_a_claimed_job_does_nothing(toy: type[Toy]) -> None:
    job = enqueue()
    assert claim(str(job.pk), "somebody else")
    run_job(str(job.pk))
    assert toy.calls == []


def test_delivery_of_a_finished_job_does_nothing(toy: type[Toy]) -> None:
    job = deliver_until_finished(enqueue())
    run_job(str(job.pk))
    assert toy.calls == list(STEPS)


@pytest.mark.parametrize("failing", STEPS)
def test_failure_undoes_what_was_done_backwards_and_stays_on_its_step(toy: type[Toy], failing: str) -> None:
    toy.behaviour[failing] = raising(OperationFailed("no luck", code="no_luck"))
    job = deliver_until_finished(enqueue())
    began = STEPS[: STEPS.index(failing) + 1]
    assert (job.status, job.error_code, job.error_detail, job.step) == (JobStatus.FAILED, "no_luck", "no luck", failing)
    assert toy.calls == [*began, *(f"undo {name}" for name in reversed(began))]
    assert toy.world == set()
    assert toy.outcome == ["failed"]
    assert [step.status for step in job.steps.all()] == [StepStatus.UNDONE] * (len(began) - 1) + [StepStatus.FAILED]
    assert_nothing_held(job)


def test_unexpected_error_fails_the_job_without_its_details(toy: type[Toy]) -> None:
    toy.behaviour["fill"] = raising(KeyError("secret"))
    job = deliver_until_finished(enqueue())
    assert (job.status, job.error_code) == (JobStatus.FAILED, "internal")
    assert "secret" not in job.error_detail
    assert toy.world == set()


@pytest.mark.parametrize("failing", STEPS)
def test_transient_failure_is_tried_again_from_the_same_step(toy: type[Toy], failing: str) -> None:
    toy.behaviour[failing] = raising(HostUnreachable("away"), times=2)
    job = deliver_until_finished(enqueue())
    assert (job.status, job.attempts) == (JobStatus.SUCCEEDED, 3)
    assert toy.calls.count(failing) == 3
    assert all(toy.calls.count(name) == 1 for name in STEPS if name != failing)


def test_transient_failure_that_lasts_fails_the_job_after_its_retries(toy: type[Toy]) -> None:
    toy.behaviour["fill"] = raising(HostUnreachable("away"))
    job = deliver_until_finished(enqueue())
    assert (job.status, job.error_code) == (JobStatus.FAILED, "host_unreachable")
    assert toy.calls.count("fill") == 1 + len(toy.backoff_s)
    assert toy.world == set()


def test_waiting_step_gives_its_worker_back_and_goes_on_later(toy: type[Toy]) -> None:
    toy.behaviour["fill"] = raising(Wait(30), times=1)
    job = enqueue()
    run_job(str(job.pk))
    job.refresh_from_db()
    assert (job.status, job.lease_until) == (JobStatus.RUNNING, None)
    assert job.resume_at is not None
    assert job.resume_at > timezone.now() + timedelta(seconds=25)
    run_job(str(job.pk))
    assert toy.calls == ["make", "fill"], "a delivery before its time changes nothing"
    assert deliver_until_finished(job).status == JobStatus.SUCCEEDED
    assert toy.calls == ["make", "fill", "fill", "start"]


@pytest.mark.parametrize("point", STEPS)
def test_worker_killed_in_a_step_leaves_a_job_that_the_next_one_finishes(toy: type[Toy], point: str) -> None:
    toy.behaviour[point] = raising(Killed(), times=1)
    job = enqueue()
    with pytest.raises(Killed):
        run_job(str(job.pk))
    run_job(str(job.pk))
    assert toy.calls.count(point) == 1, "nobody touches it while the lease lasts"
    let_the_lease_run_out(job)
    job = deliver_until_finished(job)
    assert (job.status, job.interruptions) == (JobStatus.SUCCEEDED, 1)
    assert toy.world == set(STEPS)
    assert_nothing_held(job)


@pytest.mark.parametrize("failing", STEPS)
@pytest.mark.parametrize("killed_at", STEPS)
def test_worker_killed_while_undoing_leaves_undos_for_the_next_one(
    toy: type[Toy], failing: str, killed_at: str
) -> None:
    toy.behaviour[failing] = raising(OperationFailed("no luck"))
    toy.behaviour[f"undo {killed_at}"] = raising(Killed(), times=1)
    job = enqueue()
    try:
        run_job(str(job.pk))
    except Killed:
        let_the_lease_run_out(job)
        run_job(str(job.pk))
    job.refresh_from_db()
    assert job.status == JobStatus.FAILED
    assert toy.world == set()
    assert_nothing_held(job)


def test_job_that_kills_every_worker_is_given_up_and_undone(toy: type[Toy]) -> None:
    toy.behaviour["start"] = raising(Killed())
    job = enqueue()
    for _worker in range(MAX_INTERRUPTIONS + 1):
        with pytest.raises(Killed):
            run_job(str(job.pk))
        let_the_lease_run_out(job)
    job = deliver_until_finished(job)
    assert (job.status, job.error_code) == (JobStatus.FAILED, "interrupted")
    assert toy.world == set()


def test_undo_waits_for_a_host_that_is_away(toy: type[Toy]) -> None:
    toy.behaviour["fill"] = raising(OperationFailed("no luck"))
    toy.behaviour["undo make"] = raising(HostUnreachable("away"), times=3)
    job = deliver_until_finished(enqueue())
    assert job.status == JobStatus.FAILED
    assert toy.world == set()


def test_undo_that_never_succeeds_ends_the_job_and_says_so(toy: type[Toy]) -> None:
    toy.behaviour["fill"] = raising(OperationFailed("no luck"))
    toy.behaviour["undo make"] = raising(HostUnreachable("away"))
    job = deliver_until_finished(enqueue(), most=len(UNDO_BACKOFF_S) + 3)
    assert job.status == JobStatus.FAILED
    assert "not undone: away" in job.steps.get(name="make").detail
    assert_nothing_held(job)


def test_cancelled_before_it_began_does_nothing(toy: type[Toy]) -> None:
    job = enqueue(actor := Actor(User.objects.create_superuser("operator")))
    job_cancel(actor=actor, job=job)
    job = deliver_until_finished(job)
    assert (job.status, toy.calls) == (JobStatus.CANCELLED, [])
    assert_nothing_held(job)


def test_cancelled_while_running_undoes_what_was_done(toy: type[Toy]) -> None:
    actor = Actor(User.objects.create_superuser("operator"))
    job = enqueue(actor)
    toy.behaviour["make"] = lambda run: job_cancel(actor=actor, job=job)
    job = deliver_until_finished(job)
    assert job.status == JobStatus.CANCELLED
    assert toy.calls == ["make", "undo make"]


def test_failed_job_can_be_tried_again_and_then_succeeds(toy: type[Toy]) -> None:
    toy.behaviour["fill"] = raising(OperationFailed("no luck"), times=1)
    job = deliver_until_finished(enqueue(actor := Actor(User.objects.create_superuser("operator"))))
    job_retry(actor=actor, job=job)
    job.refresh_from_db()
    assert (job.status, job.error_code, JobLock.objects.get().job) == (JobStatus.PENDING, "", job)
    assert deliver_until_finished(job).status == JobStatus.SUCCEEDED


def test_job_about_something_deleted_cannot_be_tried_again(toy: type[Toy]) -> None:
    toy.behaviour["fill"] = raising(OperationFailed("no luck"))
    job = deliver_until_finished(enqueue(actor := Actor(User.objects.create_superuser("operator"))))
    Host.objects.all().delete()
    with pytest.raises(ActionDenied) as refused:
        job_retry(actor=actor, job=job)
    assert refused.value.denial.code == "target_gone"


def test_worker_that_lost_its_lease_writes_nothing_more(toy: type[Toy]) -> None:
    job = enqueue()

    def be_overtaken(run: Run) -> None:
        let_the_lease_run_out(job)
        assert claim(str(job.pk), "faster")

    toy.behaviour["fill"] = be_overtaken
    run_job(str(job.pk))
    job.refresh_from_db()
    assert (job.status, job.lease_owner) == (JobStatus.RUNNING, "faster")
    assert toy.calls == ["make", "fill"]
    with pytest.raises(LeaseLost):
        Run(job, "slower").write(progress=50)


def test_waiting_job_is_delivered_when_it_is_due_and_not_before(toy: type[Toy]) -> None:
    toy.behaviour["fill"] = raising(Wait(30), times=1)
    job = enqueue()
    run_job(str(job.pk))
    OrmQ.objects.all().delete()
    assert recover() == 0
    Job.objects.filter(pk=job.pk).update(resume_at=timezone.now())
    assert recover() == 1
    assert recover() == 0, "it is on the queue now"
    assert OrmQ.objects.count() == 1


def test_job_whose_queue_row_was_lost_is_delivered_again(toy: type[Toy]) -> None:
    job = enqueue()
    OrmQ.objects.all().delete()
    assert recover() == 0, "it may be on its way"
    Job.objects.filter(pk=job.pk).update(queued_at=timezone.now() - timedelta(seconds=11))
    assert recover() == 1


def test_job_that_waits_its_turn_in_the_queue_is_not_delivered_twice(toy: type[Toy]) -> None:
    job = enqueue()
    Job.objects.filter(pk=job.pk).update(queued_at=timezone.now() - timedelta(minutes=5))
    assert recover() == 0
    assert OrmQ.objects.count() == 1


def test_job_of_a_dead_worker_is_delivered_again(toy: type[Toy]) -> None:
    job = enqueue()
    assert claim(str(job.pk), "dead")
    OrmQ.objects.all().delete()
    Job.objects.filter(pk=job.pk).update(queued_at=timezone.now() - timedelta(minutes=1))
    assert recover() == 0, "its lease still runs"
    let_the_lease_run_out(job)
    assert recover() == 1
