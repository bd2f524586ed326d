"""A server that is a function, and a way to run a command."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import typer
from typer.testing import CliRunner, Result


@dataclass
class FakeServer:
    """Answers with what is queued, else by its handler; keeps what it was asked and how long we waited."""

    handler: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(204)
    queued: list[httpx.Response | Exception] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if not self.queued:
            return self.handler(request)
        answer = self.queued.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def run(app: typer.Typer, *arguments: str | Path, said: str | None = None) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=said)
