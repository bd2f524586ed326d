"""The real server as a process that can be killed, stopped and started again on the same port."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from app.settings import Settings
from tests.faults.caller import Caller

ROOT = Path(__file__).parent.parent.parent


class Heard:
    """One server. `without` names a safety that it goes without; see `unsafe.py`."""

    announces = "Heard listens on"

    def __init__(self, settings: Settings, *, without: str | None = None, worker: bool = True) -> None:
        self._settings = settings
        self._command = ["tests.faults.unsafe", without] if without else ["app.cli", "serve"]
        self._worker = worker
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self.port = 0
        self.said: list[str] = []

    async def start(self) -> None:
        """Start it and wait until it listens."""
        self.said.clear()
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *self._command,
            env=self._environment(),
            cwd=ROOT,
            stderr=asyncio.subprocess.PIPE,
        )
        listens = asyncio.get_running_loop().create_future()
        assert self._process.stderr
        self._reading = asyncio.create_task(self._read(self._process.stderr, listens))
        self.port = await asyncio.wait_for(listens, 30)

    async def kill(self) -> None:
        """End it without a word of warning, as the kernel does when memory runs out."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """Ask it to leave, and return the code with which it does."""
        return await self._end(signal.SIGTERM)

    def caller(self, *, patience: float = 15.0) -> Caller:
        key = (self._settings.data_dir / "admin.key").read_text().strip()
        return Caller(self.port, key, patience=patience)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def _end(self, how: signal.Signals) -> int:
        assert self._process
        assert self._reading
        self._process.send_signal(how)
        code = await asyncio.wait_for(self._process.wait(), 40)
        await self._reading
        return code

    async def _read(self, stderr: asyncio.StreamReader, listens: "asyncio.Future[int]") -> None:
        """Read all it says, so that it never waits for a full pipe."""
        while line := (await stderr.readline()).decode():
            self.said.append(line)
            if line.startswith(self.announces) and not listens.done():
                listens.set_result(int(line.strip().removesuffix("/readyz").rpartition(":")[2]))
        if not listens.done():
            listens.set_exception(AssertionError("".join(self.said)))

    def _environment(self) -> dict[str, str]:
        address = self._settings.database_url
        return {
            "PATH": os.environ["PATH"],
            "HEARD_DATA_DIR": str(self._settings.data_dir),
            "HEARD_PORT": str(self.port),
            "HEARD_LOG_LEVEL": "error",
            "HEARD_WORKER": str(self._worker),
            **({"HEARD_DATABASE_URL": address} if address else {}),
        }


class Worker(Heard):
    """The worker in a process of its own."""

    announces = "Heard's worker is at work"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._command = ["app.cli", "worker"]


@asynccontextmanager
async def running(
    settings: Settings, *, without: str | None = None, worker: bool = True
) -> AsyncIterator[Heard]:
    """Run a server; whatever happened, none is left behind."""
    async with _alive(Heard(settings, without=without, worker=worker)) as server:
        yield server


@asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[Heard]:
    """Run a worker beside a server; whatever happened, none is left behind."""
    async with _alive(Worker(settings)) as worker:
        yield worker


@asynccontextmanager
async def _alive(process: Heard) -> AsyncIterator[Heard]:
    try:
        await process.start()
        yield process
    finally:
        if process.running:
            await process.kill()
