"""Why a clock counted when it did, and why not when it did not: its span as segments. Pure.

Segments leave no gap, and neighbours differ. A pause goes before hours: while the ticket waits for its
customer it does not matter that the office is closed too. What lies ahead is a projection: as if nothing
happened until the clock falls due.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby, islice
from operator import itemgetter
from typing import NamedTuple

from app.policies.calendar import stretches
from app.policies.terms import Terms
from app.sla.rules import ACTIVE, Episode

MOST = 1000
NOTHING_PROMISED = "nothing promised"
_PIECE = timedelta(days=31)

Standings = Sequence[tuple[datetime, str]]


class Segment(NamedTuple):
    """A span of time that counted (no reason), or did not, for one reason."""

    start: datetime
    end: datetime
    reason: str | None
    projected: bool


def newest(
    episode: Episode, standings: Standings, terms: Terms | None, *, known: datetime, end: datetime
) -> list[Segment]:
    """Return the segments of an episode up to `end`, in order: the newest, where there are more than `MOST`.

    What comes after `known` is projected. They are worked out from the end backwards, so that a clock which
    ran for many years costs no more than what is shown of it.
    """
    told = _backwards(episode, standings, terms, known, end)
    runs = (list(run) for _, run in groupby(told, key=itemgetter(slice(2, None))))
    whole = (run[0]._replace(start=run[-1].start) for run in runs)
    return list(islice(whole, MOST))[::-1]


def _backwards(
    episode: Episode, standings: Standings, terms: Terms | None, known: datetime, end: datetime
) -> Iterator[Segment]:
    for begins, ends, stands in _standing(episode.started_at, end, standings):
        for since, until in _pieces(begins, ends, known):
            projected = since >= known
            if terms is None:
                yield Segment(since, until, NOTHING_PROMISED, projected)
            elif stands in terms.pauses_in:
                yield Segment(since, until, stands, projected)
            else:
                told = [*stretches(terms.calendar, since, until)]
                yield from (Segment(*each, projected) for each in reversed(told))


def _standing(
    start: datetime, end: datetime, standings: Standings
) -> Iterator[tuple[datetime, datetime, str]]:
    """Yield, from the end backwards, from when to when the ticket stood where."""
    for place in range(bisect_left(standings, end, key=itemgetter(0)) - 1, -1, -1):
        since, stands = standings[place]
        if max(since, start) < end:
            yield max(since, start), end, stands
        end = since
        if end <= start:
            return
    if start < end:
        yield start, end, standings[0][1] if standings else ACTIVE


def _pieces(start: datetime, end: datetime, known: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield, from the end backwards, spans that are not long, and lie before what is known or after it."""
    while start < end:
        since = max(start, end - _PIECE)
        if since < known < end:
            since = known
        yield since, end
        end = since
