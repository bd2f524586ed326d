"""The same key from fifty callers at one instant: one row, and one answer for all."""

import asyncio
from dataclasses import dataclass

import pytest

from app.settings import Settings
from tests import databases
from tests.faults.caller import Answer
from tests.faults.form import FORM, SEED, Figures
from tests.faults.ledger import Ledger
from tests.faults.oracle import Verdict, judge
from tests.faults.rows import read
from tests.faults.running import running

KINDS = [kind for kind in ("sqlite", "pg16") if kind in databases.KINDS]
CALLERS = 50


@dataclass(frozen=True, slots=True)
class Crowd:
    """What became of all that was asked: the verdict, and the answers key by key."""

    verdict: Verdict
    answers: list[list[Answer]]


async def ask_together(settings: Settings, *, without: str | None = None) -> Crowd:
    """Let all callers post the same, key after key."""
    ledger, answers = Ledger(SEED), []
    async with running(settings, without=without) as server:
        callers = [server.caller() for _ in range(CALLERS)]
        for _ in range(FORM.keys):
            post = ledger.new_post(keyed=True)
            found = await asyncio.gather(*(each.post(post.path, post.body, key=post.key) for each in callers))
            for answer in found:
                ledger.take(post, answer)
            answers.append(list(found))
        for each in callers:
            each.close()
    return Crowd(judge(ledger, await read(settings)), answers)


@pytest.mark.parametrize("kind", KINDS, indirect=True)
async def test_one_key_in_fifty_posts_is_one_row_and_one_answer(
    empty_settings: Settings, figures: Figures
) -> None:
    crowd = await ask_together(empty_settings)

    figures(crowd.verdict, faults=FORM.keys * CALLERS)
    assert crowd.verdict.clean, crowd.verdict
    for answers in crowd.answers:
        assert {answer.status for answer in answers} <= {200, 201}
        assert len({answer.body for answer in answers}) == 1
        assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1


@pytest.mark.parametrize("kind", KINDS[:1], indirect=True)
async def test_a_server_that_forgets_keys_is_seen_to_double(empty_settings: Settings) -> None:
    crowd = await ask_together(empty_settings, without="forget_keys")

    assert crowd.verdict.doubled
    assert any(len({answer.body for answer in answers}) > 1 for answers in crowd.answers)
