"""A server told to stop under load: what it acknowledged is there once, and it leaves in order."""

import pytest

from app.settings import Settings
from tests import databases
from tests.faults.form import SEED, Figures
from tests.faults.ledger import Ledger, talking
from tests.faults.oracle import Verdict, judge
from tests.faults.rows import read
from tests.faults.running import running
from tests.faults.waiting import until

KINDS = [kind for kind in ("sqlite", "pg16") if kind in databases.KINDS]
CLIENTS = 16


async def stop_under_load(settings: Settings, *, without: str | None = None) -> tuple[Verdict, int]:
    """Stop a busy server and start it again for the clients' last words; return its code as well."""
    ledger = Ledger(SEED)
    async with running(settings, without=without) as server, talking(ledger, server.caller, clients=CLIENTS):
        await until(lambda: ledger.acknowledged >= 100, seconds=30)
        code = await server.stop()
        await server.start()
    return judge(ledger, await read(settings)), code


@pytest.mark.parametrize("kind", KINDS, indirect=True)
async def test_what_was_acknowledged_before_the_end_is_there_once(
    empty_settings: Settings, figures: Figures
) -> None:
    verdict, code = await stop_under_load(empty_settings)

    figures(verdict, faults=1)
    assert code == 0
    assert verdict.clean, verdict


@pytest.mark.parametrize("kind", KINDS[:1], indirect=True)
async def test_a_stopped_server_that_answered_too_early_is_seen_to_lose(empty_settings: Settings) -> None:
    verdict, _ = await stop_under_load(empty_settings, without="acknowledge_early")

    assert verdict.lost
