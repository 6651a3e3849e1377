"""Bodies pass from the client to a view's thread as they come, and wait outside when it is slow."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cloudia.api.streaming import CONTENT_TYPE, KEY, PIECE_BYTES, ROOM_BYTES, StreamedBodies

PATH = "/api/v1/images/uploads/"
Message = dict[str, Any]


def scope(method: str = "PATCH", path: str = f"{PATH}1/", content_type: bytes = CONTENT_TYPE) -> Message:
    return {"type": "http", "method": method, "path": path, "headers": [(b"content-type", content_type)]}


def part(size: int, *, more: bool = True) -> Message:
    return {"type": "http.request", "body": b"x" * size, "more_body": more}


async def ask(
    application: Callable[..., Awaitable[None]], messages: list[Message], wanted: Message
) -> tuple[Message, list[Message]]:
    """Run the layer around ``application`` with a client that says ``messages``, then nothing more."""
    left = list(messages)

    async def receive() -> Message:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    async def send(message: Any) -> None:
        """Nobody listens."""

    await StreamedBodies(application, PATH)(wanted, receive, send)
    return wanted, left


def read_all(body: Any) -> bytes:
    pieces = []
    while (piece := body.read(5)) != b"":
        pieces.append(piece)
    return b"".join(pieces)


def test_body_comes_whole_and_the_application_sees_an_empty_one() -> None:
    seen: list[Any] = []

    async def application(scope: Message, receive: Any, send: Any) -> None:
        seen.extend([await receive(), await asyncio.to_thread(read_all, scope[KEY])])

    asyncio.run(ask(application, [part(PIECE_BYTES), part(5), part(PIECE_BYTES - 1, more=False)], scope()))
    assert seen[0] == {"type": "http.request", "body": b"", "more_body": False}
    assert len(seen[1]) == 2 * PIECE_BYTES + 4


def test_client_waits_while_nobody_reads() -> None:
    async def application(scope: Message, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.1)

    _scope, left = asyncio.run(ask(application, [part(PIECE_BYTES) for _piece in range(100)], scope()))
    taken = 100 - len(left)
    assert ROOM_BYTES // PIECE_BYTES <= taken <= ROOM_BYTES // PIECE_BYTES + 1


def test_client_that_goes_ends_the_body_with_what_it_sent() -> None:
    seen: list[bytes] = []

    async def application(scope: Message, receive: Any, send: Any) -> None:
        seen.append(await asyncio.to_thread(read_all, scope[KEY]))

    asyncio.run(ask(application, [part(7), {"type": "http.disconnect"}], scope()))
    assert seen == [b"x" * 7]


def test_reader_is_told_that_nothing_comes_and_gets_little_after_a_while() -> None:
    seen: list[Any] = []

    async def application(scope: Message, receive: Any, send: Any) -> None:
        await asyncio.sleep(0)
        body = scope[KEY]
        seen.extend([await asyncio.to_thread(body.read, 0.2), await asyncio.to_thread(body.read, 0.01)])

    asyncio.run(ask(application, [part(3)], scope()))
    assert seen == [b"xxx", None]


@pytest.mark.parametrize(
    "other",
    [scope("POST"), scope(path="/api/v1/instances/1/"), scope(content_type=b"application/json"), {"type": "websocket"}],
)
def test_every_other_request_is_left_alone(other: Message) -> None:
    seen: list[Any] = []

    async def application(scope: Message, receive: Any, send: Any) -> None:
        seen.append(await receive())

    wanted, _left = asyncio.run(ask(application, [part(3, more=False)], other))
    assert (seen, KEY in wanted) == ([part(3, more=False)], False)
