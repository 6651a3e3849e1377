"""What may be asked about people, projects and tokens. Every request, done or refused, is in the audit trail."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from cloudia.accounts import policies, quotas, tokens
from cloudia.accounts.actor import Actor
from cloudia.accounts.audit import audited
from cloudia.accounts.enums import Origin, Role
from cloudia.accounts.models import ApiToken, Membership, Project, Quota, User
from cloudia.accounts.provisioning import provision
from cloudia.core.errors import InputError
from cloudia.core.faults import Faults
from cloudia.core.policy import ActionDenied
from cloudia.core.validation import clean, input_error

DEFAULT_LIFE = timedelta(days=90)
LONGEST_LIFE = timedelta(days=366)


@audited("project.create")
def project_create(*, actor: Actor, name: str, description: str = "") -> Project:
    """A new project without members. Raises ActionDenied or InputError."""
    project = Project(name=name.strip(), description=description.strip())
    policies.CREATE_PROJECT.check(project, actor)
    clean(project)
    project.save(force_insert=True)
    provision(project)
    return project


@audited("project.edit", target="project")
def project_edit(*, actor: Actor, project: Project, name: str | None = None, description: str | None = None) -> Project:
    """Change what is given. Raises ActionDenied or InputError."""
    row = Project.objects.select_for_update().get(pk=project.pk)
    policies.EDIT_PROJECT.check(row, actor)
    row.name = row.name if name is None else name.strip()
    row.description = row.description if description is None else description.strip()
    clean(row)
    row.save(update_fields=["name", "description"])
    return row


@audited("member.set", target="project")
def member_set(*, actor: Actor, project: Project, user: User, role: Role) -> Membership:
    """Make ``user`` a member, or change its role. Raises ActionDenied."""
    policies.SET_MEMBER.check(project, actor)
    return Membership.objects.update_or_create(project=project, user=user, defaults={"role": Role(role)})[0]


@audited("member.remove", target="project")
def member_remove(*, actor: Actor, project: Project, user: User) -> None:
    """End a membership; harmless if there is none. Raises ActionDenied."""
    policies.SET_MEMBER.check(project, actor)
    Membership.objects.filter(project=project, user=user).delete()


@audited("quota.set", target="project")
def quota_set(*, actor: Actor, project: Project, resource: str, limit: int | None) -> None:
    """Let ``project`` have up to ``limit`` of a resource; None: as many as every project. What it has already, it
    keeps. Raises ActionDenied, or InputError at ``resource`` or ``limit``.
    """
    policies.SET_QUOTA.check(project, actor)
    faults = Faults()
    known = [each.name for each in quotas.resources()]
    choose = _("Choose one of: %(choices)s.") % {"choices": ", ".join(known)}
    faults.require(resource in known, "resource", "invalid_choice", choose)
    faults.number("limit", limit or 0, 0, quotas.MAX_LIMIT)
    faults.raise_if_any()
    if limit is None:
        Quota.objects.filter(project=project, resource=resource).delete()
    else:
        Quota.objects.update_or_create(project=project, resource=resource, defaults={"limit": limit})


@audited("user.create")
def user_create(
    *,
    actor: Actor,
    username: str,
    display_name: str = "",
    email: str = "",
    is_operator: bool = False,
    password: str | None = None,
) -> tuple[User, str]:
    """A new person and its password: the given one, or a generated one. Raises ActionDenied or InputError."""
    user = User(username=username, display_name=display_name.strip(), email=email, is_operator=is_operator)
    policies.CREATE_USER.check(user, actor)
    plain = _set_password(user, password)
    clean(user)
    user.save(force_insert=True)
    return user, plain


@audited("service_account.create")
def service_account_create(
    *, actor: Actor, username: str, origin: Origin = Origin.MANUAL, display_name: str = ""
) -> User:
    """A new account for programs: it has tokens and no password. Raises ActionDenied or InputError."""
    user = User(username=username, display_name=display_name.strip(), is_service=True, origin=origin)
    policies.CREATE_USER.check(user, actor)
    user.set_unusable_password()
    clean(user)
    user.save(force_insert=True)
    return user


@audited("user.edit", target="user")
def user_edit(
    *,
    actor: Actor,
    user: User,
    display_name: str | None = None,
    email: str | None = None,
    is_operator: bool | None = None,
    is_active: bool | None = None,
) -> User:
    """Change what is given. Raises ActionDenied (also for the last operator) or InputError."""
    operators = User.objects.select_for_update().filter(is_operator=True, is_active=True).order_by("pk")
    others = {row.pk for row in operators} - {user.pk}
    row = User.objects.select_for_update().get(pk=user.pk)
    policies.EDIT_USER.check(row, actor)
    was_operator = row.is_operator and row.is_active
    wanted = {"display_name": display_name, "email": email, "is_operator": is_operator, "is_active": is_active}
    changes = {name: value for name, value in wanted.items() if value is not None}
    for name, value in changes.items():
        setattr(row, name, value)
    if was_operator and not (row.is_operator and row.is_active) and not others:
        raise ActionDenied(policies.last_operator())
    clean(row)
    row.save(update_fields=list(changes))
    return row


@audited("user.reset_password", target="user")
def user_reset_password(*, actor: Actor, user: User, password: str | None = None) -> str:
    """Give a person another password, generated unless given, and end its sessions. Raises ActionDenied, InputError."""
    row = User.objects.select_for_update().get(pk=user.pk)
    policies.EDIT_USER.check(row, actor)
    if row.is_service:
        raise InputError(_("A service account has no password."))
    plain = _set_password(row, password)
    row.save(update_fields=["password"])  # sessions carry a hash of it, so they end
    return plain


@audited("token.create", target="user")
def token_create(
    *,
    actor: Actor,
    user: User,
    name: str,
    scope: str = ApiToken.Scope.WRITE,
    expires_at: datetime | None = None,
) -> tuple[ApiToken, str]:
    """A new token and its text, which is shown this once. It lives 90 days unless said otherwise, 366 at most.

    A token made with another token can't outlive it, or a stolen one could renew itself for ever. Raises ActionDenied
    or InputError.
    """
    policies.CREATE_TOKEN.check(user, actor)
    plain = tokens.new_token()
    token = ApiToken(
        user=user,
        name=name.strip(),
        scope=scope,
        prefix=plain[: tokens.SHOWN],
        digest=tokens.digest(plain),
        expires_at=_expiry(actor, expires_at),
    )
    clean(token)
    token.save(force_insert=True)
    return token, plain


@audited("token.revoke", target="token")
def token_revoke(*, actor: Actor, token: ApiToken) -> None:
    """End a token at once. Raises ActionDenied."""
    policies.REVOKE_TOKEN.check(token, actor)
    ApiToken.objects.filter(pk=token.pk).delete()


def _expiry(actor: Actor, wanted: datetime | None) -> datetime:
    now = timezone.now()
    latest = min(now + LONGEST_LIFE, actor.token.expires_at if actor.token else now + LONGEST_LIFE)
    if wanted is None:
        return min(now + DEFAULT_LIFE, latest)
    if not now < wanted <= latest:
        raise InputError.at(
            "expires_at",
            _("Enter a time in the future, until %(latest)s at most.") % {"latest": f"{latest:%Y-%m-%d %H:%M}"},
            "out_of_range",
        )
    return wanted


def _set_password(user: User, password: str | None) -> str:
    """Set the password, after the usual checks of one that somebody thought up; returns it."""
    plain = secrets.token_urlsafe(15) if password is None else password
    try:
        validate_password(plain, user)
    except ValidationError as error:
        raise input_error(error, "password") from None
    user.set_password(plain)
    return plain
