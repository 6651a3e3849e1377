"""Serializer fields that take JSON at its word: a number is a number, not a string that looks like one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.fields import empty

from cloudia.accounts.actor import Actor
from cloudia.api.authentication import actor_of
from cloudia.api.errors import printable
from cloudia.core.policy import Action, verdicts


class Text(serializers.CharField):
    """A string."""

    def to_internal_value(self, data: Any) -> str:
        """Refuses numbers."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Whole(serializers.IntegerField):
    """A whole number."""

    def to_internal_value(self, data: Any) -> int:
        """Refuses strings, booleans and fractions."""
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


class Ratio(serializers.DecimalField):
    """A number with decimals."""

    def to_internal_value(self, data: Any) -> Decimal:
        """Refuses strings and booleans."""
        if not isinstance(data, int | float) or isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """True or false."""

    def to_internal_value(self, data: Any) -> bool:
        """Refuses everything else, also ``"yes"`` and ``1``."""
        if not isinstance(data, bool):
            self.fail("invalid", input=printable(data)[:64])
        return data


class Time(serializers.DateTimeField):
    """A moment in UTC, as ISO 8601; one that names no zone is UTC."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default_timezone=UTC, **kwargs)

    def to_internal_value(self, value: Any) -> datetime:
        """Refuses what is no string."""
        if not isinstance(value, str):
            self.fail("invalid", format="ISO 8601")
        return super().to_internal_value(value)


@extend_schema_field(OpenApiTypes.UUID)
class Ref(serializers.PrimaryKeyRelatedField[Any]):
    """The id of something that the actor can see; ``selector`` says what that is."""

    def __init__(self, selector: Callable[[Actor], QuerySet[Any]] | None = None, **kwargs: Any) -> None:
        self.selector = selector
        if selector is None:
            kwargs["read_only"] = True
        super().__init__(pk_field=serializers.UUIDField(), **kwargs)

    def get_queryset(self) -> QuerySet[Any] | None:
        """Only what is visible: the invisible and the unknown are told apart by nobody."""
        return self.selector(actor_of(self.context["request"])) if self.selector else None

    def run_validation(self, data: Any = empty) -> Any:
        """The empty string is a bad id, not the null that the framework makes of it."""
        return self.to_internal_value(data) if data == "" else super().run_validation(data)

    def to_internal_value(self, data: Any) -> Any:
        """Refuses what is no string before the UUID field makes one of it."""
        if not isinstance(data, str):
            self.fail("incorrect_type", data_type=type(data).__name__)
        return super().to_internal_value(data)


class Reference(serializers.Serializer[Any]):
    """Something else, as it is read."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(read_only=True)


class Input(serializers.Serializer[Any]):
    """What a client sends. Nothing is ignored: a field that is not known is an error at that field.

    ``later`` names fields of the contract that this version does not have yet.
    """

    later: ClassVar[frozenset[str]] = frozenset()

    def to_internal_value(self, data: Any) -> Any:
        """All errors at once."""
        refused = self._refused(data) if isinstance(data, Mapping) else {}
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            detail = error.detail if isinstance(error.detail, dict) else {}
            raise serializers.ValidationError({**detail, **refused}) from None
        if refused:
            raise serializers.ValidationError(refused)
        return value

    def _refused(self, data: Mapping[str, Any]) -> dict[str, list[ErrorDetail]]:
        return {name: [self._refusal(name)] for name in data if name not in self.fields}

    def _refusal(self, name: str) -> Any:
        if name in self.later:
            return ErrorDetail(_("This is not supported yet."), "not_supported")
        return ErrorDetail(_("There is no such field."), "unknown_field")


class VerdictSerializer(serializers.Serializer[Any]):
    """Whether an action may be done now, and if not, why not."""

    allowed = serializers.BooleanField(read_only=True)
    code = serializers.CharField(read_only=True, allow_null=True)
    reason = serializers.CharField(read_only=True, allow_null=True)


def published_verdicts(actions: Any, row: Any, actor: Actor) -> dict[str, dict[str, Any]]:
    """``actions`` of a representation: the same verdicts that the toolbar shows and the services enforce."""
    return {name: _published(verdict.denial) for name, verdict in verdicts(actions, row, actor).items()}


def _published(denial: Any) -> dict[str, Any]:
    if denial is None:
        return {"allowed": True, "code": None, "reason": None}
    return {"allowed": False, "code": denial.code, "reason": str(denial.message)}


class ActionsField(serializers.Field[Any, Any, Any, Any]):
    """``{"start": {"allowed": false, "code": "bad_state", "reason": "…"}, …}``."""

    def __init__(self, actions: list[Action] | tuple[Action, ...]) -> None:
        self.actions = actions
        super().__init__(source="*", read_only=True)

    def to_representation(self, row: Any) -> dict[str, dict[str, Any]]:
        """The verdicts for whoever asks."""
        return published_verdicts(self.actions, row, actor_of(self.context["request"]))
