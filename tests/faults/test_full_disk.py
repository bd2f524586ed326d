"""A full disk: refusals that say so and nothing worse, then space again, and the same process goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.settings import Settings
from tests import databases
from tests.faults.caller import Caller
from tests.faults.cluster import cluster
from tests.faults.disk import Disk, small_disk
from tests.faults.form import SEED, Figures
from tests.faults.ledger import Ledger, talking
from tests.faults.oracle import judge
from tests.faults.rows import read
from tests.faults.running import Heard, running
from tests.faults.waiting import until

KINDS = [kind for kind in ("sqlite", "pg16") if kind in databases.KINDS]
MEGABYTES = 96
REFUSALS = 100


@asynccontextmanager
async def on_small_disk(kind: str) -> AsyncIterator[tuple[Disk, Settings]]:
    """Put the data of the embedded database, or the tables of a PostgreSQL, on a disk that can be filled.

    PostgreSQL's log stays elsewhere: out of space for that it ends itself, which is a crash like any other.
    """
    with small_disk(MEGABYTES) as disk, small_disk(1) as other:
        if kind == "sqlite":
            yield disk, Settings(data_dir=disk.folder)
        else:
            async with cluster(data=disk.folder / "data") as database:
                yield disk, Settings(data_dir=other.folder, database_url=database.url)


async def fill_and_empty(server: Heard, ledger: Ledger, disk: Disk) -> None:
    """Fill the disk until a hundred were refused, look around, empty it, and wait for an acknowledgement."""
    caller = server.caller()
    await until(lambda: ledger.acknowledged > 100, seconds=30)
    disk.fill()
    await until(lambda: ledger.refusals.total() >= REFUSALS, seconds=30)
    await look_around(caller)
    ready = (await caller.get("/readyz")).json()
    assert ready["ready"] is (ready["disk"] is None)  # of another's disk we know nothing
    so_far = ledger.acknowledged
    disk.empty()
    await until(lambda: ledger.acknowledged > so_far, seconds=30)
    assert (await caller.get("/readyz")).status == 200
    caller.close()


async def look_around(caller: Caller) -> None:
    """What needs no space is answered as ever."""
    for path in ("/livez", "/v1/tickets", "/v1/sources"):
        assert (await caller.get(path)).status == 200, path


@pytest.mark.parametrize("kind", KINDS)
async def test_a_full_disk_costs_refusals_only(kind: str, figures: Figures) -> None:
    ledger = Ledger(SEED)
    async with on_small_disk(kind) as (disk, settings):
        async with running(settings) as server:
            async with talking(ledger, server.caller, clients=8):
                await fill_and_empty(server, ledger, disk)
            assert server.running
        verdict = judge(ledger, await read(settings))

    figures(verdict, faults=ledger.refusals.total())
    assert verdict.clean, verdict
    assert set(ledger.refusals) == {"unavailable"}


async def test_a_server_that_ignores_a_failed_commit_is_seen_to_lose() -> None:
    ledger = Ledger(SEED)
    async with on_small_disk("sqlite") as (disk, settings):
        without = running(settings, without="ignore_failed_commit")
        async with without as server, talking(ledger, server.caller, clients=8):
            await until(lambda: ledger.acknowledged, seconds=30)
            disk.fill()
            await asyncio.sleep(0.5)
            disk.empty()
        verdict = judge(ledger, await read(settings))

    assert verdict.lost


@pytest.mark.skipif("pg16" not in KINDS, reason="the embedded database says so at COMMIT, whatever it says")
async def test_a_server_that_misreads_a_full_disk_is_seen_to_answer_amiss() -> None:
    ledger = Ledger(SEED)
    async with (
        on_small_disk("pg16") as (disk, settings),
        running(settings, without="misread_the_database") as server,
        talking(ledger, server.caller, clients=8) as silence,
    ):
        await until(lambda: ledger.acknowledged, seconds=30)
        disk.fill()
        # A batch may be the first to meet it, and says so item by item.
        await until(lambda: any(found.startswith("500 ") for found in ledger.unexpected), seconds=30)
        silence()
