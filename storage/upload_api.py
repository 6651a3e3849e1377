"""``/api/v1/images/uploads/``: images whose files come in piece by piece, by tus 1.0.

https://tus.io/protocols/resumable-upload, with the extensions creation, termination and expiration.
"""

from __future__ import annotations

import base64
import binascii
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.http import http_date
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from cloudia.api.errors import PreconditionFailed
from cloudia.api.streaming import CONTENT_TYPE, body_of
from cloudia.api.viewsets import ApiViewSet
from cloudia.core.errors import InputError
from storage import image_serializers as serializers
from storage.models import Upload
from storage.selectors import uploads_visible_to
from storage.services import images, uploads

VERSION = "1.0.0"
EXTENSIONS = "creation,termination,expiration"
SPEAKING = ("POST", "HEAD", "PATCH", "DELETE")
MAX_DIGITS = 19  # of numbers in headers


class TusHeader(OpenApiParameter):
    """A header of the protocol. Without one the answer is 400, or 412 if the version of the protocol is missing."""

    def __init__(self, name: str, description: str) -> None:
        super().__init__(name, OpenApiTypes.STR, OpenApiParameter.HEADER, description=description)


SPOKEN = TusHeader("Tus-Resumable", "`1.0.0`, on every request but GET and OPTIONS.")
OFFSET = TusHeader("Upload-Offset", "Where the body begins: what HEAD says.")
LENGTH = TusHeader("Upload-Length", "Of the whole file, in bytes.")
METADATA = TusHeader(
    "Upload-Metadata",
    "`key base64(value)` pairs, separated by commas: `name`, `storage_domain` (an id), `project` (an id; without one "
    "the image is public), `description`, `os_type`, `os_version`, `sha256` (in hex).",
)


class UploadViewSet(ApiViewSet):
    """Uploads of images."""

    queryset = Upload.objects.none()
    selector = uploads_visible_to
    serializer_class = serializers.UploadSerializer
    pagination_class = None
    also_answers = (status.HTTP_412_PRECONDITION_FAILED,)
    filter_backends = ()

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """What comes in is recorded as it comes, so no transaction lasts as long as a request."""
        if request.method == "PATCH":
            return super(ApiViewSet, self).dispatch(request, *args, **kwargs)
        return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """The version of the protocol must be ours, where it is spoken."""
        super().initial(request, *args, **kwargs)
        spoken = request.headers.get("Tus-Resumable")
        if self.action and request.method in SPEAKING and spoken != VERSION:
            raise PreconditionFailed(_("Speak version %(version)s of the tus protocol.") % {"version": VERSION})

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        """Every answer says which version is spoken here."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer["Tus-Resumable"] = VERSION
        if answer.status_code in (status.HTTP_412_PRECONDITION_FAILED, status.HTTP_204_NO_CONTENT):
            answer["Tus-Version"] = VERSION
        return answer

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """What is understood here."""
        headers = {
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(uploads.most_bytes()),
        }
        return Response(status=status.HTTP_204_NO_CONTENT, headers=headers)

    @extend_schema(
        summary="Begin to upload an image",
        parameters=[SPOKEN, LENGTH, METADATA],
        request=None,
        responses={201: serializers.UploadSerializer},
    )
    def create(self, request: Request) -> Response:
        """The image is there at once, and waits for its file; ``Location`` is where that goes."""
        length = _number(request, "Upload-Length")
        if length > uploads.most_bytes():
            raise _TooLarge
        given = serializers.UploadCreate(data=_metadata(request), context=self.get_serializer_context())
        given.is_valid(raise_exception=True)
        image = uploads.upload_create(actor=self.actor, length_bytes=length, **given.validated_data)
        upload = self.get_queryset().get(image=image)
        place = {"Location": request.build_absolute_uri(reverse("api:upload-detail", args=[upload.pk]))}
        return Response(self.get_serializer(upload).data, status=201, headers=place | self._where(upload))

    @extend_schema(summary="Read how far an upload is", responses=serializers.UploadSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        """HEAD, which the protocol asks with, has the same in headers."""
        upload = self.get_object()
        headers = self._where(upload) | {"Upload-Length": str(upload.length_bytes), "Cache-Control": "no-store"}
        return Response(self.get_serializer(upload).data, headers=headers)

    @extend_schema(
        summary="Send bytes of an upload",
        parameters=[SPOKEN, OFFSET],
        request={CONTENT_TYPE.decode(): OpenApiTypes.BINARY},
        responses={204: OpenApiResponse(description="They are there.")},
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """What came before a connection broke stays. With the last byte a job begins to make an image of the file."""
        if (request.content_type or "") != CONTENT_TYPE.decode():
            raise exceptions.UnsupportedMediaType(request.content_type or "")
        upload, offset = self.get_object(), _number(request, "Upload-Offset")
        if offset + int(request.headers.get("Content-Length") or 0) > upload.length_bytes:
            raise _TooLarge
        uploads.upload_receive(actor=self.actor, upload=upload, offset=offset, source=body_of(request._request))
        return Response(status=status.HTTP_204_NO_CONTENT, headers=self._where(upload))

    @extend_schema(summary="Give up an upload", parameters=[SPOKEN], responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """The image goes with what came of it."""
        images.image_delete(actor=self.actor, image=self.get_object().image)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _where(self, upload: Upload) -> dict[str, str]:
        expires = upload.changed_at + timedelta(hours=settings.UPLOAD_HOURS)
        return {
            "Upload-Offset": str(upload.received_bytes),
            "Upload-Expires": http_date(expires.timestamp()),
            "Upload-Image": str(upload.image_id),
        }


class _TooLarge(exceptions.APIException):
    """More than was announced, or than is taken."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"
    default_detail = "too_large"

    def __init__(self) -> None:
        super().__init__(_("The file is too large."), self.default_code)


def _number(request: Request, header: str) -> int:
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS):
        raise InputError.at(header, _("Enter a number of bytes."))
    return int(text)


def _metadata(request: Request) -> dict[str, str]:
    """The pairs of ``Upload-Metadata``. Raises InputError."""
    found = {}
    for pair in filter(None, request.headers.get("Upload-Metadata", "").split(",")):
        key, _space, value = pair.strip().partition(" ")
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise InputError.at("Upload-Metadata", _("Enter pairs of a key and its value in base64.")) from None
    return found
