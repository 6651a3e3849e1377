"""Projects, tokens and oneself as the API shows and takes them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from cloudia.accounts.enums import Origin, Role
from cloudia.accounts.models import ApiToken, Membership, Project, User
from cloudia.accounts.policies import EDIT_PROJECT, REVOKE_TOKEN
from cloudia.accounts.quotas import Level
from cloudia.api.authentication import actor_of
from cloudia.api.fields import ActionsField, Input, Text, Time, VerdictSerializer

MAX_NAME = 128
MAX_DESCRIPTION = 2000


@extend_schema_field(serializers.DictField(child=VerdictSerializer()))
class AccountActions(ActionsField):
    """What may be done."""


class ProjectSerializer(serializers.Serializer[Project]):
    """A project; ``role`` is what you are in it, or null for an operator who is no member."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(read_only=True)
    description = serializers.CharField(read_only=True)
    role = serializers.SerializerMethodField()
    created_at = Time(read_only=True)
    actions = AccountActions([EDIT_PROJECT])

    @extend_schema_field(serializers.ChoiceField(choices=Role.choices, allow_null=True))
    def get_role(self, project: Project) -> str | None:
        """The role of whoever asks."""
        return actor_of(self.context["request"]).roles.get(project.pk)


class AmountField(serializers.FloatField):
    """A number that is whole where it can be: ``3``, not ``3.0``."""

    def to_representation(self, value: float) -> Any:
        """As it is."""
        return int(value) if value == int(value) else value


class QuotaSerializer(serializers.Serializer[Level]):
    """How far a project has used up what it may have of something."""

    resource = serializers.CharField(source="resource.name", read_only=True)
    label = serializers.CharField(  # type: ignore[assignment]  # a field's name, not its option
        source="resource.label", read_only=True
    )
    used = AmountField(read_only=True)
    limit = serializers.IntegerField(read_only=True)


class ProjectInput(Input):
    """A new project, or what can be changed of one."""

    name = Text(max_length=MAX_NAME)
    description = Text(max_length=MAX_DESCRIPTION, allow_blank=True, required=False)


class MembershipSerializer(serializers.Serializer[Membership]):
    """A project and one's role in it."""

    id = serializers.UUIDField(source="project_id", read_only=True)
    name = serializers.CharField(source="project.name", read_only=True)
    role = serializers.ChoiceField(choices=Role.choices, read_only=True)


class TokenSerializer(serializers.Serializer[ApiToken]):
    """A token; its text is never shown again."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(read_only=True)
    scope = serializers.ChoiceField(choices=ApiToken.Scope.choices, read_only=True)
    prefix = serializers.CharField(read_only=True)
    expires_at = Time(read_only=True)
    last_used_at = Time(read_only=True, allow_null=True)
    created_at = Time(read_only=True)
    actions = AccountActions([REVOKE_TOKEN])


class NewTokenSerializer(TokenSerializer):
    """A token that was just made, with its text: shown this once."""

    token = serializers.CharField(read_only=True)


class TokenInput(Input):
    """A new token for oneself."""

    name = Text(max_length=MAX_NAME)
    scope = serializers.ChoiceField(choices=ApiToken.Scope.choices, required=False)
    expires_at = Time(required=False)


@extend_schema_serializer(many=False)
class MeSerializer(serializers.Serializer[User]):
    """Oneself."""

    id = serializers.UUIDField(read_only=True)
    username = serializers.CharField(read_only=True)
    display_name = serializers.CharField(read_only=True)
    email = serializers.CharField(read_only=True)
    is_operator = serializers.BooleanField(read_only=True)
    is_service = serializers.BooleanField(read_only=True)
    origin = serializers.ChoiceField(choices=Origin.choices, read_only=True)
    projects = MembershipSerializer(source="memberships.all", many=True, read_only=True)
    token = serializers.SerializerMethodField()

    @extend_schema_field(TokenSerializer(allow_null=True))
    def get_token(self, user: User) -> Any:
        """The token that asks; null in a session."""
        token = actor_of(self.context["request"]).token
        return TokenSerializer(token, context=self.context).data if token else None
