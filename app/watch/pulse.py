"""How the worker of this process is doing: what its steps did, and whether each still does it."""

import asyncio
from collections import defaultdict
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from app import clock

STALLED_SECONDS = 10.0


class Pulse:
    """Counts what the steps did; one that has done nothing for too long stops the heart."""

    def __init__(self, process: UUID) -> None:
        """Take the id of this process, by which other processes know its sign of life."""
        self.process = process
        self.stopping = asyncio.Event()
        self.succeeded: dict[str, int] = defaultdict(int)
        self.failed: dict[str, int] = defaultdict(int)
        self.succeeded_at: dict[str, datetime] = {}
        self._due: dict[str, float] = {}

    @property
    def beating(self) -> bool:
        """Whether there are steps, and each has succeeded when it should have."""
        return bool(self._due) and min(self._due.values()) + STALLED_SECONDS >= clock.monotonic()

    def begin(self, step: str) -> None:
        """Expect a step to succeed soon."""
        self._due[step] = clock.monotonic()

    def note_success(self, step: str, *, now: datetime, rests_seconds: float) -> None:
        """Note that a step succeeded, and when it will be tried again."""
        self.succeeded[step] += 1
        self.succeeded_at[step] = now
        self._due[step] = clock.monotonic() + rests_seconds

    def note_failure(self, step: str) -> None:
        """Note that a step failed."""
        self.failed[step] += 1

    async def rest(self, seconds: float) -> None:
        """Sleep, but not longer than until the end."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)
