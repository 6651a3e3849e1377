"""Whoever asks for something: what it may see and do."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cloudia.accounts.enums import Permission, Role
from cloudia.accounts.models import ApiToken, Membership, User

NOWHERE = uuid.UUID(int=0)  # the project of what has none
OVER_ONESELF = frozenset({Permission.VIEW, Permission.MANAGE})  # what an account may with itself and its tokens


@dataclass(eq=False)
class Actor:
    """A user as it stands in one request. ``token`` and ``address`` are for scope and audit."""

    user: User
    token: ApiToken | None = None
    address: str | None = None

    @property
    def is_operator(self) -> bool:
        """Whether this is an operator of the installation."""
        return self.user.is_active and self.user.is_operator

    @property
    def origin(self) -> str:
        """The origin whose instances this actor manages."""
        return self.user.origin

    @property
    def read_only(self) -> bool:
        """Whether a token limits this actor to looking."""
        return self.token is not None and self.token.scope == ApiToken.Scope.READ

    @cached_property
    def roles(self) -> dict[uuid.UUID, Role]:
        """Role per project id; read once per actor."""
        if not self.user.is_active:
            return {}
        rows = Membership.objects.filter(user=self.user).values_list("project_id", "role")
        return {project_id: Role(role) for project_id, role in rows}

    @property
    def project_ids(self) -> frozenset[uuid.UUID]:
        """Projects this actor is a member of."""
        return frozenset(self.roles)

    def may(self, permission: str, obj: Any) -> bool:
        """Whether the role in the object's project includes ``permission``.

        What has no project (hosts, jobs about hosts) belongs to the operators of the installation; what has an account
        (tokens) to that account.
        """
        if self.read_only and permission != Permission.VIEW:
            return False
        if self.is_operator:
            return True
        if getattr(obj, "account_id", None) == self.user.pk:
            return permission in OVER_ONESELF
        role = self.roles.get(getattr(obj, "project_id", NOWHERE))
        return role is not None and permission in role.permissions

    def projects_with(self, permission: str) -> frozenset[uuid.UUID]:
        """Projects in which this actor's role includes ``permission``. For operators, only their memberships."""
        return frozenset(project for project, role in self.roles.items() if permission in role.permissions)


def shell_actor() -> Actor:
    """Whoever runs ``manage.py``: has the database in hand anyway. Its user is not in the database."""
    return Actor(User(username="manage.py", is_operator=True))
