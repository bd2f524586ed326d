"""What is counted in a distribution, and what keeps a worker's heart beating."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from app import clock
from app.edge.telemetry import Distribution
from app.watch import pulse
from app.watch.pulse import Pulse

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_a_value_falls_into_the_first_bound_that_holds_it() -> None:
    distribution = Distribution((1, 10))
    for value in (0, 1, 1.5, 10, 11):
        distribution.add(value)

    assert distribution.counts == [2, 2, 1]
    assert distribution.total == 23.5


def test_a_heart_beats_while_each_step_succeeds_when_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    at = clock.monotonic()
    heart = Pulse(UUID(int=0))
    beating = [heart.beating]

    def look(seconds: float) -> None:
        monkeypatch.setattr(clock, "monotonic", lambda: at + seconds)
        beating.append(heart.beating)

    heart.begin("assign")
    heart.begin("seldom")
    look(pulse.STALLED_SECONDS - 1)
    heart.note_success("assign", now=NOW, rests_seconds=0)
    look(pulse.STALLED_SECONDS + 1)
    heart.note_success("seldom", now=NOW, rests_seconds=60)
    look(2 * pulse.STALLED_SECONDS - 2)
    look(2 * pulse.STALLED_SECONDS)
    heart.note_success("assign", now=NOW, rests_seconds=60)
    look(60 + 2 * pulse.STALLED_SECONDS)

    assert beating == [False, True, False, True, False, True]
    assert (heart.succeeded, heart.succeeded_at["assign"]) == ({"assign": 2, "seldom": 1}, NOW)


async def test_a_rest_ends_with_the_worker() -> None:
    heart = Pulse(UUID(int=0))
    await heart.rest(0.001)
    heart.stopping.set()
    began = clock.monotonic()
    await heart.rest(60)

    assert clock.monotonic() - began < 1
