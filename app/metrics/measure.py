"""The figures: each is a question, what the database finds, and the shape of its rows."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from app.metrics import (
    episodes_store,
    response_times_store,
    satisfaction_store,
    shapes,
    sla_store,
    store,
    volume_store,
)
from app.metrics.definitions import DEFINITIONS, definition, of_response_times
from app.metrics.layout import WHOLE, lay_out
from app.metrics.query import ResponseTimesQuery, SatisfactionQuery, SlaQuery, View
from app.metrics.rules import NO_LATENESS, Distribution, Scale, no_durations
from app.metrics.schemas import (
    Answer,
    Ces,
    Csat,
    DefinitionOut,
    DefinitionsOut,
    Nps,
    Own,
    ResponseTimes,
    SlaAnswer,
    Volume,
)
from app.metrics.shapes import Asked

SatisfactionAnswer = Answer[Csat] | Answer[Nps] | Answer[Ces] | Answer[Own]
_KINDS: Mapping[str, tuple[Callable[[shapes.Keys, Distribution, Asked], Any], type[Answer[Any]]]] = {
    "csat": (shapes.csat, Answer[Csat]),
    "nps": (shapes.nps, Answer[Nps]),
    "ces": (shapes.ces, Answer[Ces]),
    "scale": (shapes.own, Answer[Own]),
}


def response_times(session: Session, query: ResponseTimesQuery, *, now: datetime) -> Answer[ResponseTimes]:
    """Measure how long customers waited."""
    episodes_store.require(session, query.clock)
    view = store.resolve(session, query.view)
    measure = partial(
        response_times_store.durations, session, clock=query.clock, mode=query.mode, within=query.within
    )
    rows = measure(view)
    # The percentiles of rows make none of the whole.
    total = rows if view == view.whole() else measure(view.whole())
    return lay_out(
        session,
        view,
        of_response_times(query.clock),
        rows=rows,
        total=total,
        empty=no_durations(len(query.within)),
        shape=partial(shapes.response_times, asked=query),
        into=Answer[ResponseTimes],
        as_of=now,
    )


def sla(session: Session, query: SlaQuery) -> SlaAnswer:
    """Measure which promises were kept."""
    episodes_store.require(session, query.clock)
    view = store.resolve(session, query.view)
    measure = partial(
        sla_store.verdicts, session, clock=query.clock, as_of=query.as_of, known_at=query.known_at
    )
    rows = measure(view)
    return lay_out(
        session,
        view,
        definition("sla"),
        rows=rows,
        total=rows if view == view.whole() else measure(view.whole()),
        empty=NO_LATENESS,
        shape=partial(shapes.sla, clock=query.clock),
        into=partial(SlaAnswer, known_at=query.known_at) if query.known_at else SlaAnswer,
        as_of=query.as_of,
    )


def satisfaction(
    session: Session, query: SatisfactionQuery, *, now: datetime, min_n: int
) -> SatisfactionAnswer:
    """Measure what customers gave on one instrument; fewer answers than `min_n` give a reason instead."""
    view = store.resolve(session, query.view)
    instrument = satisfaction_store.instrument(session, query.instrument, version=query.version)
    asked = Asked(
        name=instrument.name,
        version=instrument.version,
        scale=Scale(instrument.low, instrument.high, instrument.step),
        min_n=min_n,
    )
    shape, into = _KINDS[instrument.kind]
    rows = satisfaction_store.distributions(session, view, instrument)
    total: Counter[int] = sum((Counter(each) for each in rows.values()), Counter())
    return lay_out(
        session,
        view,
        definition(f"satisfaction.{instrument.kind}"),
        rows=rows,
        total={WHOLE: total},
        empty={},
        shape=lambda keys, given: shape(keys, given, asked),
        into=into,
        as_of=now,
    )


def volume(session: Session, view: View, *, now: datetime) -> Answer[Volume]:
    """Measure how much came in."""
    view = store.resolve(session, view)
    rows = volume_store.counts(session, view)
    return lay_out(
        session,
        view,
        definition("volume"),
        rows=rows,
        total={
            WHOLE: (sum(n for n, _ in rows.values()), sum(quarantined for _, quarantined in rows.values()))
        },
        empty=(0, 0),
        shape=shapes.volume,
        into=Answer[Volume],
        as_of=now,
    )


def definitions() -> DefinitionsOut:
    """Return every definition in force."""
    return DefinitionsOut(
        data=[DefinitionOut.model_validate(each, from_attributes=True) for each in DEFINITIONS]
    )
