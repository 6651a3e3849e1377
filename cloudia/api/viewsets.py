"""What every resource is made of: start from what is visible, take JSON, call one service, answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.parsers import JSONParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from cloudia.accounts.actor import Actor
from cloudia.api import idempotency
from cloudia.api.authentication import actor_of
from cloudia.api.etag import check_if_match, etag_of
from cloudia.api.fields import Input
from cloudia.api.models import IdempotencyKey
from cloudia.api.permissions import TokenScope
from cloudia.api.streaming import is_streamed
from cloudia.core.ids import is_uuid


class ApiViewSet(GenericViewSet[Any]):
    """Requests in, responses out. Subclasses say what is visible by ``selector``."""

    permission_classes = [IsAuthenticated, TokenScope]
    parser_classes = [JSONParser]
    http_method_names = ["get", "head", "options", "post", "patch", "delete"]
    selector: ClassVar[Callable[[Actor], QuerySet[Any]]]
    claim: IdempotencyKey | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """One transaction where the headers ask for one; errors are answers by then, so their audit entries stay."""
        if idempotency.HEADER not in request.headers and "If-Match" not in request.headers:
            return super().dispatch(request, *args, **kwargs)
        with transaction.atomic():
            response = super().dispatch(request, *args, **kwargs)
            if response.status_code == 500:
                transaction.set_rollback(True)
            return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """After the request was let in: has it been answered before?"""
        if not is_streamed(request._request):
            _ = request._request.body  # read it here, where one that is too large becomes an answer
        super().initial(request, *args, **kwargs)
        self.claim = idempotency.claim(request, self.actor.user)

    def handle_exception(self, exc: Exception) -> Response:
        """An answer given before is an answer."""
        return exc.response if isinstance(exc, idempotency.Replay) else super().handle_exception(exc)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        """Keep the answer for the next one who shows the same key."""
        if self.claim and response.status_code != 500:
            idempotency.settle(self.claim, response)
        return super().finalize_response(request, response, *args, **kwargs)

    @property
    def actor(self) -> Actor:
        """Whoever asks."""
        return actor_of(self.request)

    def get_queryset(self) -> QuerySet[Any]:
        """What the actor can see."""
        if getattr(self, "swagger_fake_view", False):  # the schema is made without a request
            return super().get_queryset()
        return type(self).selector(self.actor)

    def get_object(self) -> Any:
        """The visible object, ready to be shown."""
        return self.found_in(self.get_queryset())

    def found_in(self, visible: QuerySet[Any]) -> Any:
        """The object the address names; 404 also for what can't be an id. Filters are for lists."""
        pk = self.kwargs["pk"]
        if not is_uuid(pk):
            raise Http404
        return get_object_or_404(visible, pk=pk)

    def parsed(self, serializer: type[Input], **kwargs: Any) -> dict[str, Any]:
        """The request's body, valid; raises ValidationError naming every field that is not."""
        body = serializer(data=self.request.data, context=self.get_serializer_context(), **kwargs)
        body.is_valid(raise_exception=True)
        return dict(body.validated_data)

    def parsed_nothing(self) -> None:
        """For requests that say everything by their address: a body, if there is one, has no fields."""
        self.parsed(Input)

    def page(self, rows: QuerySet[Any], serializer: type[Any]) -> Response:
        """A sub-list."""
        page = self.paginate_queryset(rows)
        body = serializer(page, many=True, context=self.get_serializer_context())
        return self.get_paginated_response(body.data)


class ReadViewSet(mixins.ListModelMixin, ApiViewSet):
    """List and read. ``editable`` names what the ``ETag`` is about."""

    editable: ClassVar[tuple[str, ...]] = ()

    def retrieve(self, request: Request, pk: str) -> Response:
        """Read one."""
        return self.answer(self.get_object())

    def facts(self, row: Any) -> dict[str, Any]:
        """What can be edited of it, as it is."""
        return {name: getattr(row, name) for name in self.editable}

    def answer(self, row: Any, status: int = 200) -> Response:
        """One object, with its tag."""
        headers = {"ETag": etag_of(self.facts(row))} if self.editable else None
        return Response(self.get_serializer(row).data, status=status, headers=headers)


class EditViewSet(ReadViewSet):
    """Also change: ``edit_serializer`` says what may be sent, ``edit`` calls the service."""

    edit_serializer: ClassVar[type[Input]]
    partial: ClassVar[bool] = True  # whether what it requires is required of a change, too

    def edit(self, row: Any, changes: dict[str, Any]) -> Any:
        """Call the service that changes ``row``; returns the changed row."""
        raise NotImplementedError  # each subclass has its own

    def hold(self, row: Any) -> None:
        """Keep others from editing ``row`` until the transaction ends; joins can't be locked with it."""
        type(row)._base_manager.select_for_update().filter(pk=row.pk).first()

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change what is sent."""
        row = self.get_object()
        changes = self.parsed(self.edit_serializer, partial=self.partial)
        if "If-Match" in request.headers:
            self.hold(row)
            row = self.get_object()
            check_if_match(request, etag_of(self.facts(row)))
        return self.changed(row, changes)

    def changed(self, row: Any, changes: dict[str, Any]) -> Response:
        """The answer to a change: the row as it is then."""
        self.edit(row, changes)
        return self.answer(self.get_object())


class ResourceViewSet(EditViewSet):
    """Also make and remove, both at once: no job is needed."""

    def made(self, row: Any) -> Response:
        """201: a new one, as it is read."""
        return self.answer(self.get_queryset().get(pk=row.pk), 201)

    def remove(self, row: Any) -> None:
        """Call the service that removes ``row``."""
        raise NotImplementedError  # each subclass has its own

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Remove it, unless something uses it."""
        self.remove(self.get_object())
        return Response(status=204)
