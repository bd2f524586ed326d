"""A wire to PostgreSQL that fails where the intake is hurt most, and either breaks or goes silent."""

import asyncio
from enum import Enum
from pathlib import Path

from tests.race.proxy import Wire


class Moment(Enum):
    """When the wire fails: at the next COMMIT of the intake, or before."""

    COMMIT_ON_ITS_WAY = "before it arrives"
    COMMIT_ARRIVED = "before its answer"
    STATEMENT_ARRIVED = "before the answer to a statement"


class IntakeWire(Wire):
    """Fails once at the moment it is told. Silent, it keeps both ends open, as a network does that died."""

    def __init__(self, server: Path) -> None:
        super().__init__(server)
        self.moment: Moment | None = None
        self.silently = False
        self.failed = 0
        self.over = asyncio.Event()

    async def _forward(
        self,
        reader: asyncio.StreamReader,
        far_reader: asyncio.StreamReader,
        far_writer: asyncio.StreamWriter,
        answers: asyncio.Task[None],
    ) -> None:
        intake = begun = False
        while data := await reader.read(65536):
            intake |= b"INTO idempotency" in data
            if not intake or not self._fails_at(data, begun=begun):
                # A statement the connection does not know yet is announced first, and carried out next.
                begun = b"BEGIN" in data or (begun and b"INTO idempotency" in data)
                far_writer.write(data)
                continue
            arrives, self.moment = self.moment is not Moment.COMMIT_ON_ITS_WAY, None
            self.failed += 1
            if arrives:
                await self.lose_answer(data, far_reader, far_writer, answers)
            if self.down_after_cut:
                self.cut_all()
            if self.silently:
                answers.cancel()
                await self.over.wait()
            return

    def _fails_at(self, data: bytes, *, begun: bool) -> bool:
        if self.moment is Moment.STATEMENT_ARRIVED:
            return begun and b"INTO idempotency" not in data
        return self.moment is not None and b"COMMIT;" in data
