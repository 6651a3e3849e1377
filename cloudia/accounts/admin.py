"""Operators' pages for people, projects, tokens and the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Model, QuerySet
from django.forms import BaseInlineFormSet, ChoiceField
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cloudia.accounts import policies, services
from cloudia.accounts.actor import Actor
from cloudia.accounts.admin_base import (
    REFUSALS,
    OperatorAdmin,
    ReadOnlyAdmin,
    RowForm,
    TabularInline,
    actor_of,
    each,
    reason,
    service_action,
)
from cloudia.accounts.models import ApiToken, AuditEntry, Membership, Project, Quota, User
from cloudia.accounts.quotas import resources

EDITABLE = ("display_name", "email", "is_operator", "is_active")


@admin.register(User)
class UserAdmin(OperatorAdmin):
    """People and service accounts. Passwords and tokens are generated, and shown once."""

    list_display = ("username", "display_name", "is_operator", "is_service", "origin", "is_active", "last_login")
    list_filter = ("is_operator", "is_service", "is_active", "origin")
    search_fields = ("username", "display_name", "email", "id")
    actions = ("new_password", "new_token")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What an account is, is decided when it is made."""
        if obj:
            return ("id", "username", "is_service", "origin", *EDITABLE, "created_at", "last_login")
        return ("username", "display_name", "email", "is_operator", "is_service", "origin")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """See get_fields."""
        return ("id", "username", "is_service", "origin", "created_at", "last_login") if obj else ()

    def save_through_service(self, request: HttpRequest, row: User, form: RowForm, change: bool) -> Model:
        """Edit, or make an account of the kind asked for."""
        actor, data = actor_of(request), form.cleaned_data
        if change:
            return services.user_edit(actor=actor, user=row, **{name: data[name] for name in EDITABLE})
        names = {"username": data["username"], "display_name": data["display_name"]}
        if data["is_service"]:
            return services.service_account_create(actor=actor, origin=data["origin"], **names)
        user, password = services.user_create(
            actor=actor, email=data["email"], is_operator=data["is_operator"], **names
        )
        messages.warning(request, f"{user}: {shown_once(password)}")
        return user

    @admin.action(description=_("Generate a new password"))
    def new_password(self, request: HttpRequest, rows: QuerySet[User]) -> None:
        """For who has forgotten it; sessions end."""
        actor = actor_of(request)
        each(request, rows, lambda user: shown_once(services.user_reset_password(actor=actor, user=user)))

    @admin.action(description=_("Create an API token (read and write, 90 days)"))
    def new_token(self, request: HttpRequest, rows: QuerySet[User]) -> None:
        """Above all for service accounts, which can't make one themselves."""
        actor = actor_of(request)
        each(
            request,
            rows,
            lambda user: shown_once(services.token_create(actor=actor, user=user, name=f"{actor.user.username}")[1]),
        )


def shown_once(secret: str) -> str:
    """A generated secret, with the advice to keep it now."""
    return gettext("%(secret)s — keep it now, it is not shown again.") % {"secret": secret}


class MembershipInline(TabularInline):
    """Members of a project."""

    model = Membership
    extra = 0
    autocomplete_fields = ("user",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Ends the membership."""
        return True


class QuotaForm(RowForm):
    """A resource that is counted, and how many; which one it is about stays."""

    resource = ChoiceField(label=_("resource"), choices=lambda: [(each.name, each.label) for each in resources()])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["resource"].disabled = not self.instance._state.adding


class QuotaInline(TabularInline):
    """What a project may have more or less of than every project."""

    model = Quota
    form = QuotaForm
    extra = 0

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As many as every project again."""
        return True


@admin.register(Project)
class ProjectAdmin(OperatorAdmin):
    """Tenants, their members and quotas."""

    list_display = ("name", "description", "members_count", "created_at")
    search_fields = ("name", "description", "id")
    fields = ("id", "name", "description", "created_at")
    readonly_fields = ("id", "created_at")
    inlines = (MembershipInline, QuotaInline)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Project]:
        """With the number of members."""
        projects: QuerySet[Project] = super().get_queryset(request).annotate(members_count=Count("memberships"))
        return projects

    @admin.display(description=_("members"), ordering="members_count")
    def members_count(self, project: Any) -> int:
        """How many people are in it."""
        count: int = project.members_count
        return count

    def save_through_service(self, request: HttpRequest, row: Project, form: RowForm, change: bool) -> Model:
        """Create or edit."""
        names = {"name": form.cleaned_data["name"], "description": form.cleaned_data["description"]}
        if change:
            return services.project_edit(actor=actor_of(request), project=row, **names)
        return services.project_create(actor=actor_of(request), **names)

    def save_formset(
        self, request: HttpRequest, form: Any, formset: BaseInlineFormSet[Any, Any, Any], change: bool
    ) -> None:
        """Memberships and quotas, one by one."""
        actor, project = actor_of(request), form.instance
        changed = formset.save(commit=False)
        save = _save_quotas if formset.model is Quota else _save_members
        try:
            save(actor, project, changed, formset.deleted_objects)
        except REFUSALS as error:
            messages.error(request, reason(error))


def _save_members(actor: Actor, project: Project, changed: Sequence[Any], gone: Sequence[Any]) -> None:
    for member in gone:
        services.member_remove(actor=actor, project=project, user=member.user)
    for member in changed:
        services.member_set(actor=actor, project=project, user=member.user, role=member.role)


def _save_quotas(actor: Actor, project: Project, changed: Sequence[Any], gone: Sequence[Any]) -> None:
    for quota in gone:
        services.quota_set(actor=actor, project=project, resource=quota.resource, limit=None)
    for quota in changed:
        services.quota_set(actor=actor, project=project, resource=quota.resource, limit=quota.limit)


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Tokens, to see and to revoke. They are made on the page of a user, or by their owners."""

    list_display = ("name", "prefix", "user", "scope", "expires_at", "last_used_at", "created_at")
    list_filter = ("scope", "user__is_service")
    list_select_related = ("user",)
    search_fields = ("name", "prefix", "user__username", "id")
    exclude = ("digest",)
    actions = (service_action(policies.REVOKE_TOKEN, services.token_revoke, "token"),)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Who asked for what, and what came of it."""

    list_display = (
        "at", "username", "token_name", "address", "action", "target_name", "project", "outcome", "code",
    )  # fmt: skip
    list_filter = ("outcome", "target_type", "action", "code")
    list_select_related = ("project",)
    search_fields = ("username", "target_name", "target_id", "address", "job_id")
    date_hierarchy = "at"
