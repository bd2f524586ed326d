"""A server killed under load, again and again: what it acknowledged is there once, and nothing else is."""

import asyncio

import pytest

from app.settings import Settings
from tests import databases
from tests.faults.form import FORM, SEED, Figures
from tests.faults.ledger import Ledger, talking
from tests.faults.oracle import judge
from tests.faults.rows import read
from tests.faults.running import running
from tests.faults.waiting import until

KINDS = [kind for kind in ("sqlite", "pg16") if kind in databases.KINDS]


@pytest.mark.parametrize("kind", KINDS, indirect=True)
async def test_a_killed_server_loses_and_doubles_nothing(empty_settings: Settings, figures: Figures) -> None:
    ledger = Ledger(SEED)
    async with running(empty_settings) as server, talking(ledger, server.caller):
        for _ in range(FORM.kills):
            await asyncio.sleep(ledger.script.random.uniform(*FORM.kill_after))
            await server.kill()
            await server.start()
        await until(lambda: ledger.acknowledged >= FORM.acknowledged, seconds=600)

    rows = await read(empty_settings)
    verdict = judge(ledger, rows)
    figures(verdict, faults=FORM.kills)
    assert verdict.clean, verdict
    assert verdict.acknowledged >= FORM.acknowledged
    assert all((rows.scores, rows.clocks, rows.stream, rows.idempotency, rows.external_ids, rows.identities))


@pytest.mark.parametrize("kind", KINDS[:1], indirect=True)
async def test_a_server_that_answers_before_it_stores_is_seen_to_lose(empty_settings: Settings) -> None:
    ledger = Ledger(SEED)
    without = running(empty_settings, without="acknowledge_early")
    async with without as server, talking(ledger, server.caller, clients=4) as silence:
        await until(lambda: ledger.acknowledged > 100, seconds=30)
        await server.kill()
        silence()

    verdict = judge(ledger, await read(empty_settings))
    assert verdict.lost
    assert not verdict.doubled
