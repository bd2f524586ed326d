"""The guard at the socket: what two servers could read differently is refused, as a problem.

httptools (llhttp) is strict already: two lengths, bare line feeds, folded lines, control characters and bad
chunk sizes are its errors. What it lets pass we check: Host, versions, codings, sizes, time.
"""

import asyncio
import json
import re
from collections.abc import Callable

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from app.edge import problems
from app.errors import AppError, BadRequestError
from app.ids import new_request_id
from app.logs import get_logger

HEAD_BYTES = 16 * 1024
HEAD_SECONDS = 10.0
LINGER_SECONDS = 1.0
_OVERHEAD_PER_BYTE = 8
_HOST = re.compile(rb"([A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]*)?")
_log = get_logger("edge.protocol")
Told = Callable[[AppError], None]


class MalformedError(BadRequestError):
    """Not HTTP, or HTTP that two servers could understand differently."""

    code, title = "malformed_http", "This is not HTTP as we speak it"


class SlowHeadError(AppError):
    """The head of a request did not arrive in time."""

    status, code, title = 408, "head_timeout", "The headers took too long"


class UriTooLongError(AppError):
    """A request line longer than all headers may be."""

    status, code, title = 414, "uri_too_long", "The address is too long"


class HeadTooLargeError(AppError):
    """More bytes of headers than we take."""

    status, code, title = 431, "headers_too_large", "The headers are too large"


class GuardedProtocol(HttpToolsProtocol):
    """One connection; a refusal is its last word, said after the answers to all requests that came before."""

    told: Told

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._in_head = self._in_body = self._upgrading = self._over = self._ended = False
        self._piece = self._overhead = 0
        self._host = b""
        self._why: AppError | None = None
        self._last_words = b""
        self._patience: asyncio.TimerHandle | None = None
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop to wait."""
        self._be_patient()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless there is nothing more to say."""
        while data and not self._over:
            self._piece = len(data)
            self._overhead += self._piece
            try:
                self.parser.feed_data(data)
                data = b""
            except httptools.HttpParserUpgrade as upgrade:
                data = self._without_upgrade(data[upgrade.args[0] :])
            except httptools.HttpParserError:
                self._refuse(self._why or MalformedError())
        if self._in_head or self._overhead > HEAD_BYTES:
            self._limit()

    def on_message_begin(self) -> None:
        """Begin a head."""
        self._unset_keepalive_if_required()
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        """Check the head, and let the request begin."""
        self._unset_keepalive_if_required()  # armed since the head began, if that was before the last answer
        self._in_head = False
        self._be_patient()
        self._upgrading = self.parser.should_upgrade()
        try:
            self._check()
        except AppError as error:
            self._why = error
            raise
        if self._upgrading:
            return
        super().on_headers_complete()
        self._in_body = True
        self.headers = []  # trailers are dropped here: they must not pass for headers

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body; each byte pays for the framing around it, but not far ahead."""
        self._overhead = max(self._overhead - len(body) * (1 + _OVERHEAD_PER_BYTE), -HEAD_BYTES)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        self._overhead, self._in_body = 0, False
        if not self._upgrading:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on with the next request; after the last one say why there are no more."""
        was_last = not self.pipeline
        super().on_response_complete()
        if was_last and self._over:
            self._end()
        elif self._patience is not None:
            self._expect_head()  # the rest of it may have been waiting for us to read on

    def _check(self) -> None:
        """Raise what is wrong with a head; every request comes by here, so what is usual is decided first."""
        if max(self._piece, self._overhead) > HEAD_BYTES and self._size() > HEAD_BYTES:
            raise self._too_large()
        names = [name for name, _ in self.headers]
        hosts, coded = names.count(b"host"), b"transfer-encoding" in names
        version = self.parser.get_http_version()
        if hosts != 1 and (hosts or version != "1.0"):
            raise MalformedError("exactly one Host header is needed")
        if version != "1.1" and (version != "1.0" or coded):
            raise MalformedError("HTTP/1.1 is spoken here, and HTTP/1.0 without chunks")
        if coded and self.headers[names.index(b"transfer-encoding")][1].lower() != b"chunked":
            raise MalformedError("chunked is the only transfer coding taken")
        if self._upgrading and self.parser.get_method() == b"CONNECT":
            raise MalformedError("there are no tunnels here")
        host = self.headers[names.index(b"host")][1] if hosts else b""
        if host != self._host and not _HOST.fullmatch(host):
            raise MalformedError("the Host header is not a host")
        self._host = host
        if not self.url.startswith((b"/", b"*")) and _authority(self.url) != host.lower():
            raise MalformedError("the address names another host")

    def _size(self) -> int:
        """Return how many bytes the head has, but for a few in its first line."""
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _limit(self) -> None:
        """Refuse a head, or framing without content, that never ends; and wait no longer than is decent."""
        if self._over:
            return
        if self._overhead > HEAD_BYTES:
            self._refuse(self._too_large() if self._in_head else MalformedError("framing without content"))
        elif self._patience is None:
            self._expect_head()

    def _too_large(self) -> AppError:
        return UriTooLongError() if len(self.url) > HEAD_BYTES else HeadTooLargeError()

    def _without_upgrade(self, rest: bytes) -> bytes:
        """Return the request as if it had not asked to upgrade, and what came after its head.

        The parser takes the body of such a request for another protocol's bytes, and Java's client asks for
        HTTP/2 with every first post.
        """
        self._upgrading, self._overhead = False, 0
        if (newest := self._newest) and not newest.response_complete:
            self._refuse(MalformedError("an upgrade asked for while a request is in hand"))
            return b""
        kept = [b"%b: %b\r\n" % each for each in self.headers if each[0] != b"upgrade"]
        version = self.parser.get_http_version().encode()
        line = b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, version)
        self.parser = httptools.HttpRequestParser(self)
        return b"".join([line, *kept, b"\r\n", rest])

    def _refuse(self, error: AppError) -> None:
        """Say that this is no request, now or after what is owed to earlier ones, and hang up."""
        self._be_patient()
        self._over, self._last_words = True, self._say(error)
        newest, owed = self._newest, bool(self.pipeline)
        if newest and not newest.response_complete:
            if not newest.more_body:
                owed = True
            elif owed:
                self.pipeline.popleft()  # the request that broke off; the others are whole
            else:
                newest.disconnected, newest.waiting_for_100_continue = True, False
                newest.message_event.set()
                self._last_words = b"" if newest.response_started else self._last_words
        elif newest and self._in_body:
            self._last_words = b""  # this request was answered already, before its end
        if not owed:
            self._end()

    @property
    def _newest(self) -> RequestResponseCycle | None:
        """The request begun last; uvicorn's own type forgets that there may be none."""
        return self.cycle

    def _end(self) -> None:
        """Say the last words, and hang up a little later: what is unread by then would take them back."""
        if self._ended or self.transport.is_closing():
            return
        self._ended = True
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        self.transport.write(self._last_words)
        self.transport.write_eof()
        self._patience = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _say(self, error: AppError) -> bytes:
        """Return the answer to something that is no request, logged and counted like one."""
        request_id = new_request_id()
        body = json.dumps(problems.body(error, request_id)).encode()
        headers = [
            *self.server_state.default_headers,
            (b"content-type", problems.MEDIA_TYPE.encode()),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
            (b"x-request-id", request_id.encode()),
            (b"connection", b"close"),
        ]
        _log.info("malformed", request_id=request_id, status=error.status, code=error.code)
        self.told(error)
        return b"".join([STATUS_LINE[error.status], *map(_line, headers), b"\r\n", body])

    def _expect_head(self) -> None:
        """Wait for a head, from now on."""
        self._be_patient()
        self._patience = self.loop.call_later(HEAD_SECONDS, self._lose_patience)

    def _be_patient(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _lose_patience(self) -> None:
        """Hang up on a head that does not come, in silence where nothing was said yet."""
        self._patience = None
        if self.flow.read_paused:
            self._expect_head()  # it can't come: it is we who do not read
        elif self._in_head:
            self._refuse(SlowHeadError())
        else:
            self.transport.close()


def guarding(told: Told) -> type[GuardedProtocol]:
    """Return the protocol that tells of each refusal."""
    return type("GuardedProtocol", (GuardedProtocol,), {"told": staticmethod(told)})


def _authority(url: bytes) -> bytes:
    """Return whom a whole address names; nobody for what is no address."""
    return url.partition(b"://")[2].partition(b"/")[0].lower() or b"?"


def _line(header: tuple[bytes, bytes]) -> bytes:
    return b"%b: %b\r\n" % header
