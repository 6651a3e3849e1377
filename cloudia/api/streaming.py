"""Bodies that are too large to be kept anywhere: they pass from the client to the view as they come.

Django's ASGI handler collects the whole body in a file before it looks at the request. So a thin layer in front of it
takes the bodies of tus uploads for itself: Django sees an empty one, and the view reads ``body_of(request)``. Not more
than :data:`ROOM_BYTES` wait in memory; then the client has to.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol, TypeAlias

from django.http import HttpRequest

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]  # libraries disagree about the details

CONTENT_TYPE = b"application/offset+octet-stream"
PIECE_BYTES = 1 << 20  # each hand-over wakes a thread, so not for every packet
ROOM_BYTES = 8 << 20
KEY = "cloudia.body"


class Body(Protocol):
    """A request's body, piece by piece."""

    def read(self, wait_s: float) -> bytes | None:
        """The next bytes; none at the end, None if none have come in ``wait_s`` seconds."""


class BodyStream:
    """Between the event loop, which fills it, and the thread of one view, which empties it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._room = asyncio.Event()
        self._room.set()
        self._changed = threading.Condition()
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._ended = False

    def read(self, wait_s: float) -> bytes | None:
        """At least :data:`PIECE_BYTES`, or what has come in ``wait_s`` seconds, or the rest."""
        with self._changed:
            self._changed.wait_for(self._is_worth_it, wait_s)
            pieces, self._waiting, self._waiting_bytes = self._waiting, [], 0
            ended = self._ended
        self._loop.call_soon_threadsafe(self._room.set)
        return b"".join(pieces) or (b"" if ended else None)

    async def put(self, piece: bytes) -> None:
        """Add bytes; waits while there is no room."""
        await self._room.wait()
        with self._changed:
            self._waiting.append(piece)
            self._waiting_bytes += len(piece)
            if self._waiting_bytes >= ROOM_BYTES:
                self._room.clear()
            if self._is_worth_it():
                self._changed.notify()

    def end(self) -> None:
        """No more will come."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def _is_worth_it(self) -> bool:
        return self._ended or self._waiting_bytes >= PIECE_BYTES


class StreamedBodies:
    """The layer: an ASGI application around another one."""

    def __init__(self, application: Application, path: str) -> None:
        self.application, self.path = application, path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the body if it is an upload's."""
        if not self._is_upload(scope):
            await self.application(scope, receive, send)
            return
        body = scope[KEY] = BodyStream(asyncio.get_running_loop())
        pump = asyncio.create_task(_pump(receive, body))
        try:
            await self.application(scope, _nothing(), send)
        finally:
            body.end()
            pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pump

    def _is_upload(self, scope: Scope) -> bool:
        return (
            scope["type"] == "http"
            and scope["method"] == "PATCH"
            and scope["path"].startswith(self.path)
            and dict(scope["headers"]).get(b"content-type") == CONTENT_TYPE
        )


async def _pump(receive: Receive, body: BodyStream) -> None:
    """Until the body ends or the client goes; what came counts either way."""
    more = True
    while more:
        message = await receive()
        more = message["type"] == "http.request" and message.get("more_body", False)
        await body.put(message.get("body", b""))
    body.end()


def _nothing() -> Receive:
    """What Django sees: an empty body, and a client that stays. The view notices by the body when it does not."""
    told = False

    async def receive() -> Message:
        nonlocal told
        if told:
            await asyncio.Event().wait()
        told = True
        return {"type": "http.request", "body": b"", "more_body": False}

    return receive


class _Held:
    """The body of a request that came another way: all of it at once."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self, wait_s: float) -> bytes | None:
        content, self._content = self._content, b""
        return content


def body_of(request: HttpRequest) -> Body:
    """The body as it comes."""
    return _stream_of(request) or _Held(request.body)


def is_streamed(request: HttpRequest) -> bool:
    """Whether the body is for the view alone: Django would take its length for that of something to keep."""
    return _stream_of(request) is not None


def _stream_of(request: HttpRequest) -> Body | None:
    body: Body | None = getattr(request, "scope", {}).get(KEY)
    return body
