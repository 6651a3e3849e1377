"""What a request needs before any policy is asked."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from cloudia.api.authentication import actor_of


class TokenScope(BasePermission):
    """A read-only token only reads, whatever its owner may do."""

    message = _("This token is read-only.")
    code = "read_only_token"

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether the token's scope covers the method."""
        return request.method in SAFE_METHODS or not actor_of(request).read_only


class IsOperator(BasePermission):
    """For what belongs to the installation rather than to a project."""

    message = _("Only operators of the installation may do this.")

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether an operator asks."""
        return actor_of(request).is_operator
