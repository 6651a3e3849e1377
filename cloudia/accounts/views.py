"""내 계정: the profile, the password and the API tokens of the one who asks."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cloudia.accounts import audit, services
from cloudia.accounts.enums import Outcome
from cloudia.accounts.forms import TokenForm
from cloudia.accounts.models import ApiToken
from cloudia.core.errors import InputError
from cloudia.core.policy import ActionDenied
from cloudia.ui.requests import actor_of


@login_required
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """The page with everything on it."""
    return _page(request)


@login_required
@never_cache
@require_POST
def token_create(request: HttpRequest) -> HttpResponse:
    """Make a token; its text is on the page that answers, and nowhere else ever again."""
    actor, form = actor_of(request), TokenForm(request.POST)
    if form.is_valid():
        try:
            token, plain = services.token_create(actor=actor, user=actor.user, **form.wish())
        except InputError as error:
            form.take(error)
        except ActionDenied as error:
            form.add_error(None, str(error.denial.message))
        else:
            return _page(request, created=token, plain=plain)
    return _page(request, status=422, token_form=form)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def token_revoke(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask (GET) or do (POST). Only of one's own tokens: another's are 404."""
    actor = actor_of(request)
    token = get_object_or_404(ApiToken, pk=pk, user=actor.user)
    if request.method != "POST":
        return render(request, "accounts/revoke.html", {"token": token})
    try:
        services.token_revoke(actor=actor, token=token)
    except ActionDenied as error:
        messages.error(request, str(error.denial.message))
    else:
        messages.success(request, _("Revoked: %(token)s") % {"token": token})
    return redirect("account")


@login_required
@sensitive_post_parameters()
@require_POST
def password_change(request: HttpRequest) -> HttpResponse:
    """Another password; other sessions of this person end, this one goes on."""
    actor = actor_of(request)
    form = PasswordChangeForm(actor.user, request.POST)
    if not form.is_valid():
        return _page(request, status=422, password_form=form)
    form.save()
    update_session_auth_hash(request, actor.user)
    audit.record(actor, "user.change_password", actor.user, Outcome.DONE)
    messages.success(request, _("Your password was changed."))
    return redirect("account")


def _page(request: HttpRequest, status: int = 200, **context: Any) -> HttpResponse:
    actor = actor_of(request)
    memberships = actor.user.memberships.select_related("project").order_by("project__name")
    context.setdefault("token_form", TokenForm())
    context.setdefault("password_form", PasswordChangeForm(actor.user))
    context |= {"memberships": memberships, "tokens": actor.user.tokens.all(), "now": timezone.now()}
    return render(request, "accounts/account.html", context, status=status)
