"""A connection's life: who is waited for and for how long, and how its last words arrive."""

import asyncio

import pytest

from app.cli import announcing
from app.edge import protocol
from app.edge.protocol import HEAD_BYTES
from app.settings import Settings
from tests.server.sockets import Socket, listening, problem, statuses
from tests.server.test_protocol import CHUNKED, GET, NEXT, POST, _fresh, server

__all__ = ["_fresh", "server"]


@pytest.mark.parametrize("broken", [b"X\r\n", b"0\r\n" + b"a:\r\n" * HEAD_BYTES], ids=["size", "trailers"])
async def test_a_request_that_was_answered_early_gets_no_second_answer(server: Socket, broken: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(CHUNKED.replace(b"/a", b"/early") + b"\r\n3\r\nabc\r\n")
    answered = await reader.readuntil(b"\r\n\r\n")
    writer.write(broken)
    more = await asyncio.wait_for(reader.read(), 5)
    writer.close()

    assert (statuses(answered), more) == ([200], b"")
    assert server.echo.state.telemetry.malformed == {"malformed_http": 1}


async def test_whoever_does_not_come_to_the_point_is_let_go(
    server: Socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.05)
    silent = await server.say()
    slow = await server.say(b"GET /a HTTP/1.1\r\nHos")
    slow_later = await server.say(GET + b"\r\n", b"GET /b HTTP/1.1\r\nHos")

    assert silent == b""
    assert (statuses(slow), problem(slow)["code"]) == ([408], "head_timeout")
    assert statuses(slow_later) == [200, 408]


async def test_what_is_unread_does_not_take_the_last_words_back(server: Socket) -> None:
    """Closing a socket with unread bytes resets it, and the answer is lost on the way."""
    for _ in range(10):
        answered = await server.say(GET + b"X: " + b"y" * 600_000)
        assert statuses(answered) == [431]


async def talk_on(writer: asyncio.StreamWriter) -> None:
    for _ in range(500):
        writer.write(NEXT)
        await writer.drain()
        await asyncio.sleep(0.01)


async def test_whoever_talks_on_after_the_last_words_is_let_go(
    server: Socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "LINGER_SECONDS", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"NONSENSE\r\n\r\n")
    answered = await reader.read()
    with pytest.raises(ConnectionError):
        await talk_on(writer)

    assert statuses(answered) == [400]
    assert server.echo.told == []


async def test_a_handler_learns_at_once_that_its_body_went_wrong(
    server: Socket, caplog: pytest.LogCaptureFixture
) -> None:
    await server.say(CHUNKED + b"Expect: 100-continue\r\n\r\nX\r\n")
    await asyncio.sleep(0.05)

    assert [it.gone for it in server.echo.told] == [True]
    assert "Exception in ASGI application" not in caplog.text


async def test_a_slow_request_is_not_cut_by_the_patience_for_idle_connections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(announcing, "IDLE_SECONDS", 0.2)
    async with listening(Settings(port=0)) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(GET.replace(b"/a", b"/deaf") + b"\r\n" + POST)
        await asyncio.sleep(0.05)
        server.echo.let_go.set()
        first = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"Content-Length: 3\r\nConnection: close\r\n\r\n")
        await asyncio.sleep(0.4)
        writer.write(b"abc")
        second = await reader.read()
        writer.close()

    assert (statuses(first), statuses(second)) == ([200], [200])


async def test_a_head_that_we_do_not_read_is_not_late(
    server: Socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.1)
    server.echo.let_go.clear()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(GET.replace(b"/a", b"/deaf") + b"\r\n" + GET + b"\r\n" + NEXT[:-4])
    await asyncio.sleep(0.35)
    server.echo.let_go.set()
    writer.write(NEXT[-4:])
    answered = await asyncio.wait_for(reader.read(), 5)
    writer.close()

    assert statuses(answered) == [200, 200, 200]
