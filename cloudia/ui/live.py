"""The live channel: PostgreSQL's notifications as server-sent events.

Events carry topics, never content: what changed is fetched again through the page's own address, with the reader's
own rights. One LISTEN connection serves all readers of a web process.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user
from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import User
from cloudia.core.live import CHANNEL

log = logging.getLogger(__name__)

KEEP_ALIVE_S = 15.0  # below the idle limits of common proxies; rights are checked again as often
RECONNECT_S = 1.0
BACKLOG = 1000  # a reader this far behind is dropped; its browser reconnects and refreshes


@dataclass(eq=False)
class Reader:
    """One open page."""

    actor: Actor
    queue: asyncio.Queue[list[str] | None] = field(default_factory=lambda: asyncio.Queue(BACKLOG))

    def offer(self, project: str | None, topics: list[str]) -> None:
        """Pass topics on, if this reader may know of the project. None (hosts) concerns everybody."""
        if project is None or self.actor.is_operator or project in {str(pk) for pk in self.actor.project_ids}:
            if self.queue.full():
                self.close()
            else:
                self.queue.put_nowait(topics)

    def close(self) -> None:
        """End the stream."""
        while not self.queue.empty():
            self.queue.get_nowait()
        self.queue.put_nowait(None)


class Channel:
    """All readers of this process, and the task that listens for them while there are any."""

    def __init__(self) -> None:
        self.readers: set[Reader] = set()
        self.task: asyncio.Task[None] | None = None
        self.listening = asyncio.Event()

    async def join(self, reader: Reader) -> None:
        """Add a reader, which hears of everything from the return on; the first one starts the listener."""
        self.readers.add(reader)
        if self.task is None or self.task.done():
            self.listening.clear()
            self.task = asyncio.get_running_loop().create_task(self._listen())
        await self.listening.wait()

    def leave(self, reader: Reader) -> None:
        """Remove a reader; the last one stops the listener."""
        self.readers.discard(reader)
        if not self.readers and self.task:
            self.task.cancel()
            self.task = None

    async def _listen(self) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(**_parameters(), autocommit=True) as listener:
                    await listener.execute(f"LISTEN {CHANNEL}")
                    self.listening.set()
                    async for notification in listener.notifies():
                        self._spread(json.loads(notification.payload))
            except psycopg.OperationalError as error:
                log.warning("live channel: %s", error)
                self.listening.clear()
                for reader in list(self.readers):  # events were missed: let the pages reconnect and refresh
                    reader.close()
                await asyncio.sleep(RECONNECT_S)

    def _spread(self, event: dict[str, Any]) -> None:
        for reader in list(self.readers):
            reader.offer(event["project"], event["topics"])


channel = Channel()


def _parameters() -> dict[str, Any]:
    """How to connect, from Django's settings, without its pool and cursors."""
    given = connection.get_connection_params()
    return {key: value for key, value in given.items() if key not in {"pool", "context", "cursor_factory"}}


async def live(request: HttpRequest) -> HttpResponseBase:
    """``GET /live/``: a stream of ``data: {"topics": [...]}``; 401 without a session.

    Its headers come before anybody listens: only after the event ``ready`` no change is missed.
    """
    actor = await _actor(request)
    if actor is None:
        return HttpResponse(status=401)
    response = StreamingHttpResponse(_events(request, Reader(actor)), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["Content-Encoding"] = "identity"  # no compression, which would hold events back
    response["X-Accel-Buffering"] = "no"
    return response


async def _events(request: HttpRequest, reader: Reader) -> AsyncIterator[str]:
    try:
        yield "retry: 1000\n\n"
        await channel.join(reader)
        yield "event: ready\ndata: {}\n\n"
        while True:
            try:
                topics = await asyncio.wait_for(reader.queue.get(), KEEP_ALIVE_S)
            except TimeoutError:
                actor = await _actor(request)
                if actor is None:
                    return
                reader.actor = actor
                yield ": still here\n\n"
                continue
            if topics is None:
                return
            yield f"data: {json.dumps({'topics': topics})}\n\n"
    finally:
        channel.leave(reader)


@sync_to_async
def _actor(request: HttpRequest) -> Actor | None:
    """Who is logged in with this session, read again each time, with the projects they are in now."""
    try:
        request.session = type(request.session)(request.session.session_key)  # forget what was read before
        user = get_user(request)
        if not isinstance(user, User):
            return None
        actor = Actor(user)
        _ = actor.project_ids  # read here, where the database may be asked
        return actor
    finally:
        connection.close()  # a stream lives for hours and must not keep a connection of the pool
