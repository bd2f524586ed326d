"""The wire to PostgreSQL fails around COMMIT, again and again: each submission is stored once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.settings import Settings
from tests import databases
from tests.faults.form import FORM, FULL, SEED, Figures, at_length
from tests.faults.ledger import Ledger, insist
from tests.faults.oracle import judge
from tests.faults.rows import read
from tests.faults.running import Heard, running
from tests.faults.saying import ONE, Post, Said
from tests.faults.waiting import until
from tests.faults.wire import IntakeWire, Moment
from tests.race.proxy import lay

pytestmark = [
    pytest.mark.skipif("pg16" not in databases.KINDS, reason="only PostgreSQL is at the end of a wire"),
    pytest.mark.parametrize("kind", ["pg16"], indirect=True),
]


@asynccontextmanager
async def wired(settings: Settings, *, without: str | None = None) -> AsyncIterator[tuple[Heard, IntakeWire]]:
    """Run a server at the end of a wire; without its worker, so that the intake alone commits."""
    folder = settings.data_dir
    wire = IntakeWire(databases.folder_of(16))
    async with lay(wire, folder):
        address = str(settings.database_url).partition("?")[0] + f"?host={folder}"
        far = settings.model_copy(update={"database_url": address})
        async with running(far, without=without, worker=False) as server:
            try:
                yield server, wire
            finally:
                wire.over.set()


async def fail_again_and_again(
    server: Heard, wire: IntakeWire, ledger: Ledger, moment: Moment, *, times: int
) -> None:
    """Let some post at once, one of them without a key, while the wire fails; then ask the same again."""
    callers = [server.caller() for _ in range(4)]
    for number in range(times):
        wire.moment = moment
        posts = [ledger.new_post(keyed=True) for _ in callers[1:]]
        bare = ledger.enter(Post(ONE, None, (Said(f"bare-{moment.name}-{number}"),)))
        both = zip(callers, [bare, *posts], strict=True)
        await asyncio.gather(*(insist(ledger, caller, post) for caller, post in both))
        for post in posts:
            await insist(ledger, callers[0], post)
    for caller in callers:
        caller.close()


@pytest.mark.parametrize("moment", Moment)
async def test_what_the_wire_swallowed_is_stored_once(
    empty_settings: Settings, moment: Moment, figures: Figures
) -> None:
    ledger = Ledger(SEED)
    async with wired(empty_settings) as (server, wire):
        await fail_again_and_again(server, wire, ledger, moment, times=FORM.cut_commits)

    verdict = judge(ledger, await read(empty_settings))
    figures(verdict, faults=wire.failed)
    assert wire.failed == FORM.cut_commits
    assert verdict.clean, verdict
    assert ledger.interrupted == 0
    assert moment is Moment.STATEMENT_ARRIVED or not ledger.refusals


@pytest.mark.parametrize("moment", Moment if FULL else [Moment.COMMIT_ON_ITS_WAY])
async def test_a_wire_gone_silent_holds_nobody_up_for_long(
    empty_settings: Settings, moment: Moment, figures: Figures
) -> None:
    """The client has less patience than we, and comes again while its first try still hangs."""
    ledger = Ledger(SEED)
    async with wired(empty_settings) as (server, wire):
        impatient, post = server.caller(patience=2), ledger.new_post(keyed=True)
        wire.moment, wire.silently = moment, True
        async with asyncio.timeout(30):
            await insist(ledger, impatient, post)
            await insist(ledger, impatient, post)
        impatient.close()

    verdict = judge(ledger, await read(empty_settings))
    figures(verdict, faults=wire.failed)
    assert wire.failed == 1
    assert ledger.interrupted
    assert verdict.clean, verdict


async def test_when_nobody_can_say_the_same_key_finds_out(empty_settings: Settings, figures: Figures) -> None:
    ledger = Ledger(SEED)
    async with wired(empty_settings) as (server, wire):
        caller, post = server.caller(), ledger.new_post(keyed=True)
        wire.moment, wire.down_after_cut = Moment.COMMIT_ARRIVED, True
        asked = asyncio.create_task(insist(ledger, caller, post))
        await until(lambda: ledger.refusals, seconds=30)
        wire.down = False
        await asked
        caller.close()

    verdict = judge(ledger, await read(empty_settings))
    figures(verdict, faults=wire.failed)
    assert ledger.refusals["outcome_unknown"] == 1
    assert verdict.clean, verdict


async def test_a_server_that_takes_silence_for_yes_is_seen_to_lose(empty_settings: Settings) -> None:
    ledger = Ledger(SEED)
    async with wired(empty_settings, without="assume_committed") as (server, wire):
        await fail_again_and_again(server, wire, ledger, Moment.COMMIT_ON_ITS_WAY, times=1)

    assert judge(ledger, await read(empty_settings)).lost


async def test_a_server_that_takes_silence_for_no_is_seen_to_double(empty_settings: Settings) -> None:
    ledger = Ledger(SEED)
    async with wired(empty_settings, without="assume_aborted") as (server, wire):
        await fail_again_and_again(server, wire, ledger, Moment.COMMIT_ARRIVED, times=3)

    assert judge(ledger, await read(empty_settings)).doubled


@at_length
async def test_a_server_that_waits_for_the_dead_is_seen_to_refuse(empty_settings: Settings) -> None:
    ledger = Ledger(SEED)
    async with wired(empty_settings, without="wait_for_the_dead") as (server, wire):
        impatient, post = server.caller(patience=2), ledger.new_post(keyed=True)
        wire.moment, wire.silently = Moment.COMMIT_ON_ITS_WAY, True
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await insist(ledger, impatient, post)
        impatient.close()
