"""Launch templates as the API shows and takes them, and what they fill in."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cloudia.accounts.selectors import projects_visible_to
from cloudia.api.fields import ActionsField, Input, Ref, Reference, Text, Time, VerdictSerializer
from cloudia.core.rows import MAX_DESCRIPTION, MAX_NAME
from instances import policies
from instances.launch_templates import LaunchTemplate
from instances.serializers import InstanceCreate


@extend_schema_field(serializers.DictField(child=VerdictSerializer()))
class LaunchTemplateActions(ActionsField):
    """Create an instance of it, edit and delete it."""


@extend_schema_field(OpenApiTypes.OBJECT)
class ContentField(serializers.JSONField):
    """What a request for an instance may have, without name, password and chosen addresses."""


class LaunchTemplateSerializer(serializers.Serializer[LaunchTemplate]):
    """A launch template; ``content`` is what ``POST instances/`` takes from it."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(read_only=True)
    description = serializers.CharField(read_only=True)
    project = Reference(read_only=True)
    content = ContentField(read_only=True)
    created_at = Time(read_only=True)
    actions = LaunchTemplateActions(policies.TEMPLATE_ACTIONS)


class TemplateContent(InstanceCreate):
    """An instance as it shall be made. Password, chosen addresses and volumes that are there are not kept."""

    name = None  # type: ignore[assignment]  # how the framework leaves out an inherited field
    project = None  # type: ignore[assignment]
    launch_template = None  # type: ignore[assignment]


class LaunchTemplateEdit(Input):
    """What can be changed of a template."""

    name = Text(max_length=MAX_NAME)
    description = Text(max_length=MAX_DESCRIPTION, allow_blank=True, required=False)


class LaunchTemplateCreate(LaunchTemplateEdit):
    """A new template."""

    project = Ref(projects_visible_to)
    content = TemplateContent()
