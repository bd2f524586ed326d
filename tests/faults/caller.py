"""A caller as cheap as it can be and still honest: HTTP/1.1 over one kept-alive connection."""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

GONE = (OSError, EOFError)  # a time-out is an OSError, half an answer an EOFError


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a problem; empty when it is none."""
        if self.headers.get("content-type") != "application/problem+json":
            return ""
        return str(self.json()["code"])


class Caller:
    """One connection to the server on a port of this machine, opened again after it broke."""

    def __init__(self, port: int, key: str, *, patience: float = 15.0) -> None:
        self._port = port
        self._key = key
        self._patience = patience
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: bytes, *, key: str | None = None) -> Answer:
        """Post, under an idempotency key where one is given; raises one of `GONE` without a whole answer."""
        named = f"idempotency-key: {key}\r\n" if key else ""
        kind = "application/x-ndjson" if path.endswith("/batch") else "application/json"
        return await self._send(f"POST {path}", f"content-type: {kind}\r\n{named}", body)

    async def get(self, path: str) -> Answer:
        return await self._send(f"GET {path}", "", b"")

    def close(self) -> None:
        if self._streams:
            self._streams[1].close()
            self._streams = None

    async def _send(self, line: str, headers: str, body: bytes) -> Answer:
        head = (
            f"{line} HTTP/1.1\r\nhost: heard.test\r\nauthorization: Bearer {self._key}\r\n"
            f"content-length: {len(body)}\r\n{headers}\r\n"
        )
        try:
            async with asyncio.timeout(self._patience):
                if self._streams is None:
                    self._streams = await asyncio.open_connection("127.0.0.1", self._port)
                reader, writer = self._streams
                writer.write(head.encode() + body)
                return await _answer(reader)
        except BaseException:
            with suppress(OSError):
                self.close()
            raise


async def _answer(reader: asyncio.StreamReader) -> Answer:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers["content-length"]))
    return Answer(int(first.split()[1]), headers, body)
