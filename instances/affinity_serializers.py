"""Affinity groups as the API shows and takes them."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cloudia.accounts.selectors import projects_visible_to
from cloudia.api.fields import ActionsField, Flag, Input, Ref, Reference, Text, Time, VerdictSerializer
from cloudia.core.rows import MAX_DESCRIPTION, MAX_NAME
from instances import affinity_policies as policies
from instances.affinity_models import AffinityGroup
from instances.enums import AffinityPolicy


@extend_schema_field(serializers.DictField(child=VerdictSerializer()))
class AffinityGroupActions(ActionsField):
    """Edit and delete."""


class AffinityGroupSerializer(serializers.Serializer[AffinityGroup]):
    """An affinity group; ``kept`` says whether its members are where its rule wants them, null while it is off."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(read_only=True)
    description = serializers.CharField(read_only=True)
    project = Reference(read_only=True)
    policy = serializers.ChoiceField(choices=AffinityPolicy.choices, read_only=True)
    hard = serializers.BooleanField(read_only=True)
    enabled = serializers.BooleanField(read_only=True)
    kept = serializers.BooleanField(source="is_kept", read_only=True, allow_null=True)
    members = Reference(many=True, read_only=True)
    created_at = Time(read_only=True)
    actions = AffinityGroupActions(policies.AFFINITY_ACTIONS)


class AffinityGroupEdit(Input):
    """What can be changed of a group."""

    name = Text(max_length=MAX_NAME)
    description = Text(max_length=MAX_DESCRIPTION, allow_blank=True, required=False)
    policy = serializers.ChoiceField(choices=AffinityPolicy.choices)
    hard = Flag(required=False)
    enabled = Flag(required=False)


class AffinityGroupCreate(AffinityGroupEdit):
    """A new group."""

    project = Ref(projects_visible_to)
