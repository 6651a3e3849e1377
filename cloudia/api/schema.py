"""OpenAPI: what drf-spectacular finds out by itself, and what every operation has in common: errors and headers."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent

from cloudia.api import idempotency
from cloudia.api.codes import codes_of
from cloudia.api.fields import Input

FIELD_ERROR = {
    "type": "object",
    "required": ["code", "detail"],
    "properties": {"code": {"type": "string"}, "detail": {"type": "string"}},
}
NAMED = {"type": "object", "additionalProperties": True}
ERROR = {
    "type": "object",
    "required": ["code", "detail"],
    "properties": {
        "code": {"type": "string", "description": "Stable."},
        "detail": {"type": "string", "description": "One sentence for people, in the language of Accept-Language."},
        "fields": {
            "type": "object",
            "description": "By dotted path, like `interfaces.0.ip_address`; the empty path is the whole.",
            "additionalProperties": {"type": "array", "items": FIELD_ERROR},
        },
        "job": {**NAMED, "description": "The job that has it, where `code` is `busy`."},
        "holder": {**NAMED, "description": "What stands in the way: `type`, `id`, `name`."},
    },
}
ALWAYS = (400, 401, 403, 404, 406)
WRITES = (409, 413, 415, 503)
BY_METHOD: dict[str, tuple[int, ...]] = {"GET": (), "POST": (*WRITES, 422), "PATCH": (*WRITES, 412), "DELETE": WRITES}


class Schema(AutoSchema):
    """One description of errors for all, so that no operation forgets its own."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """The operation with its errors and headers."""
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        for status in sorted({*ALWAYS, *BY_METHOD[self.method], *getattr(self.view, "also_answers", ())}):
            operation["responses"].setdefault(str(status), self._error(status))
        operation.setdefault("parameters", []).extend(self._headers())
        self._describe_answer_headers(operation["responses"])
        return operation

    def _error(self, status: int) -> dict[str, Any]:
        component = _component()
        self.registry.register_on_missing(component)
        meanings = "\n".join(f"- `{code}`: {meaning}" for code, meaning in codes_of(status).items())
        return {"description": meanings, "content": {"application/json": {"schema": component.ref}}}

    def _headers(self) -> list[dict[str, Any]]:
        if self.method == "POST":
            key = {"type": "string", "minLength": 1, "maxLength": idempotency.MAX_KEY, "pattern": "^[!-~]+$"}
            text = "The same key and body have one effect and give the same answer for 24 hours."
            return [{"name": idempotency.HEADER, "in": "header", "schema": key, "description": text}]
        if self.method == "PATCH" and _has_tag(self.view):
            text = "The `ETag` that was read: refuses to overwrite what changed since."
            return [{"name": "If-Match", "in": "header", "schema": {"type": "string"}, "description": text}]
        return []

    def _describe_answer_headers(self, responses: dict[str, Any]) -> None:
        link = {"schema": {"type": "string"}, "description": "The address of the job."}
        tag = {"schema": {"type": "string"}, "description": "For `If-Match`."}
        if "202" in responses:
            responses["202"]["headers"] = {"Location": link}
        if "200" in responses and _has_tag(self.view) and not self._is_list_view():
            responses["200"]["headers"] = {"ETag": tag}

    def _postprocess_serializer_schema(self, schema: Any, serializer: Any, direction: Any) -> Any:
        """Inputs take no other fields."""
        done = super()._postprocess_serializer_schema(schema, serializer, direction)  # type: ignore[no-untyped-call]
        return {**done, "additionalProperties": False} if isinstance(serializer, Input) else done


def _component() -> ResolvedComponent:
    # drf-spectacular has annotations only here and there
    return ResolvedComponent(  # type: ignore[no-untyped-call]
        name="Error", type=ResolvedComponent.SCHEMA, schema=ERROR, object="Error"
    )


def _has_tag(view: Any) -> bool:
    return bool(getattr(view, "editable", ()))


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its metaclass has no types
    """The same for OpenAPI."""

    target_class = "cloudia.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """A header, because ``Token`` is no scheme that OpenAPI knows."""
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": "`Token <your token>`"}
