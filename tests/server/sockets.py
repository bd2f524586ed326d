"""Our server on a socket, an application that tells what reached it, and a client that knows no HTTP."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from app.cli.announcing import Announcing, configured
from app.edge.telemetry import Telemetry
from app.settings import Settings


@dataclass
class Told:
    """One request as the application saw it."""

    path: str
    headers: list[tuple[bytes, bytes]]
    client: tuple[str, int]
    scheme: str
    body: bytes = b""
    whole: bool = False
    gone: bool = False


@dataclass
class Echo:
    """An application that takes all in, then answers; at `/early` before that, at `/deaf` when let go."""

    told: list[Told] = field(default_factory=list)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    state: Any = field(
        default_factory=lambda: SimpleNamespace(telemetry=Telemetry(), looker=SimpleNamespace())
    )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Read to the end, then answer."""
        it = Told(scope["path"], scope["headers"], scope["client"], scope["scheme"])
        self.told.append(it)
        if it.path == "/deaf":
            await self.let_go.wait()
        while not it.whole and it.path not in {"/early", "/deaf"}:
            message = await receive()
            if message["type"] == "http.disconnect":
                it.gone = True
                return
            it.body += message["body"]
            it.whole = not message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


@dataclass(frozen=True)
class Socket:
    """Where it listens."""

    port: int
    echo: Echo

    async def say(self, *pieces: bytes) -> bytes:
        """Say something, piece by piece, and return all that is answered until the server hangs up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            return await asyncio.wait_for(reader.read(), 5)
        except ConnectionResetError:
            return b""
        finally:
            writer.close()


@asynccontextmanager
async def listening(settings: Settings) -> AsyncIterator[Socket]:
    """Serve as `heard serve` does, on a free port."""
    echo, address = Echo(), asyncio.get_running_loop().create_future()
    app: Any = echo
    server = Announcing(configured(app, settings), app, drain_seconds=0, announce=address.set_result)
    serving = asyncio.create_task(server.serve())
    yield Socket(int((await address).rpartition(":")[2]), echo)
    server.should_exit = True
    await serving


def statuses(answered: bytes) -> list[int]:
    """Return the statuses of several answers in a row."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answered)]


def problem(answered: bytes) -> dict[str, Any]:
    """Return the problem at the end; its headers must agree with it."""
    head, _, body = answered.rpartition(b"\r\n\r\n")
    found: dict[str, Any] = json.loads(body)
    assert b"\r\ncontent-type: application/problem+json\r\n" in head
    assert b"\r\ncontent-length: %d\r\n" % len(body) in head
    assert b"\r\nconnection: close" in head
    assert b"\r\nx-request-id: %b\r\n" % found["request_id"].encode() in head
    return found
