"""What every admin stands on: changes go through services and into the audit trail, refusals are said in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext

from cloudia.accounts import audit
from cloudia.accounts.actor import Actor
from cloudia.accounts.enums import Outcome
from cloudia.core.errors import CloudiaError, InputError
from cloudia.core.policy import Action, ActionDenied

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
    RowForm = ModelForm[Any]
else:  # Django's classes can't be subscripted at run time
    ModelAdmin, TabularInline, RowForm = admin.ModelAdmin, admin.TabularInline, ModelForm

AdminAction: TypeAlias = Callable[[ModelAdmin, HttpRequest, QuerySet[Any]], HttpResponse | None]
REFUSALS = (ActionDenied, CloudiaError)


def actor_of(request: HttpRequest) -> Actor:
    """The operator at work; set by ActorMiddleware."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def refusal(request: HttpRequest) -> Exception | None:
    """Why a service refused what this request's form asks for, if it did."""
    return getattr(request, "refusal", None)


def reason(error: Exception) -> str:
    """A refusal in one line."""
    if isinstance(error, InputError) and error.fields:
        return " ".join(str(fault.detail) for faults in error.fields.values() for fault in faults)
    return str(error)


def refused_form(form_class: type[ModelForm[Any]], error: Exception) -> type[ModelForm[Any]]:
    """The form that also says why a service refused what is filled in: at the field if there is one, else above."""
    faults = error.fields if isinstance(error, InputError) and error.fields else {}
    found = [(at, str(fault.detail)) for at, at_one in faults.items() for fault in at_one] or [("", str(error))]

    class RefusedForm(form_class):  # type: ignore[valid-type,misc]  # a class made at run time, as Django's own are
        def clean(self) -> dict[str, Any] | None:
            cleaned: dict[str, Any] | None = super().clean()
            for at, text in found:
                self.add_error(at if at in self.fields else None, text)
            return cleaned

    return RefusedForm


def each(request: HttpRequest, rows: QuerySet[Any], ask: Callable[[Any], str]) -> None:
    """Ask a service for every row, and say for each what came of it; ``ask`` returns the good news."""
    for row in rows:
        try:
            messages.success(request, f"{row}: {ask(row)}")
        except REFUSALS as error:
            messages.error(request, f"{row}: {reason(error)}")


def service_action(action: Action, service: Callable[..., Any], keyword: str) -> AdminAction:
    """An entry of the list's action menu for one of our actions; what destroys data asks first."""

    def run(model_admin: ModelAdmin, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        if action.destructive and "confirmed" not in request.POST:
            return confirmation(model_admin, request, rows, action)
        actor = actor_of(request)

        def ask(row: Any) -> str:
            service(actor=actor, **{keyword: row})
            return gettext("“%(action)s” accepted.") % {"action": action.label}

        each(request, rows, ask)
        return None

    run.__name__ = action.name
    run.short_description = action.label  # type: ignore[attr-defined]  # as Django's own decorator does
    return run


def confirmation(model_admin: ModelAdmin, request: HttpRequest, rows: QuerySet[Any], action: Action) -> HttpResponse:
    """A page that lists what will be affected and sends the same action again, confirmed."""
    context = {
        **model_admin.admin_site.each_context(request),
        "title": action.confirm,
        "opts": model_admin.opts,
        "rows": rows,
        "action": action,
        "checkbox_name": ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "admin/confirm_action.html", context)


class OperatorAdmin(ModelAdmin):
    """Plain rows: validated by their model, saved, and written to the audit trail. Nothing is deleted here."""

    list_per_page = 50
    show_full_result_count = False  # a count of the whole table on every page would be the slowest query of all

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What may be deleted, and when, is for services to say."""
        return False

    def save_through_service(self, request: HttpRequest, row: Any, form: ModelForm[Any], change: bool) -> Model:
        """Save the filled-in row; subclasses call the service if there is one. Raises one of REFUSALS."""
        row.save()
        kind = row._meta.verbose_name_raw.replace(" ", "_")  # as services name it: storage_domain
        audit.record(actor_of(request), f"{kind}.{'edit' if change else 'create'}", row, Outcome.DONE)
        saved: Model = row
        return saved

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """After a refusal, the form that says why."""
        form_class = super().get_form(request, obj, change=change, **kwargs)
        error = refusal(request)
        return refused_form(form_class, error) if error else form_class

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm[Any], change: bool) -> None:
        """Save, or remember why not: an exception here would also undo the audit trail's entry."""
        try:
            saved = self.save_through_service(request, obj, form, change)
        except REFUSALS as error:
            request.refusal = error  # type: ignore[attr-defined]
        else:
            obj.pk, obj._state.adding = saved.pk, False

    def save_related(self, request: HttpRequest, form: Any, formsets: Sequence[Any], change: bool) -> None:
        """Inlines, unless the row itself was refused."""
        if not refusal(request):
            super().save_related(request, form, formsets, change)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """After a refusal, the form again with what was typed; it is not valid any more, see get_form."""
        if refusal(request):
            return self.changeform_view(request)
        return super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """After a refusal, the form again with what was typed; it is not valid any more, see get_form."""
        if refusal(request):
            return self.changeform_view(request, str(obj.pk))
        return super().response_change(request, obj)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """Nothing: see log_addition. It would also stumble over inlines that a refusal left out."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Nothing: the audit trail is the one record."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Nothing: the audit trail is the one record."""


class ReadOnlyAdmin(OperatorAdmin):
    """Rows to look at. What may be done with them is in the action menu."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Made elsewhere."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is typed here."""
        return False


class ReadOnlyInline(TabularInline):
    """Rows of another table, to look at."""

    extra = 0
    can_delete = False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Whatever is shown, columns or not."""
        return self.fields or ()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Made elsewhere."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Changed elsewhere."""
        return False
