"""SQL for satisfaction: how often each value was given on one version of one instrument."""

from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.errors import invalid
from app.metrics.query import View
from app.metrics.rules import THOUSANDTHS, Distribution
from app.metrics.store import Place, Population, facts, grouped
from app.models.satisfaction import Instrument, Score


def instrument(session: Session, name: str, *, version: int | None) -> Instrument:
    """Return a version of an instrument, by default its latest.

    Raises:
        ValidationError: there is none.
    """
    versions = select(Instrument).where(Instrument.name == name).order_by(Instrument.version.desc())
    if version is not None:
        versions = versions.where(Instrument.version == version)
    found = session.scalars(versions.limit(1)).first()
    if found is None:
        pointer = "/query/instrument" if version is None else "/query/version"
        raise invalid(pointer, "unknown", "there is no such instrument, or not in that version")
    return found


def distributions(session: Session, view: View, instrument: Instrument) -> Mapping[Place, Distribution]:
    """Return how often each value was given, in thousandths, for each place that has answers."""
    scores = facts(view, _scores(instrument), Score.value.label("value"))
    found: dict[Place, dict[int, int]] = {}
    for place, (value, count) in grouped(session, view, scores, func.count(), also_by=[scores.c.value]):
        found.setdefault(place, {})[round(value * THOUSANDTHS)] = count
    return found


def _scores(instrument: Instrument) -> Population:
    return Population(
        rows=Score.__table__.join(Instrument.__table__, Instrument.id == Score.instrument_id),
        where=(Score.instrument_id == instrument.id, Score.quarantined_at.is_(None)),
        at=Score.given_at,
        dimensions={
            "site": Score.site_id,
            "channel": Score.channel,
            "source": Score.source_id,
            "team": Score.team_id,
            "agent": Score.agent_id,
            "topic": Score.topic,
            "product": Score.product,
            "language": Score.language,
            "instrument": Instrument.name,
            "origin": Score.origin,
        },
    )
