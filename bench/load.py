"""A cheap load generator in a process of its own: many connections, one request at a time on each.

It reads orders as JSON lines and answers each with what it saw: `Generator` is the other end.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Self, cast

import uvloop

ROOM = "0" * 32
"""What stands in the request where each one gets 32 random digits of its own."""


@dataclass(frozen=True)
class Order:
    """What to send, how, and for how long; the first moments warm up and are not counted."""

    port: int
    request: str
    connections: int
    seconds: float
    warm_up: float = 0.2


@dataclass(frozen=True)
class Seen:
    """What came back in the counted time."""

    rate: float
    p50_ms: float
    p99_ms: float
    statuses: dict[str, int]


@dataclass
class _Round:
    parts: list[bytes]
    counted_from: float
    until: float
    latencies: list[float] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)


class _Connection(asyncio.Protocol):
    """Send, wait for the whole answer, note the time it took, send again."""

    def __init__(self, round_: _Round, ended: "asyncio.Future[None]") -> None:
        self._round = round_
        self.ended = ended
        self._answer = b""
        self._began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, found, body = self._answer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(body) < length:
            return
        now = time.perf_counter()
        status = head[9:12].decode()
        if self._round.counted_from <= now <= self._round.until:
            self._round.latencies.append(now - self._began)
            self._round.statuses[status] = self._round.statuses.get(status, 0) + 1
        self._answer = b""
        if now < self._round.until:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  (the protocol's signature)
        if not self.ended.done():
            self.ended.set_result(None)

    def _send(self) -> None:
        self._began = time.perf_counter()
        self._transport.write(os.urandom(16).hex().encode().join(self._round.parts))


class Generator:
    """The load generator's process."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "bench.load"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.communicate()

    def run(self, order: Order) -> Seen:
        """Put load on a server, and return what came back."""
        assert self._process.stdout is not None  # noqa: S101  (a pipe)
        print(json.dumps(asdict(order)), file=self._process.stdin, flush=True)
        return Seen(**json.loads(self._process.stdout.readline()))


async def _run(order: Order) -> Seen:
    loop = asyncio.get_running_loop()
    counted_from = time.perf_counter() + order.warm_up
    round_ = _Round(order.request.encode().split(ROOM.encode()), counted_from, counted_from + order.seconds)
    made = [
        await loop.create_connection(
            lambda: _Connection(round_, loop.create_future()), "127.0.0.1", order.port
        )
        for _ in range(order.connections)
    ]
    await asyncio.gather(*(connection.ended for _, connection in made))
    ordered = sorted(round_.latencies)
    p50, p99 = (ordered[int(share * (len(ordered) - 1))] * 1000 for share in (0.50, 0.99))
    return Seen(len(ordered) / order.seconds, p50, p99, round_.statuses)


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(asdict(uvloop.run(_run(Order(**json.loads(line)))))), flush=True)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
