"""Check scores against their instruments, and make their rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.errors import Flaw, ValidationError
from app.ids import new_id
from app.satisfaction.rules import InstrumentFacts
from app.satisfaction.schemas import ScoreIn


@dataclass(frozen=True, slots=True)
class Scored:
    """A score that lies on its instrument's scale, with the id it will have."""

    id: UUID
    instrument_id: UUID
    score: ScoreIn


def check(
    scores: Sequence[ScoreIn], instruments: Mapping[str, InstrumentFacts], *, now: datetime
) -> tuple[Scored, ...]:
    """Pair each score with the latest version of its instrument.

    Raises:
        ValidationError: an instrument is unknown, or a value off its scale.
    """
    flaws = [flaw for place, score in enumerate(scores) for flaw in _flaws(place, score, instruments)]
    if flaws:
        raise ValidationError(flaws=flaws)
    return tuple(Scored(new_id(now), instruments[score.instrument].id, score) for score in scores)


def rows(
    scored: Sequence[Scored],
    shared: Mapping[str, Any],
    *,
    comment: str | None = None,
) -> list[dict[str, Any]]:
    """Return the rows of one submission's scores; `shared` is what they share, the first has the comment."""
    return [
        {
            **shared,
            "id": each.id,
            "instrument_id": each.instrument_id,
            "value": each.score.value,
            "expected": each.score.expected,
            "dimension": each.score.dimension,
            "comment": comment if each is scored[0] else None,
        }
        for each in scored
    ]


def _flaws(place: int, score: ScoreIn, instruments: Mapping[str, InstrumentFacts]) -> list[Flaw]:
    instrument = instruments.get(score.instrument)
    if instrument is None:
        return [Flaw(f"/scores/{place}/instrument", "unknown_instrument", "no such instrument")]
    detail = (
        f"{instrument.name} runs from {instrument.low} to {instrument.high} in steps of {instrument.step:g}"
    )
    given = {"value": score.value, "expected": score.expected}
    return [
        Flaw(f"/scores/{place}/{name}", "out_of_scale", detail)
        for name, value in given.items()
        if value is not None and not instrument.takes(value)
    ]
