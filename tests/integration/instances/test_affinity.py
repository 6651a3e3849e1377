"""Affinity groups: where members are placed, also those placed at once, and what may be changed when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils.translation import override

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import AuditEntry
from cloudia.core.errors import InputError, NoCapacity
from cloudia.core.policy import ActionDenied
from cloudia.hosts.models import Host
from cloudia.jobs.enums import JobStatus
from cloudia.jobs.models import Job
from cloudia.jobs.services import job_retry
from instances.affinity_models import AffinityGroup
from instances.affinity_services import affinity_create, affinity_delete, affinity_edit, instance_regroup
from instances.enums import AffinityPolicy, PowerState
from instances.models import Instance
from instances.selectors import room_for
from instances.wishes import Compute
from storage.models import StorageAttachment
from tests.factories import AffinityGroupFactory, HostFactory, InstanceFactory, ProjectFactory, hold
from tests.integration.instances.test_create import Tenant, meanwhile

APART, TOGETHER = AffinityPolicy.ANTI_AFFINITY, AffinityPolicy.AFFINITY


class Site(Tenant):
    """A tenant with three hosts; the first has the most free memory, the last the least."""

    def __init__(self) -> None:
        super().__init__(name="kvm-a", memory_mib=65_536)
        sizes = {"kvm-b": 32_768, "kvm-c": 16_384}
        rest = [HostFactory.create(name=name, memory_mib=size) for name, size in sizes.items()]
        for host in rest:
            StorageAttachment.objects.create(domain=self.image.storage_domain, host=host, active=True)
        self.hosts = [self.host, *rest]

    def group(self, policy: AffinityPolicy = APART, **values: Any) -> AffinityGroup:
        group: AffinityGroup = AffinityGroupFactory.create(project=self.project, policy=policy, name="web", **values)
        return group

    def member(self, group: AffinityGroup, host: Host, **values: Any) -> Instance:
        instance: Instance = InstanceFactory.create(
            project=self.project, affinity_group=group, host=host, image=self.image, **values
        )
        return instance

    def placed_on(self, group: AffinityGroup | None) -> Host | None:
        """Where a new instance goes."""
        return Instance.objects.get(pk=self.create(affinity_group=group).target_id).host


@pytest.fixture
def site(db: None) -> Site:
    return Site()


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with override("en"):
        yield


def test_required_anti_affinity_gives_every_member_a_host_of_its_own_and_the_fourth_none(site: Site) -> None:
    group = site.group()
    assert [site.placed_on(group) for _ in range(3)] == site.hosts
    with pytest.raises(NoCapacity) as refused:
        site.create(affinity_group=group, name="fourth")
    reasons = [f"kvm-{name} (“web” of anti-affinity group “web” is there)" for name in "abc"]
    assert str(refused.value.message) == f"No host has room: {', '.join(reasons)}."


def test_stopped_members_keep_their_hosts_from_others(site: Site) -> None:
    group = site.group()
    site.member(group, site.hosts[0])
    assert site.placed_on(group) == site.hosts[1]


def test_required_affinity_brings_all_to_the_host_of_the_first(site: Site) -> None:
    group = site.group(TOGETHER)
    site.member(group, site.hosts[2])
    assert [site.placed_on(group) for _ in range(2)] == [site.hosts[2]] * 2
    with pytest.raises(NoCapacity) as refused:
        site.create(affinity_group=group, memory_mib=20_000)
    assert "kvm-a (the other members of affinity group “web” are on another host)" in str(refused.value.message)
    assert "kvm-c (memory: 20000 MiB needed" in str(refused.value.message)


def test_preferred_affinity_gathers_while_there_is_room(site: Site) -> None:
    group = site.group(TOGETHER, hard=False)
    site.member(group, site.hosts[2])
    assert site.placed_on(group) == site.hosts[2]
    large = site.create(affinity_group=group, compute=Compute.by_hand(1, 20_000))
    assert Instance.objects.get(pk=large.target_id).host == site.hosts[0]


def test_preferred_anti_affinity_spreads_evenly(site: Site) -> None:
    group = site.group(hard=False)
    assert [site.placed_on(group) for _ in range(6)] == site.hosts * 2


@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize("policy", [APART, TOGETHER])
def test_disabled_group_has_no_effect(site: Site, policy: AffinityPolicy, hard: bool) -> None:
    group = site.group(policy, hard=hard, enabled=False)
    site.member(group, site.hosts[0 if policy == APART else 1])
    assert site.placed_on(group) == site.hosts[0]
    assert AffinityGroup.objects.for_display().get().is_kept is None


def test_another_groups_members_do_not_matter(site: Site) -> None:
    other = AffinityGroupFactory.create(project=site.project)
    site.member(other, site.hosts[0])
    assert site.placed_on(site.group()) == site.hosts[0]
    assert site.placed_on(None) == site.hosts[0]


def test_instance_that_could_not_be_made_takes_no_place(site: Site) -> None:
    group = site.group()
    site.member(group, site.hosts[0], power_state=PowerState.ABSENT)
    assert site.placed_on(group) == site.hosts[0]


def test_instance_that_is_being_made_has_its_place(site: Site) -> None:
    group = site.group()
    hold(site.member(group, site.hosts[0], power_state=PowerState.ABSENT), "instance.create")
    assert site.placed_on(group) == site.hosts[1]


def test_another_try_of_a_failed_create_obeys_the_rule(site: Site) -> None:
    """Another member came to its first host meanwhile."""
    group = site.group()
    job = site.create(affinity_group=group)
    Instance.objects.update(current_job=None)
    Job.objects.update(status=JobStatus.FAILED)
    job.locks.all().delete()
    site.member(group, site.hosts[0])
    job_retry(actor=site.actor, job=Job.objects.get())
    assert Instance.objects.get(pk=job.target_id).host == site.hosts[1]


def test_rooms_shown_beforehand_are_those_that_the_rule_leaves(site: Site) -> None:
    group = site.group()
    site.member(group, site.hosts[0])
    limits = room_for(site.image, Compute.by_hand(1, 1024), group)
    assert [host.name for host, reason in limits.items() if reason is None] == ["kvm-b", "kvm-c"]
    assert [reason for reason in room_for(site.image, Compute.by_hand(1, 1024)).values() if reason] == []


@pytest.mark.parametrize(
    ("policy", "hosts", "kept"),
    [
        (APART, "", True), (APART, "a", True), (APART, "ab", True), (APART, "aab", False),
        (TOGETHER, "", True), (TOGETHER, "aa", True), (TOGETHER, "aab", False),
    ],
)  # fmt: skip
def test_rule_is_kept_while_members_are_where_it_wants_them(
    site: Site, policy: AffinityPolicy, hosts: str, kept: bool
) -> None:
    group = site.group(policy)
    for name in hosts:
        site.member(group, Host.objects.get(name=f"kvm-{name}"))
    site.member(group, site.hosts[0], power_state=PowerState.ABSENT)
    assert AffinityGroup.objects.for_display().get().is_kept is kept


@pytest.mark.django_db(transaction=True)
def test_of_parallel_creates_no_two_share_a_host() -> None:
    site = Site()
    group = site.group()

    def create(number: int) -> bool:
        try:
            site.create(affinity_group=group, name=f"n{number}")
        except NoCapacity:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(6) as pool:
        accepted = list(pool.map(create, range(12)))
    assert accepted.count(True) == 3
    assert set(Instance.objects.values_list("host__name", flat=True)) == {"kvm-a", "kvm-b", "kvm-c"}


def test_group_of_another_project_is_not_usable(site: Site) -> None:
    foreign = AffinityGroupFactory.create()
    assert site.refused_at(affinity_group=foreign) == {("affinity_group", "not_usable")}
    stopped = InstanceFactory.create(project=site.project)
    with pytest.raises(InputError) as refused:
        instance_regroup(actor=site.actor, instance=stopped, group=foreign)
    assert refused.value.fields["affinity_group"][0].code == "not_usable"
    assert not foreign.members.exists()


def test_group_that_was_deleted_meanwhile_is_not_usable(site: Site) -> None:
    group = site.group()
    AffinityGroup.objects.all().delete()
    assert site.refused_at(affinity_group=group) == {("affinity_group", "not_usable")}


def test_stopped_instance_changes_its_group_and_stays(site: Site) -> None:
    first, second = site.group(), AffinityGroupFactory.create(project=site.project)
    instance = site.member(first, site.hosts[1])
    for group in (second, None, first):
        instance_regroup(actor=site.actor, instance=instance, group=group)
        row = Instance.objects.get()
        assert (row.affinity_group, row.host) == (group, site.hosts[1])
    assert set(AuditEntry.objects.values_list("action", "outcome")) == {("instance.regroup", "done")}


def test_running_instance_keeps_its_group(site: Site) -> None:
    instance = site.member(site.group(), site.hosts[0], power_state=PowerState.RUNNING)
    with pytest.raises(ActionDenied) as refused:
        instance_regroup(actor=site.actor, instance=instance, group=None)
    assert refused.value.denial.code == "bad_state"
    assert Instance.objects.get().affinity_group is not None


def test_group_in_use_is_not_deleted(site: Site) -> None:
    group = site.group()
    member = site.member(group, site.hosts[0], name="web-1")
    with pytest.raises(ActionDenied) as refused:
        affinity_delete(actor=site.actor, group=group)
    denial = refused.value.denial
    assert (denial.code, denial.holder and denial.holder.id) == ("in_use", str(member.pk))
    instance_regroup(actor=site.actor, instance=member, group=None)
    affinity_delete(actor=site.actor, group=group)
    assert not AffinityGroup.objects.exists()


def test_new_group_is_what_was_asked_for(site: Site) -> None:
    values = {"name": " web ", "policy": "affinity", "hard": False, "enabled": False, "description": " note "}
    affinity_create(actor=site.actor, project=site.project, **values)
    group = AffinityGroup.objects.get()
    assert (group.name, group.policy, group.hard, group.enabled) == ("web", "affinity", False, False)
    assert (group.description, group.project) == ("note", site.project)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("name", " ", "required"), ("name", "x" * 129, "too_long"), ("name", "a\nb", "invalid"),
        ("name", "web", "taken"),
        ("policy", "none", "invalid_choice"), ("description", "x" * 256, "too_long"), ("description", "\0", "invalid"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_at_its_field(site: Site, field: str, value: str, code: str) -> None:
    site.group()
    other = AffinityGroupFactory.create(project=site.project, name="other")
    edit: Callable[..., Any] = affinity_edit
    usual = {"name": "new", "policy": "affinity"}
    for ask in (
        lambda: affinity_create(actor=site.actor, project=site.project, **{**usual, field: value}),
        lambda: edit(actor=site.actor, group=other, **{field: value}),
    ):
        with pytest.raises(InputError) as refused:
            ask()
        found = {name: [error.code for error in errors] for name, errors in refused.value.fields.items()}
        assert found == {field: [code]}
    assert sorted(AffinityGroup.objects.values_list("name", flat=True)) == ["other", "web"]


def test_other_projects_may_have_groups_of_the_same_name(site: Site) -> None:
    AffinityGroupFactory.create(project=ProjectFactory.create(), name="web")
    affinity_create(actor=site.actor, project=site.project, name="web")
    assert AffinityGroup.objects.filter(name="web").count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_parallel_groups_of_one_name_one_is_made() -> None:
    site = Site()

    def create(_number: int) -> str:
        try:
            with transaction.atomic():
                affinity_create(actor=Actor(site.actor.user), project=site.project, name="web")
        except InputError as error:
            return error.fields["name"][0].code
        finally:
            connection.close()
        return "made"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(create, range(4))) == ["made", *["taken"] * 3]


@pytest.mark.django_db(transaction=True)
def test_group_that_an_instance_is_just_put_into_is_not_deleted() -> None:
    site = Site()
    group, actor = site.group(), Actor(site.actor.user)
    with transaction.atomic():
        site.create(affinity_group=group)
        deleting = meanwhile(lambda: affinity_delete(actor=actor, group=group))
        assert not deleting.done()
    with pytest.raises(ActionDenied) as refused:
        deleting.result(30)
    assert refused.value.denial.code == "in_use"


@pytest.mark.django_db(transaction=True)
def test_no_instance_is_put_into_a_group_that_is_just_being_deleted() -> None:
    site = Site()
    group, actor = site.group(), Actor(site.actor.user)
    with transaction.atomic():
        affinity_delete(actor=actor, group=group)
        creating = meanwhile(lambda: site.create(affinity_group=group))
        assert not creating.done()
    with pytest.raises(InputError) as refused:
        creating.result(30)
    assert set(refused.value.fields) == {"affinity_group"}


@pytest.mark.django_db(transaction=True)
def test_whoever_is_placed_after_an_edit_obeys_the_new_rule() -> None:
    site = Site()
    group = site.group(TOGETHER, hard=False)
    site.member(group, site.hosts[0])
    with transaction.atomic():
        affinity_edit(actor=site.actor, group=group, policy=APART, hard=True)
        creating = meanwhile(lambda: site.create(affinity_group=group))
        assert not creating.done()
    assert Instance.objects.get(pk=creating.result(30).target_id).host == site.hosts[1]  # type: ignore[attr-defined]
