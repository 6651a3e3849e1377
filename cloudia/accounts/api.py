"""``/api/v1/projects/``, ``/api/v1/tokens/`` and ``/api/v1/me/``."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cloudia.accounts import quotas, serializers, services
from cloudia.accounts.actor import Actor
from cloudia.accounts.filtersets import ProjectFilter, TokenFilter
from cloudia.accounts.models import ApiToken, Project, User
from cloudia.accounts.selectors import projects_visible_to
from cloudia.api.router import router
from cloudia.api.viewsets import ApiViewSet, EditViewSet, ReadViewSet


@extend_schema_view(
    list=extend_schema(summary="List projects"),
    retrieve=extend_schema(summary="Read a project"),
    partial_update=extend_schema(
        summary="Edit a project", request=serializers.ProjectInput, responses=serializers.ProjectSerializer
    ),
)
class ProjectViewSet(EditViewSet):
    """Projects: who owns what. Operators make and change them."""

    queryset = Project.objects.none()
    selector = projects_visible_to
    serializer_class = serializers.ProjectSerializer
    filterset_class = ProjectFilter
    edit_serializer = serializers.ProjectInput
    editable = ("name", "description")

    @extend_schema(
        summary="Create a project", request=serializers.ProjectInput, responses={201: serializers.ProjectSerializer}
    )
    def create(self, request: Request) -> Response:
        """Without members; operators add them."""
        project = services.project_create(actor=self.actor, **self.parsed(serializers.ProjectInput))
        return self.answer(project, status.HTTP_201_CREATED)

    def edit(self, row: Any, changes: dict[str, Any]) -> Project:
        """Name and description."""
        return services.project_edit(actor=self.actor, project=row, **changes)

    @extend_schema(summary="List the quotas of a project", responses=serializers.QuotaSerializer(many=True))
    @action(detail=True, filterset_class=None, pagination_class=None)
    def quotas(self, request: Request, pk: str) -> Response:
        """What is limited, how much of it there is, and how much there may be."""
        levels: Any = quotas.levels(self.get_object())
        return Response(serializers.QuotaSerializer(levels, many=True).data)


def own_tokens(actor: Actor) -> QuerySet[ApiToken]:
    """Tokens are everybody's own affair, operators' too."""
    return ApiToken.objects.filter(user=actor.user).select_related("user")


@extend_schema_view(list=extend_schema(summary="List your tokens"), retrieve=extend_schema(summary="Read a token"))
class TokenViewSet(ReadViewSet):
    """Your API tokens."""

    queryset = ApiToken.objects.none()
    selector = own_tokens
    serializer_class = serializers.TokenSerializer
    filterset_class = TokenFilter

    @extend_schema(
        summary="Create a token", request=serializers.TokenInput, responses={201: serializers.NewTokenSerializer}
    )
    def create(self, request: Request) -> Response:
        """Its text is in `token`, and nowhere else ever again."""
        wish = self.parsed(serializers.TokenInput)
        token, plain = services.token_create(actor=self.actor, user=self.actor.user, **wish)
        return Response({**self.get_serializer(token).data, "token": plain}, status.HTTP_201_CREATED)

    @extend_schema(summary="Revoke a token", responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """At once, also the one that asks."""
        services.token_revoke(actor=self.actor, token=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)


class MeViewSet(ApiViewSet):
    """Yourself: who you are here and what you belong to."""

    queryset = User.objects.none()
    serializer_class = serializers.MeSerializer
    filterset_class = None
    pagination_class = None

    @extend_schema(summary="Read yourself", operation_id="me_retrieve", responses=serializers.MeSerializer)
    def list(self, request: Request) -> Response:
        """Your account, your projects with your roles, and the token that asks."""
        user = User.objects.prefetch_related("memberships__project").get(pk=self.actor.user.pk)
        return Response(self.get_serializer(user).data)


router.register("projects", ProjectViewSet, basename="project")
router.register("tokens", TokenViewSet, basename="token")
router.register("me", MeViewSet, basename="me")
