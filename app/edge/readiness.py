"""Can this process do its work? Looks at everything that could stand in the way, within a time limit.

An absent worker is said, but does not make a process unready: what it takes in waits safely, and taking in
nothing would help nobody.
"""

import asyncio
import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy.orm import Session

from app.configuration.live import STALE_SECONDS
from app.db import jobs, migrate
from app.db.jobs import State
from app.db.migrate import NewSchemaError, OldSchemaError
from app.logs import get_logger
from app.services import Services
from app.settings import Settings
from app.watch import heartbeat_store

LIMIT_SECONDS = 2.0
_log = get_logger("edge.readiness")


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether this process can do its work, and what stands in the way."""

    ready: bool
    draining: bool
    database: bool
    schema: bool
    writer: bool
    flushers: bool
    waiting_rows: int
    snapshot: bool
    snapshot_age_seconds: float
    worker: bool
    disk: bool | None
    disk_free_bytes: int | None
    wal_bytes: int | None
    sqlite_version: str | None
    jobs: Annotated[Mapping[State, int], Field(exclude=True)]  # by state; for the figures alone


class _Question:
    """Something that may take for ever to answer: asked once at a time, awaited for a while only."""

    def __init__(self, ask: Callable[[], Awaitable[Any]]) -> None:
        self._ask = ask
        self._asked: asyncio.Future[Any] | None = None

    async def answer(self) -> Any:
        """Return the answer; None when there was none in time, or it failed."""
        if self._asked is None or self._asked.done():
            self._asked = asyncio.ensure_future(self._ask())
        answered, _ = await asyncio.wait({self._asked}, timeout=LIMIT_SECONDS)
        if not answered or self._asked.cancelled():
            return None
        if error := self._asked.exception():
            _log.warning("not ready", error=type(error).__name__)
            return None
        return self._asked.result()

    def forget(self) -> None:
        """Ask no longer."""
        if self._asked is not None:
            self._asked.cancel()


class Looker:
    """Looks whether one application is ready; knows whether it was told to stop."""

    def __init__(self, services: Services) -> None:
        """Take what the process works with."""
        self._services = services
        self._read = _Question(lambda: services.read(partial(_seen, services)))
        self._written = _Question(lambda: services.write(_write))
        self._measured = _Question(lambda: asyncio.to_thread(_measure, services.settings))
        self.draining = False

    async def look(self) -> Readiness:
        """Return what stands now."""
        services = self._services
        embedded = services.settings.embedded
        read, written, measured = await asyncio.gather(
            self._read.answer(), self._written.answer(), self._measured.answer()
        )
        known, worker_elsewhere, jobs_by_state = read or (False, False, {})
        free, wal = measured or (None, None)
        age = services.configuration.age_seconds
        needed = {
            "database": read is not None,
            "schema": known,
            "writer": written is not None,
            "flushers": services.intake.healthy,
            "snapshot": age <= STALE_SECONDS,
        }
        roomy = not embedded or (free is not None and free >= services.settings.disk_free_bytes)
        return Readiness(
            **needed,
            ready=all(needed.values()) and not self.draining and roomy,
            draining=self.draining,
            waiting_rows=services.intake.waiting_rows,
            snapshot_age_seconds=round(age, 3),
            worker=services.pulse.beating if services.settings.worker else worker_elsewhere,
            disk=roomy if embedded else None,
            disk_free_bytes=free,
            wal_bytes=wal,
            sqlite_version=sqlite3.sqlite_version if embedded else None,
            jobs=jobs_by_state,
        )

    def close(self) -> None:
        """Let go of questions that hang."""
        for question in (self._read, self._written, self._measured):
            question.forget()


def _seen(services: Services, session: Session) -> tuple[bool, bool, Mapping[State, int]]:
    """Return whether the schema is one we know, whether a worker was seen, and how many jobs stand where."""
    try:
        migrate.require_known(session)
    except (OldSchemaError, NewSchemaError):
        return False, False, {}
    now = services.clock()
    return True, heartbeat_store.worker_seen(session, now=now), jobs.counts(session, now=now)


def _write(session: Session) -> bool:
    """Write nothing that stays: that the writer comes to it, and may, is the answer."""
    migrate.ask_to_write(session)
    return True


def _measure(settings: Settings) -> tuple[int | None, int | None]:
    """Return the free bytes beside the embedded database, and those of its write-ahead log."""
    if not settings.embedded:
        return None, None
    wal = settings.sqlite_path.with_name(f"{settings.sqlite_path.name}-wal")
    return shutil.disk_usage(settings.data_dir).free, wal.stat().st_size if wal.exists() else 0
