"""The snapshot this process decides by, kept fresh."""

import asyncio
from datetime import datetime
from uuid import UUID

from app import clock
from app.configuration import store
from app.configuration.snapshot import Snapshot
from app.db.database import Database
from app.logs import get_logger

REFRESH_SECONDS = 1.0
STALE_SECONDS = 10.0
_log = get_logger("configuration.live")


class Configuration:
    """Holds the current snapshot and reloads it when another process has raised the version."""

    def __init__(self, database: Database, snapshot: Snapshot) -> None:
        """Start from a snapshot just loaded."""
        self._database = database
        self._refreshing = asyncio.Lock()
        self._seen_at = clock.monotonic()
        self.current = snapshot
        self.used: dict[UUID, datetime] = {}

    @property
    def age_seconds(self) -> float:
        """How long ago the snapshot was known to be current."""
        return clock.monotonic() - self._seen_at

    async def refresh(self) -> None:
        """Make the snapshot current; one at a time, so that an older look never undoes a newer one."""
        async with self._refreshing:
            asked_at = clock.monotonic()
            version = await self._database.read(store.version)
            if version != self.current.version:
                self.current = await self._database.read(store.load)
            self._seen_at = asked_at

    async def keep_fresh(self) -> None:
        """Refresh for ever; a database that can't be asked makes the snapshot old, which readiness shows."""
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            try:
                await self.refresh()
            except Exception as error:  # noqa: BLE001  (the database may be away: try again in a second)
                _log.warning("configuration could not be refreshed", error=type(error).__name__)
