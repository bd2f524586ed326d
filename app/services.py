"""What a process works with: one frozen object, opened at start and closed at the end."""

import asyncio
import os
import secrets as random_secrets
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy.orm import Session

from app.clock import Clock
from app.configuration import store as configuration_store
from app.configuration.live import Configuration
from app.db import archive, filesystems, migrate
from app.db.database import Database, Lane
from app.db.group import Bounds, GroupCommit
from app.db.postgres import PostgresDatabase
from app.db.sqlite import SqliteDatabase
from app.errors import CannotStartError
from app.ids import new_id
from app.intake.classify import Classified
from app.intake.commit import Outcome, commit
from app.settings import SHORTEST_SECRET, Settings
from app.watch.pulse import Pulse

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a door may ask for."""

    settings: Settings
    clock: Clock
    database: Database
    intake: GroupCommit[Classified, Outcome]
    configuration: Configuration
    secret: bytes
    pulse: Pulse

    async def write(self, fn: Callable[[Session], T], *, lane: Lane = Lane.DESK) -> T:
        """Run a function of a session in one transaction; see `Database.write`."""
        return await self.database.write(fn, lane=lane)

    async def read(self, fn: Callable[[Session], T]) -> T:
        """Run a function of a session in one read-only snapshot."""
        return await self.database.read(fn)

    async def configure(self, fn: Callable[[Session], T]) -> T:
        """Run a write that changes the configuration, and decide by it from now on in this process."""
        result = await self.database.write(fn)
        await self.configuration.refresh()
        return result


@asynccontextmanager
async def open_services(settings: Settings, clock: Clock) -> AsyncIterator[Services]:
    """Open the database, start the flushers and keep the configuration fresh; undo it in reverse order.

    Raises:
        OldSchemaError: the PostgreSQL database needs `heard migrate` first.
        AlreadyOpenError: another process has the embedded database.
    """
    database = await _open_database(settings)
    try:
        await database.read(migrate.require_known)
        configuration = Configuration(database, await database.read(configuration_store.load))
        intake = GroupCommit(database, commit, bounds=Bounds(rows=settings.intake_waiting_rows))
        intake.start()
        refresher = asyncio.create_task(configuration.keep_fresh(), name="heard-configuration")
        try:
            pulse = Pulse(new_id(clock()))
            yield Services(settings, clock, database, intake, configuration, read_secret(settings), pulse)
        finally:
            await intake.close()
            refresher.cancel()
            with suppress(asyncio.CancelledError):
                await refresher
    finally:
        await database.close()


async def _open_database(settings: Settings) -> Database:
    if settings.database_url is not None:
        return PostgresDatabase(settings.database_url, pool=settings.database_pool)
    filesystems.require_local(settings.data_dir)
    make_private_folder(settings.data_dir)
    return SqliteDatabase(
        settings.sqlite_path, prepare=lambda: migrate.upgrade_embedded(settings.sqlite_path)
    )


def read_secret(settings: Settings) -> bytes:
    """Return the signing secret; unset, one is made once in the data folder, readable by its owner alone.

    Raises:
        CannotStartError: it can't be read or made, or what is there is none.
    """
    if settings.secret is not None:
        return settings.secret.get_secret_value().encode()
    path = settings.data_dir / "secret"
    try:
        if not path.exists():
            # Several processes may start at once: the first to give its file the name has made the secret.
            with _written(path, random_secrets.token_urlsafe(48)) as fresh, suppress(FileExistsError):
                os.link(fresh, path)
        secret = path.read_bytes().strip()
    except OSError as error:
        message = f"{path} can't be read or made ({error.strerror}): run as its owner, or set HEARD_SECRET"
        raise CannotStartError(message) from None
    if len(secret) < SHORTEST_SECRET:
        message = f"{path} holds no secret of {SHORTEST_SECRET} characters: put it back, or take it away"
        raise CannotStartError(message)
    return secret


def make_private_folder(path: Path) -> None:
    """Make the data folder for its owner alone: what customers say lies there. An old one stays as it is.

    Raises:
        CannotStartError: it can't be made.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStartError(f"{path} can't be the data folder: {error.strerror}") from None


def write_private(path: Path, content: str) -> None:
    """Write a file that only its owner can read, in place of any that was there."""
    try:
        with _written(path, content) as fresh:
            fresh.replace(path)
    except OSError as error:
        raise CannotStartError(f"{path} can't be written: {error.strerror}") from None


@contextmanager
def _written(path: Path, content: str) -> Iterator[Path]:
    """Give a private file beside the one it is to become; file and name are on disk at the end."""
    make_private_folder(path.parent)
    number, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    fresh = Path(name)
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(content + "\n")
            file.flush()
            os.fsync(file.fileno())
        yield fresh
    finally:
        fresh.unlink(missing_ok=True)
    archive.sync_folder(path.parent)
