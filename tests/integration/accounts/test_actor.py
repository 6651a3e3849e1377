"""What roles include, what belongs to operators and what to oneself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from cloudia.accounts.actor import Actor
from cloudia.accounts.enums import Permission, Role
from cloudia.accounts.models import ApiToken, User
from cloudia.accounts.selectors import projects_visible_to
from tests.factories import HostFactory, MembershipFactory, OperatorFactory, ProjectFactory, UserFactory

pytestmark = pytest.mark.django_db
LOOK, WORK, MANAGE = Permission.VIEW, Permission.OPERATE, Permission.MANAGE


def allowed(actor: Actor, obj: object) -> set[Permission]:
    """Everything the actor may do to the object."""
    return {permission for permission in Permission if actor.may(permission, obj)}


@pytest.mark.parametrize(
    ("role", "expected"), [(Role.VIEWER, {LOOK}), (Role.OPERATOR, {LOOK, WORK}), (Role.MANAGER, {LOOK, WORK, MANAGE})]
)
def test_role_counts_in_its_project_alone(role: Role, expected: set[Permission]) -> None:
    member = MembershipFactory.create(role=role)
    actor = Actor(member.user)
    assert allowed(actor, member.project) == expected
    assert allowed(actor, ProjectFactory.create()) == set()
    assert list(projects_visible_to(actor)) == [member.project]


def test_operator_may_everything_everywhere() -> None:
    actor = Actor(OperatorFactory.create())
    assert allowed(actor, ProjectFactory.create()) == allowed(actor, HostFactory.create()) == set(Permission)


def test_hosts_are_nobody_elses_business() -> None:
    assert allowed(Actor(MembershipFactory.create().user), HostFactory.create()) == set()


def test_account_may_manage_itself_and_no_other() -> None:
    user = UserFactory.create()
    assert allowed(Actor(user), user) == {LOOK, MANAGE}
    assert allowed(Actor(user), UserFactory.create()) == set()


@pytest.mark.parametrize("operator", [False, True])
def test_read_only_token_only_looks(operator: bool) -> None:
    member = MembershipFactory.create(user__is_operator=operator)
    token = ApiToken(user=member.user, scope=ApiToken.Scope.READ, expires_at=timezone.now() + timedelta(days=1))
    assert allowed(Actor(member.user, token=token), member.project) == {LOOK}
    assert allowed(Actor(member.user, token=token), member.user) == {LOOK}


def test_inactive_account_may_nothing_in_projects() -> None:
    member = MembershipFactory.create()
    User.objects.filter(pk=member.user.pk).update(is_active=False)
    actor = Actor(User.objects.get(pk=member.user.pk))
    assert allowed(actor, member.project) == set()
    assert not projects_visible_to(actor).exists()
