"""What is read of a connection does not depend on how the network cut it."""

import asyncio
from typing import Any

import pytest
from uvicorn.server import ServerState

from app.cli.announcing import configured
from app.settings import Settings
from tests.server.sockets import Echo, statuses
from tests.server.test_protocol import BROKEN_OFF, CHUNKED, LAST_CHUNK, MALFORMED, NEXT, TAKEN

BROKEN = {name: CHUNKED + b"\r\n" + sent + LAST_CHUNK for name, sent in BROKEN_OFF.items()}
ALL = MALFORMED | BROKEN | {name: sent for name, (sent, _) in TAKEN.items()}


class Wire(asyncio.Transport):
    """A transport that keeps what is answered."""

    def __init__(self) -> None:
        super().__init__({"peername": ["127.0.0.1", 1]})
        self.said = b""
        self.closed = self.ended = False

    def write(self, data: Any) -> None:
        assert not self.ended
        self.said += b"" if self.closed else data

    def write_eof(self) -> None:
        self.ended = True

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        """Ignore it: every piece is small."""

    def resume_reading(self) -> None:
        """Ignore it."""


async def read(*pieces: bytes) -> tuple[list[int], list[tuple[str, bytes]]]:
    """Return what is answered, and the whole requests that were seen."""
    wire, app = Wire(), Echo()
    config = configured(app, Settings())  # type: ignore[arg-type]
    config.load()
    connection: Any = config.http_protocol_class(config, ServerState(), {})  # type: ignore[call-arg]
    connection.connection_made(wire)
    for piece in pieces:
        if not wire.closed:
            connection.data_received(piece)
        for _ in range(5):  # what can be answered is
            await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    connection.connection_lost(None)
    await asyncio.sleep(0)
    return statuses(wire.said), [(it.path, it.body) for it in app.told if it.whole]


@pytest.mark.parametrize("sent", ALL.values(), ids=ALL)
async def test_byte_by_byte_is_read_like_all_at_once(sent: bytes) -> None:
    sent += NEXT

    assert await read(*(sent[i : i + 1] for i in range(len(sent)))) == await read(sent)
