"""A PostgreSQL that crashes under load: nothing acknowledged is lost, and we go on without a restart."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from app import clock
from app.settings import Settings
from tests import databases
from tests.faults.cluster import Cluster, cluster
from tests.faults.form import FORM, FULL, SEED, Figures, at_length
from tests.faults.ledger import Ledger, talking
from tests.faults.oracle import judge
from tests.faults.rows import read
from tests.faults.running import running
from tests.faults.waiting import until

pytestmark = pytest.mark.skipif("pg16" not in databases.KINDS, reason="only PostgreSQL can crash alone")
PROMISED_SECONDS = 5.0
Fault = Callable[[Cluster, Ledger], Awaitable[float]]


def settings_of(database: Cluster, folder: Path) -> Settings:
    return Settings(data_dir=folder, database_url=database.url)


async def crash_and_return(database: Cluster, ledger: Ledger, *, seconds: float = 60) -> float:
    """Crash, come back, and return how long after its first answer we acknowledged something again."""
    await database.crash()
    await database.start()
    return await acknowledging_again(ledger, seconds=seconds)


async def lose_one_and_recover(database: Cluster, ledger: Ledger) -> float:
    """Lose one process, and return how long after the database's first answer we acknowledged again."""
    await database.lose_one()
    await database.wait()
    return await acknowledging_again(ledger, seconds=60)


async def acknowledging_again(ledger: Ledger, *, seconds: float) -> float:
    """Wait for the next acknowledgement, and return how long it took."""
    answers_at, so_far = clock.monotonic(), ledger.acknowledged
    await until(lambda: ledger.acknowledged > so_far, seconds=seconds)
    return ledger.acknowledged_at[so_far] - answers_at


@pytest.mark.parametrize("fault", [crash_and_return, lose_one_and_recover])
async def test_a_database_that_crashes_loses_and_doubles_nothing(
    tmp_path: Path, figures: Figures, fault: Fault
) -> None:
    ledger, recoveries = Ledger(SEED), []
    async with cluster() as database:
        settings = settings_of(database, tmp_path)
        async with running(settings) as server:
            async with talking(ledger, server.caller):
                for _ in range(FORM.crashes):
                    await asyncio.sleep(ledger.script.random.uniform(0.5, 1.5))
                    recoveries.append(await fault(database, ledger))
            assert server.running
        verdict = judge(ledger, await read(settings))

    figures(verdict, faults=FORM.crashes, slowest=max(recoveries))
    assert verdict.clean, verdict
    assert set(ledger.refusals) <= {"unavailable", "overloaded", "outcome_unknown"}
    assert not FULL or max(recoveries) <= PROMISED_SECONDS


@at_length
async def test_a_database_that_commits_in_memory_is_seen_to_lose(tmp_path: Path) -> None:
    """The same crash, with the database's own promise taken out."""
    ledger = Ledger(SEED)
    async with cluster(synchronous_commit="off", wal_writer_delay="10s") as database:
        settings = settings_of(database, tmp_path)
        async with running(settings) as server, talking(ledger, server.caller, clients=8):
            await until(lambda: ledger.acknowledged > 100, seconds=30)
            await crash_and_return(database, ledger)
        verdict = judge(ledger, await read(settings))

    assert verdict.lost


@at_length
async def test_a_server_that_misreads_the_crash_is_seen_to_answer_amiss(tmp_path: Path) -> None:
    ledger = Ledger(SEED)
    async with (
        cluster() as database,
        running(settings_of(database, tmp_path), without="misread_the_database") as server,
        talking(ledger, server.caller, clients=8),
    ):
        await until(lambda: ledger.acknowledged, seconds=30)
        await crash_and_return(database, ledger)

    assert any(found.startswith("500 ") for found in ledger.unexpected)


@at_length
async def test_a_server_that_keeps_broken_connections_is_seen_not_to_return(tmp_path: Path) -> None:
    ledger = Ledger(SEED)
    async with (
        cluster() as database,
        running(settings_of(database, tmp_path), without="keep_broken_connections") as server,
        talking(ledger, server.caller, clients=8) as silence,
    ):
        await until(lambda: ledger.acknowledged, seconds=30)
        with pytest.raises(TimeoutError):
            await crash_and_return(database, ledger, seconds=PROMISED_SECONDS)
        silence()
