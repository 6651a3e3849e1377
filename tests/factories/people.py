"""Who works with CloudiA, and in which projects."""

# mypy: disable-error-code="no-untyped-call"
# (factory_boy's declarations have no annotations)

from __future__ import annotations

from factory.declarations import (
    PostGeneration,
    Sequence,
    SubFactory,
)
from factory.django import DjangoModelFactory

from cloudia.accounts.enums import Role
from cloudia.accounts.models import Membership, Project, User


class UserFactory(DjangoModelFactory[User]):
    """A person who can't log in by password; ``password="…"`` sets one."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = Sequence(lambda n: f"user-{n}")
    password = PostGeneration(lambda user, create, value: _set_password(user, value))


def _set_password(user: User, value: str | None) -> None:
    if value:
        user.set_password(value)
    else:
        user.set_unusable_password()
    user.save()


class OperatorFactory(UserFactory):
    """An operator of the installation."""

    is_operator = True


class ProjectFactory(DjangoModelFactory[Project]):
    """A tenant."""

    class Meta:
        model = Project

    name = Sequence(lambda n: f"project-{n}")


class MembershipFactory(DjangoModelFactory[Membership]):
    """A manager of a project."""

    class Meta:
        model = Membership

    user = SubFactory(UserFactory)
    project = SubFactory(ProjectFactory)
    role = Role.MANAGER
