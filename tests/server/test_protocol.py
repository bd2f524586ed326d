"""What two servers could read differently never becomes a request, and is answered with a problem."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.edge.protocol import HEAD_BYTES
from app.settings import Settings
from tests.server.sockets import Socket, listening, problem, statuses

NEXT = b"GET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: x\r\n"
GET = b"GET /a HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n"
LAST_CHUNK = b"0\r\n\r\n"


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Socket]:
    async with listening(Settings(port=0)) as found:
        yield found


@pytest.fixture(autouse=True)
def _fresh(server: Socket) -> None:
    server.echo.told.clear()
    server.echo.state.telemetry.malformed.clear()


MALFORMED = {
    "content length, then transfer encoding": POST
    + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + LAST_CHUNK,
    "transfer encoding, then content length": CHUNKED + b"Content-Length: 5\r\n\r\n" + LAST_CHUNK,
    "two transfer encodings": CHUNKED + b"Transfer-Encoding: chunked\r\n\r\n" + LAST_CHUNK,
    "a second transfer encoding in disguise": CHUNKED + b"Transfer-Encoding: x\r\n\r\n" + LAST_CHUNK,
    "an unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n" + LAST_CHUNK,
    "chunked not last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n" + LAST_CHUNK,
    "a coding before chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + LAST_CHUNK,
    "identity": POST + b"Transfer-Encoding: identity\r\n\r\n" + LAST_CHUNK,
    "a quoted coding": POST + b'Transfer-Encoding: "chunked"\r\n\r\n' + LAST_CHUNK,
    "a vertical tab before the coding": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + LAST_CHUNK,
    "a space before the colon of the coding": POST + b"Transfer-Encoding : chunked\r\n\r\n" + LAST_CHUNK,
    "a coding after a bare line feed": POST + b"X: y\nTransfer-Encoding: chunked\r\n\r\n" + LAST_CHUNK,
    "chunks in HTTP/1.0": CHUNKED.replace(b"1.1", b"1.0") + b"\r\n" + LAST_CHUNK,
    "two equal lengths": POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nA",
    "two lengths": POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nA",
    "a list of lengths": POST + b"Content-Length: 1, 1\r\n\r\nA",
    "a signed length": POST + b"Content-Length: +1\r\n\r\nA",
    "a negative length": POST + b"Content-Length: -1\r\n\r\nA",
    "a space in the length": POST + b"Content-Length: 1 1\r\n\r\nA",
    "a length in hex": POST + b"Content-Length: 0x1\r\n\r\nA",
    "an empty length": POST + b"Content-Length: \r\n\r\nA",
    "a length past all bounds": POST + b"Content-Length: 99999999999999999999999\r\n\r\nA",
    "bare line feeds": GET.replace(b"\r\n", b"\n") + b"\n",
    "a bare line feed after a header": GET + b"X: y\n\r\n",
    "a bare line feed at the end": GET + b"\n",
    "a bare carriage return": GET + b"X: y\rZ: y\r\n\r\n",
    "a folded line": GET + b"X: a\r\n b\r\n\r\n",
    "a space before the first header": b"GET /a HTTP/1.1\r\n Host: x\r\n\r\n",
    "NUL in a value": GET + b"X: a\x00b\r\n\r\n",
    "NUL in a name": GET + b"X\x00: a\r\n\r\n",
    "a control character in a value": GET + b"X: a\x01b\r\n\r\n",
    "a space before a colon": GET + b"X : a\r\n\r\n",
    "no colon": GET + b"Xa\r\n\r\n",
    "no name": GET + b": a\r\n\r\n",
    "no host": b"GET /a HTTP/1.1\r\n\r\n",
    "two hosts": GET + b"Host: y\r\n\r\n",
    "two hosts in HTTP/1.0": b"GET /a HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n",
    "a host that is none": b"GET /a HTTP/1.1\r\nHost: x/y@z\r\n\r\n",
    "an address of another host": b"GET http://y/a HTTP/1.1\r\nHost: x\r\n\r\n",
    "a tunnel": b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a tunnel to nowhere": b"CONNECT / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a tunnel that upgrades": b"CONNECT / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n",
    "HTTP/0.9 in disguise": b"GET /a HTTP/0.9\r\n\r\n",
    "HTTP/1.2": b"GET /a HTTP/1.2\r\nHost: x\r\n\r\n",
    "HTTP/2 in disguise": b"GET /a HTTP/2.0\r\nHost: x\r\n\r\n",
    "HTTP/2 with prior knowledge": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a method in lower case": b"get /a HTTP/1.1\r\nHost: x\r\n\r\n",
    "a method nobody knows": b"FROB /a HTTP/1.1\r\nHost: x\r\n\r\n",
    "a space in the address": b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
    "bytes in the address": b"GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}  # fmt: skip


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED)
async def test_what_two_servers_could_read_differently_is_no_request(server: Socket, sent: bytes) -> None:
    answered = await server.say(sent + NEXT)

    assert statuses(answered) == [400]
    assert problem(answered)["code"] == "malformed_http"
    assert server.echo.told == []
    assert server.echo.state.telemetry.malformed == {"malformed_http": 1}


BROKEN_OFF = {
    "a bare line feed after a chunk's size": b"3\nabc\r\n",
    "a bare line feed in an extension": b"3;a\nabc\r\n",
    "a negative size": b"-3\r\nabc\r\n",
    "a size with a prefix": b"0x3\r\nabc\r\n",
    "a size past all bounds": b"10000000000000003\r\nabc\r\n",
    "a space after the size": b"3 \r\nabc\r\n",
    "a chunk longer than it said": b"3\r\nabcX\r\n",
}


@pytest.mark.parametrize("sent", BROKEN_OFF.values(), ids=BROKEN_OFF)
async def test_a_body_that_goes_wrong_ends_its_request_and_the_connection(
    server: Socket, sent: bytes
) -> None:
    answered = await server.say(CHUNKED + b"\r\n" + sent + LAST_CHUNK + NEXT)

    assert statuses(answered) == [400]
    assert problem(answered)["code"] == "malformed_http"
    assert [(it.path, it.whole) for it in server.echo.told] in ([("/a", False)], [])


TAKEN = {
    "a list of headers": (GET + b"X: 1\r\nX: 2\r\n\r\n", b""),
    "an empty host": (b"GET /a HTTP/1.1\r\nHost:\r\n\r\n", b""),
    "a host in brackets": (b"GET /a HTTP/1.1\r\nHost: [::1]:8000\r\n\r\n", b""),
    "a whole address": (b"GET http://X/a HTTP/1.1\r\nHost: x\r\n\r\n", b""),
    "empty lines before": (b"\r\n\r\n" + GET + b"\r\n", b""),
    "a coding in capitals after a tab": (
        POST + b"Transfer-Encoding:\tCHUNKED\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"abc",
    ),
    "chunks with extensions": (CHUNKED + b"\r\n3;a=b\r\nabc\r\n0\r\n\r\n", b"abc"),
    "a body asked for": (POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
    "a body under an upgrade to HTTP/2": (
        POST + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: A\r\n"
        b"Content-Length: 3\r\n\r\nabc",
        b"abc",
    ),
    "an upgrade to a web socket": (GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", b""),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "body"), TAKEN.values(), ids=TAKEN)
async def test_what_everybody_reads_alike_is_taken_and_so_is_what_follows(
    server: Socket, sent: bytes, body: bytes
) -> None:
    answered = await server.say(sent + NEXT)

    assert [status for status in statuses(answered) if status != 100] == [200, 200]
    assert [(it.path, it.body) for it in server.echo.told] == [("/a", body), ("/next", b"")]


async def test_a_trailer_does_not_pass_for_a_header(server: Socket) -> None:
    await server.say(CHUNKED + b"\r\n3\r\nabc\r\n0\r\nAuthorization: Bearer x\r\n\r\n" + NEXT)
    names = [name for it in server.echo.told for name, _ in it.headers]

    assert [it.path for it in server.echo.told] == ["/a", "/next"]
    assert b"authorization" not in names


async def test_a_good_request_is_answered_before_the_bad_one_that_follows(server: Socket) -> None:
    answered = await server.say(
        GET + b"\r\n" + GET.replace(b"/a", b"/b") + b"\r\n" + b"NONSENSE\r\n\r\n" + NEXT
    )

    assert statuses(answered) == [200, 200, 400]
    assert [it.path for it in server.echo.told] == ["/a", "/b"]


async def test_a_good_request_is_answered_before_the_bad_body_of_the_next(server: Socket) -> None:
    answered = await server.say(GET + b"\r\n" + CHUNKED + b"\r\nX\r\n" + NEXT)

    assert statuses(answered) == [200, 400]
    assert [it.path for it in server.echo.told] == ["/a"]


def head_of(size: int) -> bytes:
    """Return a head of exactly that many bytes, as we count."""
    counted = len(b"/a") + len(b"HostxX") + 2 * 4
    return GET + b"X: " + b"y" * (size - counted) + b"\r\n\r\n"


async def test_a_head_has_a_largest_size(server: Socket) -> None:
    fits = await server.say(head_of(HEAD_BYTES) + NEXT)
    too_large = await server.say(head_of(HEAD_BYTES + 1) + NEXT)
    many = await server.say(GET + b"X:\r\n" * 10_000 + b"\r\n" + NEXT)
    long_line = await server.say(b"GET /" + b"a" * HEAD_BYTES + b" HTTP/1.1\r\nHost: x\r\n\r\n" + NEXT)

    assert statuses(fits) == [200, 200]
    assert [problem(each)["code"] for each in (too_large, many)] == ["headers_too_large"] * 2
    assert statuses(too_large) == [431]
    assert (statuses(long_line), problem(long_line)["code"]) == ([414], "uri_too_long")
    assert [it.path for it in server.echo.told] == ["/a", "/next"]


ENDLESS = {
    "a value": (GET + b"X: ", b"y" * 1024, 431),
    "headers": (GET, b"X: y\r\n" * 200, 431),
    "an address": (b"GET /", b"a" * 1024, 414),
    "an extension of a chunk": (CHUNKED + b"\r\n3;", b"a" * 1024, 400),
    "a trailer": (CHUNKED + b"\r\n0\r\nX: ", b"y" * 1024, 400),
    "trailers after a long body": (
        CHUNKED + b"\r\n100000\r\n" + b"x" * 2**20 + b"\r\n0\r\n",
        b"a:\r\n" * 256,
        400,
    ),
}


@pytest.mark.parametrize(("begin", "go_on", "status"), ENDLESS.values(), ids=ENDLESS)
async def test_what_never_ends_is_cut_off(server: Socket, begin: bytes, go_on: bytes, status: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(begin)
    await writer.drain()
    answered = asyncio.ensure_future(reader.read())
    sent = 0
    while not answered.done() and sent < 4 * HEAD_BYTES:
        writer.write(go_on)
        sent += len(go_on)
        await asyncio.wait({answered}, timeout=0.005)
    writer.close()

    assert sent < 3 * HEAD_BYTES
    assert statuses(await answered) == [status]


async def test_many_small_chunks_are_no_attack(server: Socket) -> None:
    answered = await server.say(CHUNKED + b"\r\n", b"1\r\nx\r\n" * 20_000, LAST_CHUNK + NEXT)

    assert statuses(answered) == [200, 200]
    assert len(server.echo.told[0].body) == 20_000
