"""What operators change in the admin: done by services, written down, refused with a reason."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.test import Client

from cloudia.accounts.actor import Actor
from cloudia.accounts.enums import Origin, Role
from cloudia.accounts.models import ApiToken, AuditEntry, Membership, Project, User
from cloudia.accounts.services import token_create
from cloudia.accounts.tokens import find_token
from cloudia.hosts.models import Host
from cloudia.jobs.models import Job
from instances.models import Instance, InstanceType
from storage.models import Image, StorageDomain
from tests.factories import (
    HostFactory,
    ImageFactory,
    InstanceFactory,
    JobFactory,
    MembershipFactory,
    ProjectFactory,
    StorageDomainFactory,
    UserFactory,
    VolumeFactory,
    hold,
)
from tests.integration.admin.test_lists import address


def said(response: Any) -> list[str]:
    """The messages that come with an answer."""
    return [str(message) for message in get_messages(response.wsgi_request)]


def written() -> list[tuple[str, str, str]]:
    """Audit trail without the log-in, oldest first."""
    entries = AuditEntry.objects.exclude(action="login").order_by("pk")
    return list(entries.values_list("action", "outcome", "code"))


def refused(answer: Any) -> dict[str, list[str]]:
    """What the form says against what was filled in, by field."""
    assert answer.status_code == 200
    return {name: [str(text) for text in texts] for name, texts in answer.context["adminform"].form.errors.items()}


def choose(desk: Client, row: Any, action: str, **more: str) -> Any:
    """Choose an action for one row of a list."""
    return desk.post(address(type(row)), {"action": action, "_selected_action": str(row.pk), **more})


def no_rows(*prefixes: str) -> dict[str, str]:
    """Inlines left alone."""
    return {f"{prefix}-{name}_FORMS": "0" for prefix in prefixes for name in ("TOTAL", "INITIAL")}


def test_new_person_gets_a_generated_password_shown_once(desk: Client) -> None:
    answer = desk.post(address(User, "add"), {"username": "kim", "display_name": "Kim", "origin": "manual"})
    user = User.objects.get(username="kim")
    shown = next(text for text in said(answer) if text.startswith("Kim: "))
    assert user.check_password(shown.removeprefix("Kim: ").split()[0])
    assert written() == [("user.create", "done", "")]
    assert not LogEntry.objects.exists()


def test_new_service_account_has_an_origin_and_no_password(desk: Client) -> None:
    desk.post(address(User, "add"), {"username": "k8s", "is_service": "on", "origin": Origin.KUBERNETES})
    user = User.objects.get(username="k8s")
    assert (user.is_service, user.origin, user.has_usable_password()) == (True, "kubernetes", False)


def test_person_with_an_origin_is_refused_at_the_form(desk: Client) -> None:
    answer = desk.post(address(User, "add"), {"username": "kim", "origin": Origin.KUBERNETES})
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors
    assert not User.objects.filter(username="kim").exists()


def test_last_operator_can_not_close_its_own_account(desk: Client, operator: User) -> None:
    answer = desk.post(address(User, "change", operator.pk), {"display_name": "", "email": "", "is_operator": "on"})
    operator.refresh_from_db()
    assert operator.is_active
    assert len(refused(answer)["__all__"]) == 1
    assert said(answer) == []
    assert written() == [("user.edit", "refused", "last_operator")]


def test_kind_of_an_account_does_not_change(desk: Client) -> None:
    user = UserFactory.create(username="kim")
    desk.post(address(User, "change", user.pk), {"username": "x", "is_service": "on", "is_active": "on"})
    user.refresh_from_db()
    assert (user.username, user.is_service) == ("kim", False)


def test_new_token_works_and_is_shown_once(desk: Client) -> None:
    user = UserFactory.create(username="kim")
    (message,) = said(choose(desk, user, "new_token"))
    token = find_token(message.removeprefix("kim: ").split()[0])
    assert token is not None
    assert token.user == user
    assert token.digest not in desk.get(address(ApiToken, "change", token.pk)).content.decode()


def test_token_is_revoked_after_a_second_yes(desk: Client) -> None:
    user = UserFactory.create()
    token, _plain = token_create(actor=Actor(user), user=user, name="ci")
    page = choose(desk, token, "revoke")
    assert str(token.pk) in page.content.decode()
    assert ApiToken.objects.exists()
    choose(desk, token, "revoke", confirmed="yes")
    assert not ApiToken.objects.exists()


def test_project_comes_with_its_members(desk: Client) -> None:
    user, prefix = UserFactory.create(), "memberships-0"
    form = {"name": "web", "memberships-TOTAL_FORMS": "1", "memberships-INITIAL_FORMS": "0"} | no_rows("quotas")
    desk.post(address(Project, "add"), form | {f"{prefix}-user": str(user.pk), f"{prefix}-role": Role.VIEWER})
    project = Project.objects.get(name="web")
    assert list(Membership.objects.values_list("project", "user", "role")) == [(project.pk, user.pk, "viewer")]
    assert written() == [("project.create", "done", ""), ("member.set", "done", "")]


def test_member_changes_role_and_leaves(desk: Client) -> None:
    member = MembershipFactory.create(role=Role.VIEWER)
    form = {
        "name": member.project.name,
        "memberships-TOTAL_FORMS": "1",
        "memberships-INITIAL_FORMS": "1",
        "memberships-0-id": str(member.pk),
        "memberships-0-project": str(member.project_id),
        "memberships-0-user": str(member.user_id),
        "memberships-0-role": Role.MANAGER,
    } | no_rows("quotas")
    url = address(Project, "change", member.project_id)
    desk.post(url, form)
    member.refresh_from_db()
    assert member.role == "manager"
    desk.post(url, form | {"memberships-0-DELETE": "on"})
    assert not Membership.objects.exists()
    assert [entry[0] for entry in written()] == ["project.edit", "member.set", "project.edit", "member.remove"]


def test_taken_project_name_is_refused_at_the_form(desk: Client) -> None:
    ProjectFactory.create(name="web")
    answer = desk.post(address(Project, "add"), {"name": "web"} | no_rows("memberships", "quotas"))
    assert answer.context["adminform"].form.errors["name"]
    assert Project.objects.count() == 1


def test_host_password_goes_in_and_never_comes_out(desk: Client) -> None:
    form = {"name": "kvm-1", "uri": "qemu+tls://kvm-1/system", "username": "cloudia", "accelerator_choice": "auto"}
    desk.post(address(Host, "add"), form | {"password": "s3cret-of-the-host"})
    host = Host.objects.get()
    assert host.endpoint.password == "s3cret-of-the-host"
    page = desk.get(address(Host, "change", host.pk)).content.decode()
    assert "s3cret-of-the-host" not in page
    assert host.sealed_password not in page
    assert "s3cret" not in str(list(AuditEntry.objects.values()))
    desk.post(
        address(Host, "change", host.pk),
        form | {"password": "", "vcpu_ratio": "8", "reserved_memory_mib": "2048"},
    )
    host.refresh_from_db()
    assert (host.endpoint.password, int(host.vcpu_ratio), host.reserved_memory_mib) == ("s3cret-of-the-host", 8, 2048)
    assert written() == [("host.register", "done", ""), ("host.edit", "done", "")]


def test_host_goes_into_maintenance_and_back_through_the_menu_alone(desk: Client) -> None:
    host = HostFactory.create()
    states = []
    for action in ("activate", "maintenance", "maintenance", "activate"):
        choose(desk, host, action)
        host.refresh_from_db()
        states.append(host.state)
    assert states == ["active", "maintenance", "maintenance", "active"]
    assert [entry[1] for entry in written()] == ["refused", "done", "refused", "done"]


def test_storage_domain_is_made_and_its_path_stays(desk: Client) -> None:
    form = {"name": "fast", "kind": "dir", "path": "/srv/fast", "media": "ssd", "over_commit": "10"}
    desk.post(address(StorageDomain, "add"), form | no_rows("attachments"))
    domain = StorageDomain.objects.get()
    desk.post(
        address(StorageDomain, "change", domain.pk),
        form | {"name": "slow", "path": "/etc", "media": "hdd"} | no_rows("attachments"),
    )
    domain.refresh_from_db()
    assert (domain.name, domain.path, domain.media) == ("slow", "/srv/fast", "hdd")
    assert written() == [("storage_domain.create", "done", ""), ("storage_domain.edit", "done", "")]


def test_relative_path_is_refused_with_its_reason(desk: Client) -> None:
    form = {"name": "fast", "kind": "dir", "path": "../srv", "media": "ssd", "over_commit": "10"}
    answer = desk.post(address(StorageDomain, "add"), form | no_rows("attachments"))
    assert not StorageDomain.objects.exists()
    assert "/var/lib/cloudia/pool" in refused(answer)["path"][0]
    assert written() == [("storage_domain.create", "refused", "invalid")]


def test_what_was_typed_is_kept_when_a_new_row_is_refused(desk: Client) -> None:
    form = {"name": "typed-by-hand", "kind": "dir", "path": "../srv", "media": "hdd", "over_commit": "7"}
    answer = desk.post(address(StorageDomain, "add"), form | no_rows("attachments"))
    page = answer.content.decode()
    assert all(f'value="{form[name]}"' in page for name in ("name", "path", "over_commit"))
    assert '<option value="hdd" selected>' in page
    assert "errorlist" in page
    done = desk.post(address(StorageDomain, "add"), form | {"path": "/srv/fast"} | no_rows("attachments"))
    assert done.status_code == 302
    assert StorageDomain.objects.get().media == "hdd"


def test_what_was_typed_is_kept_when_a_change_is_refused(desk: Client) -> None:
    StorageDomainFactory.create(name="taken")
    domain = StorageDomainFactory.create(name="mine", over_commit=2)
    url = address(StorageDomain, "change", domain.pk)
    form = {"name": "taken", "media": "hdd", "over_commit": "0"} | no_rows("attachments")
    answer = desk.post(url, form)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert 'value="taken"' in page
    assert "errorlist" in page
    domain.refresh_from_db()
    assert (domain.name, domain.media) == ("mine", "ssd")


def test_what_was_typed_is_kept_when_a_policy_refuses(desk: Client, operator: User) -> None:
    form = {"display_name": "Typed", "email": "typed@example.com", "is_operator": "on"}
    answer = desk.post(address(User, "change", operator.pk), form)
    page = answer.content.decode()
    assert all(f'value="{form[name]}"' in page for name in ("display_name", "email"))
    operator.refresh_from_db()
    assert (operator.display_name, operator.email) != ("Typed", "typed@example.com")


def test_storage_domain_shows_its_hosts_and_gets_none_here(desk: Client) -> None:
    host, other = HostFactory.create(), HostFactory.create()
    domain = StorageDomainFactory.create(hosts=[host])
    added = {"attachments-TOTAL_FORMS": "1", "attachments-INITIAL_FORMS": "0", "attachments-0-host": str(other.pk)}
    desk.post(
        address(StorageDomain, "change", domain.pk), {"name": domain.name, "media": "ssd", "over_commit": "2"} | added
    )
    assert list(domain.attachments.values_list("host", flat=True)) == [host.pk]
    assert host.name in desk.get(address(StorageDomain, "change", domain.pk)).content.decode()


def test_image_becomes_public_and_is_deprecated(desk: Client) -> None:
    image = ImageFactory.create(project=ProjectFactory.create())
    desk.post(address(Image, "change", image.pk), {"name": image.name, "project": "", "deprecated": "on"})
    image.refresh_from_db()
    assert (image.is_public, image.deprecated) == (True, True)
    assert written() == [("image.edit", "done", "")]


def test_public_image_is_given_to_no_project_and_the_reason_is_told(desk: Client) -> None:
    image = ImageFactory.create(project=None)
    changed = {"name": "mine", "project": str(ProjectFactory.create().pk)}
    answer = desk.post(address(Image, "change", image.pk), changed)
    assert refused(answer)["project"] == ["이미지는 공용으로 바꿀 수 있지만 프로젝트에 넘길 수는 없습니다."]
    image.refresh_from_db()
    assert image.is_public
    assert image.name != "mine"


def test_image_that_is_used_is_not_deleted_and_another_one_is(desk: Client) -> None:
    used, unused = ImageFactory.create(), ImageFactory.create()
    VolumeFactory.create(image=used)
    chosen = {"action": "delete", "_selected_action": [str(used.pk), str(unused.pk)], "confirmed": "1"}
    desk.post(address(Image, "changelist"), chosen)
    assert list(Job.objects.values_list("kind", "target_id")) == [("image.delete", unused.pk)]


def test_instance_type_is_made_changed_and_deleted(desk: Client) -> None:
    form = {"name": "m1", "vcpus": "2", "memory_mib": "2048"}
    desk.post(address(InstanceType, "add"), form | {"active": "on"})
    kind = InstanceType.objects.get()
    assert kind.active
    desk.post(address(InstanceType, "change", kind.pk), form | {"vcpus": "4"})
    kind.refresh_from_db()
    assert (kind.vcpus, kind.active) == (4, False)
    choose(desk, kind, "delete", confirmed="yes")
    assert not InstanceType.objects.exists()
    assert [entry[0] for entry in written()] == [
        "instance_type.create", "instance_type.edit", "instance_type.delete",
    ]  # fmt: skip


def test_job_is_cancelled_and_retried_with_an_answer_for_each(desk: Client) -> None:
    failed, done = JobFactory.create(status="failed", kind="instance.stop"), JobFactory.create(status="succeeded")
    Instance.objects.filter(pk=failed.target_id).update(power_state="running")
    data = {"action": "retry", "_selected_action": [str(failed.pk), str(done.pk)]}
    messages = said(desk.post(address(Job), data))
    assert len(messages) == 2
    assert set(Job.objects.values_list("pk", "status")) == {(failed.pk, "pending"), (done.pk, "succeeded")}
    running = hold(InstanceFactory.create())
    (refused,) = said(choose(desk, running, "cancel"))[2:]
    assert str(running) in refused


@pytest.mark.parametrize("model", [Job, AuditEntry, ApiToken])
def test_records_can_not_be_typed_over(desk: Client, model: Any) -> None:
    job, user = JobFactory.create(), UserFactory.create()
    token_create(actor=Actor(user), user=user, name="ci")
    row = job if model is Job else model.objects.first()
    before = model.objects.filter(pk=row.pk).values().get()
    answers = [
        desk.post(address(model, "change", row.pk), {"status": "succeeded", "name": "x"}).status_code,
        desk.post(address(model, "add"), {"name": "x"}).status_code,
        desk.post(address(model, "delete", row.pk), {"post": "yes"}).status_code,
    ]
    assert answers == [403, 403, 403]
    assert model.objects.filter(pk=row.pk).values().get() == before


def test_state_of_an_instance_can_not_be_typed(desk: Client) -> None:
    instance = InstanceFactory.create(power_state="stopped")
    form = {**sizes(instance), "name": "renamed", "power_state": "running", "desired_state": "running"}
    desk.post(address(Instance, "change", instance.pk), form | no_rows("disks", "guest", "scripts"))
    instance.refresh_from_db()
    assert (instance.name, instance.power_state, instance.desired_state) == ("renamed", "stopped", "stopped")
    assert not Job.objects.exists()


def sizes(instance: Instance) -> dict[str, Any]:
    """What the form shows of its size."""
    return {name: getattr(instance, name) for name in ("vcpus", "max_vcpus", "memory_mib", "max_memory_mib")}


def test_size_of_an_instance_is_changed_by_a_job_or_refused_at_the_field(desk: Client) -> None:
    instance = InstanceFactory.create(power_state="stopped")
    form = {**sizes(instance), "name": "same", "vcpus": 1, **no_rows("disks", "guest", "scripts")}
    desk.post(address(Instance, "change", instance.pk), form)
    assert Job.objects.get().kind == "instance.update"
    instance.refresh_from_db()
    assert instance.vcpus == 1
    Job.objects.all().delete()
    Instance.objects.update(power_state="running", current_job=None)
    refused = (({"max_vcpus": 9}, "Only possible when stopped"), ({"vcpus": 3}, "The maximum can&#x27;t be below"))
    for wrong, words in refused:
        answer = desk.post(address(Instance, "change", instance.pk), {**form, **wrong}, HTTP_ACCEPT_LANGUAGE="en")
        page = answer.content.decode()
        assert words in page
    instance.refresh_from_db()
    assert (instance.vcpus, instance.max_vcpus) == (1, 2)
    assert not Job.objects.exists()


def test_deleting_an_instance_asks_first(desk: Client) -> None:
    instance = InstanceFactory.create(power_state="stopped")
    page = choose(desk, instance, "delete")
    assert instance.name in page.content.decode()
    assert not Job.objects.exists()
    choose(desk, instance, "delete", confirmed="yes")
    assert Job.objects.get().kind == "instance.delete"


def test_members_are_not_let_in(db: None, client: Client) -> None:
    client.force_login(MembershipFactory.create().user, backend="cloudia.accounts.backends.PeopleBackend")
    assert client.get(address(User)).status_code == 302
    assert client.get(address(User), follow=True).status_code == 200  # the log-in form, not the list
