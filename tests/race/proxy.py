"""A wire between us and a PostgreSQL that can be cut at the worst moment: when COMMIT has been sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum
from pathlib import Path

SOCKET = ".s.PGSQL.5432"


class Cut(Enum):
    """What happens to the next COMMIT."""

    BEFORE_IT_ARRIVES = "before"
    BEFORE_THE_ANSWER = "after"


class Wire:
    """Forwards everything, until told to cut; down, it cuts every connection and takes no other."""

    def __init__(self, server: Path) -> None:
        self._server = server
        self._ends: set[asyncio.StreamWriter] = set()
        self.cuts: list[Cut] = []
        self.down_after_cut = False
        self.down = False

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of ours."""
        if self.down:
            writer.close()
            return
        far_reader, far_writer = await asyncio.open_unix_connection(str(self._server / SOCKET))
        self._ends.add(writer)
        answers = asyncio.create_task(_pump(far_reader, writer))
        try:
            with suppress(ConnectionError):
                await self._forward(reader, far_reader, far_writer, answers)
        finally:
            answers.cancel()
            self._ends.discard(writer)
            far_writer.close()
            writer.close()

    async def _forward(
        self,
        reader: asyncio.StreamReader,
        far_reader: asyncio.StreamReader,
        far_writer: asyncio.StreamWriter,
        answers: asyncio.Task[None],
    ) -> None:
        while data := await reader.read(65536):
            if not (self.cuts and b"COMMIT;" in data):
                far_writer.write(data)
                continue
            if self.cuts.pop() is Cut.BEFORE_THE_ANSWER:
                await self.lose_answer(data, far_reader, far_writer, answers)
            if self.down_after_cut:
                self.cut_all()
            return

    async def lose_answer(
        self,
        data: bytes,
        far_reader: asyncio.StreamReader,
        far_writer: asyncio.StreamWriter,
        answers: asyncio.Task[None],
    ) -> None:
        """Let it arrive and be carried out, and keep the answer to ourselves."""
        answers.cancel()
        await asyncio.wait([answers])
        far_writer.write(data)
        await far_reader.read(1)  # it was carried out

    def cut_all(self) -> None:
        """Cut every connection, and take no other until `down` is false again."""
        self.down = True
        for end in self._ends:
            end.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def wire_to(server: Path, folder: Path) -> AsyncIterator[Wire]:
    """Lay a wire to the server whose socket lies in a folder; it begins at a socket in another folder."""
    wire = Wire(server)
    async with lay(wire, folder):
        yield wire


@asynccontextmanager
async def lay(wire: Wire, folder: Path) -> AsyncIterator[None]:
    """Let a wire begin at a socket in a folder."""
    listener = await asyncio.start_unix_server(wire.connect, folder / SOCKET)
    yield
    listener.close()
