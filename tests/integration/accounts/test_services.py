"""Projects, members and people: what is done, what is refused, and that both are written down."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.hashers import check_password

from cloudia.accounts import services
from cloudia.accounts.actor import Actor, shell_actor
from cloudia.accounts.enums import Origin, Role
from cloudia.accounts.models import AuditEntry, Membership, Project, User
from cloudia.core.errors import InputError
from cloudia.core.policy import ActionDenied
from tests.factories import MembershipFactory, OperatorFactory, ProjectFactory, UserFactory

pytestmark = pytest.mark.django_db


def trail() -> list[tuple[str, ...]]:
    """The audit trail, oldest first: who, what, about what, how it ended, why."""
    columns = ("username", "action", "target_name", "outcome", "code")
    return list(AuditEntry.objects.order_by("pk").values_list(*columns))


def codes(error: InputError) -> dict[str, list[str]]:
    """Codes by field."""
    return {name: [fault.code for fault in faults] for name, faults in error.fields.items()}


@pytest.fixture
def operator() -> Actor:
    """An operator, called "op"."""
    return Actor(OperatorFactory.create(username="op"))


def test_project_is_created_and_renamed(operator: Actor) -> None:
    project = services.project_create(actor=operator, name=" web ", description="shop")
    services.project_edit(actor=operator, project=project, name="www")
    assert list(Project.objects.values_list("name", "description")) == [("www", "shop")]
    assert trail() == [("op", "project.create", "web", "done", ""), ("op", "project.edit", "www", "done", "")]


@pytest.mark.parametrize(
    ("name", "code"),
    [("", "blank"), ("  ", "blank"), ("x" * 129, "max_length"), ("taken", "unique"), ("a\0b", "invalid")],
)
def test_project_needs_a_name_of_its_own(operator: Actor, name: str, code: str) -> None:
    ProjectFactory.create(name="taken")
    with pytest.raises(InputError) as refused:
        services.project_create(actor=operator, name=name)
    assert codes(refused.value) == {"name": [code]}
    assert Project.objects.count() == 1
    assert trail() == [("op", "project.create", "", "refused", "invalid")]


def test_members_come_change_and_go(operator: Actor) -> None:
    project, user = ProjectFactory.create(name="web"), UserFactory.create(username="kim")
    services.member_set(actor=operator, project=project, user=user, role=Role.VIEWER)
    services.member_set(actor=operator, project=project, user=user, role=Role.MANAGER)
    assert list(Membership.objects.values_list("user", "project", "role")) == [(user.pk, project.pk, "manager")]
    services.member_remove(actor=operator, project=project, user=user)
    assert not Membership.objects.exists()
    assert [entry[1] for entry in trail()] == ["member.set", "member.set", "member.remove"]


DOINGS: dict[str, Any] = {
    "project.create": lambda actor, project, user: services.project_create(actor=actor, name="x"),
    "project.edit": lambda actor, project, user: services.project_edit(actor=actor, project=project, name="x"),
    "member.set": lambda actor, project, user: services.member_set(
        actor=actor, project=project, user=user, role=Role.MANAGER
    ),
    "member.remove": lambda actor, project, user: services.member_remove(actor=actor, project=project, user=user),
    "user.create": lambda actor, project, user: services.user_create(actor=actor, username="x", is_operator=True),
    "service_account.create": lambda actor, project, user: services.service_account_create(actor=actor, username="x"),
    "user.edit": lambda actor, project, user: services.user_edit(actor=actor, user=user, is_operator=True),
    "user.reset_password": lambda actor, project, user: services.user_reset_password(actor=actor, user=user),
}


@pytest.mark.parametrize("doing", DOINGS)
def test_manager_of_a_project_administers_nobody_not_even_itself(doing: str) -> None:
    member = MembershipFactory.create(user__username="kim")
    with pytest.raises(ActionDenied) as refused:
        DOINGS[doing](Actor(member.user), member.project, member.user)
    assert refused.value.denial.code == "permission_denied"
    assert (Project.objects.count(), User.objects.count(), Membership.objects.count()) == (1, 1, 1)
    assert [(entry[0], entry[1], *entry[3:]) for entry in trail()] == [("kim", doing, "refused", "permission_denied")]


def test_password_is_generated_and_not_kept_in_the_clear(operator: Actor) -> None:
    user, password = services.user_create(actor=operator, username="kim", display_name="김")
    assert len(password) == 20
    assert check_password(password, user.password)
    assert password not in str(list(AuditEntry.objects.values()))


def test_weak_password_is_refused(operator: Actor) -> None:
    with pytest.raises(InputError) as refused:
        services.user_create(actor=operator, username="kim", password="12345")
    assert set(refused.value.fields) == {"password"}
    assert not User.objects.filter(username="kim").exists()


@pytest.mark.parametrize("name", ["", "Kim", "-kim", "kim lee", "kim\n", "김", "x" * 65, "op"])
def test_user_name_is_plain_and_its_own(operator: Actor, name: str) -> None:
    with pytest.raises(InputError) as refused:
        services.user_create(actor=operator, username=name)
    assert set(refused.value.fields) == {"username"}


def test_service_account_acts_for_its_origin_and_has_no_password(operator: Actor) -> None:
    account = services.service_account_create(actor=operator, username="k8s", origin=Origin.KUBERNETES)
    assert (account.is_service, account.origin, account.has_usable_password()) == (True, "kubernetes", False)
    with pytest.raises(InputError):
        services.user_reset_password(actor=operator, user=account)


def test_new_password_replaces_the_old_one(operator: Actor) -> None:
    user = UserFactory.create(password="the-old-one-4711")
    password = services.user_reset_password(actor=operator, user=user)
    user.refresh_from_db()
    assert user.check_password(password)
    assert not user.check_password("the-old-one-4711")


@pytest.mark.parametrize("change", [{"is_operator": False}, {"is_active": False}])
def test_last_operator_stays(operator: Actor, change: dict[str, Any]) -> None:
    OperatorFactory.create(is_active=False)  # counts for nothing
    with pytest.raises(ActionDenied) as refused:
        services.user_edit(actor=operator, user=operator.user, **change)
    assert refused.value.denial.code == "last_operator"
    second = OperatorFactory.create()
    services.user_edit(actor=operator, user=second, **change)
    assert list(User.objects.filter(is_operator=True, is_active=True)) == [operator.user]


def test_shell_needs_no_account() -> None:
    services.project_create(actor=shell_actor(), name="web")
    assert trail() == [("manage.py", "project.create", "web", "done", "")]
    assert AuditEntry.objects.get().user is None
