"""Scales: a score lies on its instrument's scale, or says why not and at which place."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import ValidationError
from app.satisfaction import scale
from app.satisfaction.rules import InstrumentFacts
from app.satisfaction.schemas import ScoreIn

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def instrument(low: int, high: int, step: float = 1) -> InstrumentFacts:
    return InstrumentFacts(UUID(int=1), "csat", 1, low, high, step)


@pytest.mark.parametrize(
    ("low", "high", "step", "taken", "refused"),
    [
        pytest.param(1, 5, 1, [1, 2, 3, 4, 5, 2.0], [0, 6, -1, 2.5, 1.0001], id="csat"),
        pytest.param(0, 10, 1, [0, 10], [-1, 11, 9.5], id="nps"),
        pytest.param(0, 1, 0.1, [0, 0.1, 0.3, 0.7, 1], [0.05, 0.35, 1.1], id="tenths"),
        pytest.param(-5, 5, 0.5, [-5, -4.5, 0, 5], [-5.5, 0.25], id="below zero"),
        pytest.param(1, 10, 2, [1, 3, 9], [2, 10], id="a step that does not meet the end"),
    ],
)
def test_a_scale_takes_its_own_steps_and_nothing_between(
    low: int, high: int, step: float, taken: list[float], refused: list[float]
) -> None:
    on = instrument(low, high, step)

    assert [value for value in taken if not on.takes(value)] == []
    assert [value for value in refused if on.takes(value)] == []


@given(st.integers(-1000, 999), st.integers(1, 1000), st.sampled_from([1, 0.5, 0.25, 0.1, 0.01, 0.001]))
def test_every_step_of_a_scale_is_on_it(low: int, length: int, step: float) -> None:
    on = instrument(low, low + length, step)
    steps = int(length / step)

    assert all(on.takes(round(low + n * step, 3)) for n in {0, 1, steps // 2, steps - 1, steps})


def test_each_wrong_score_is_pointed_at() -> None:
    scores = [
        ScoreIn(instrument="csat", value=6),
        ScoreIn(instrument="csat", value=5, expected=0),
        ScoreIn(instrument="stars", value=5),
    ]
    with pytest.raises(ValidationError) as caught:
        scale.check(scores, {"csat": instrument(1, 5)}, now=NOW)

    assert [(it.pointer, it.code) for it in caught.value.flaws] == [
        ("/scores/0/value", "out_of_scale"),
        ("/scores/1/expected", "out_of_scale"),
        ("/scores/2/instrument", "unknown_instrument"),
    ]


def test_the_first_row_of_a_submission_has_its_words() -> None:
    given_scores = [ScoreIn(instrument="csat", value=value, dimension="speed") for value in (1, 5)]
    scored = scale.check(given_scores, {"csat": instrument(1, 5)}, now=NOW)
    rows = scale.rows(scored, {"channel": "web"}, comment="Slow.")

    assert [(row["value"], row["comment"], row["channel"]) for row in rows] == [
        (1, "Slow.", "web"),
        (5, None, "web"),
    ]
    assert len({row["id"] for row in rows}) == 2
