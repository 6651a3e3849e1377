"""``/api/v1/security-groups/`` and ``/api/v1/traces/``: what passes, and why not."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cloudia.accounts.actor import Actor
from cloudia.api.viewsets import ApiViewSet, ResourceViewSet
from cloudia.core.ids import is_uuid
from cloudia.jobs.api import accepted
from cloudia.jobs.serializers import JobSerializer
from networking import traffic_serializers as serializers
from networking.filtersets import SecurityGroupFilter
from networking.models import SecurityGroup, SecurityGroupRule, Trace
from networking.services import groups, traces
from networking.services.rules import RuleWish

RULE_ID = OpenApiParameter("rule_id", OpenApiTypes.UUID, OpenApiParameter.PATH)


def groups_to_show(actor: Actor) -> QuerySet[SecurityGroup]:
    """Visible groups with their numbers."""
    return SecurityGroup.objects.visible_to(actor).for_display()


def rules_of(group: SecurityGroup) -> QuerySet[SecurityGroupRule]:
    """A group's rules with what a representation names."""
    return group.rules.select_related("group", "remote_group")


@extend_schema_view(
    list=extend_schema(summary="List security groups"),
    retrieve=extend_schema(summary="Read a security group"),
    partial_update=extend_schema(
        summary="Edit a security group", request=serializers.GroupEdit, responses=serializers.SecurityGroupSerializer
    ),
    destroy=extend_schema(summary="Delete a security group"),
)
class SecurityGroupViewSet(ResourceViewSet):
    """Security groups: what their members let in and out."""

    queryset = SecurityGroup.objects.none()
    selector = groups_to_show
    serializer_class = serializers.SecurityGroupSerializer
    filterset_class = SecurityGroupFilter
    edit_serializer = serializers.GroupEdit
    editable = ("name", "description", "changed_at")

    @extend_schema(
        summary="Create a security group",
        request=serializers.GroupCreate,
        responses={201: serializers.SecurityGroupSerializer},
    )
    def create(self, request: Request) -> Response:
        """It lets everything out and nothing in."""
        return self.made(groups.group_create(actor=self.actor, **self.parsed(serializers.GroupCreate)))

    def edit(self, row: Any, changes: dict[str, Any]) -> SecurityGroup:
        """Name and description."""
        return groups.group_edit(actor=self.actor, group=row, **changes)

    def remove(self, row: Any) -> None:
        """One that nothing uses."""
        groups.group_delete(actor=self.actor, group=row)

    @extend_schema(summary="List the rules of a security group", responses=serializers.RuleSerializer(many=True))
    @action(detail=True, filterset_class=None)
    def rules(self, request: Request, pk: str) -> Response:
        """What the group lets through."""
        return self.page(rules_of(self.get_object()), serializers.RuleSerializer)

    @extend_schema(
        summary="Add a rule to a security group",
        request=serializers.RuleCreate,
        responses={201: serializers.RuleSerializer},
    )
    @rules.mapping.post
    def add_rule(self, request: Request, pk: str) -> Response:
        """It acts on running instances at once."""
        group = self.get_object()
        wish = RuleWish(**self.parsed(serializers.RuleCreate))
        made = groups.rule_create(actor=self.actor, group=group, rule=wish)
        return Response(serializers.RuleSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(summary="Read a rule", parameters=[RULE_ID], responses=serializers.RuleSerializer)
    @action(detail=True, filterset_class=None, url_path="rules/(?P<rule_id>[^/.]+)")
    def rule(self, request: Request, pk: str, rule_id: str) -> Response:
        """One thing that the group lets through."""
        return Response(serializers.RuleSerializer(self._rule(rule_id)).data)

    @extend_schema(summary="Remove a rule from a security group", parameters=[RULE_ID], responses={204: None})
    @rule.mapping.delete
    def remove_rule(self, request: Request, pk: str, rule_id: str) -> Response:
        """Connections that only it let through end at once."""
        rule = self._rule(rule_id)
        groups.rule_delete(actor=self.actor, group=rule.group, rule=rule)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _rule(self, rule_id: str) -> SecurityGroupRule:
        """A rule of the group that the address names."""
        rows = rules_of(self.get_object())
        if not is_uuid(rule_id):
            raise Http404
        return get_object_or_404(rows, pk=rule_id)


def traces_to_show(actor: Actor) -> QuerySet[Trace]:
    """Visible traces with both ends."""
    names = ("project", "source__subnet__vpc__external_network", "destination__subnet")
    return Trace.objects.visible_to(actor).select_related(*names)


class TraceViewSet(ApiViewSet):
    """Traces: does a packet arrive, and which rule decides? Kept for a day."""

    queryset = Trace.objects.none()
    selector = traces_to_show
    serializer_class = serializers.TraceSerializer
    filterset_class = None

    @extend_schema(summary="Trace a packet", request=serializers.TraceCreate, responses={202: JobSerializer})
    def create(self, request: Request) -> Response:
        """Ask; the job's `target.id` is the trace, which has the answer when the job is done."""
        return accepted(self, traces.trace_create(actor=self.actor, **self.parsed(serializers.TraceCreate)))

    @extend_schema(summary="Read a trace")
    def retrieve(self, request: Request, pk: str) -> Response:
        """The question, and the answer once there is one."""
        return Response(self.get_serializer(self.get_object()).data)
