"""How an episode stands against its target: what was counted, when it fell due, what is to be said. Pure.

Counted is the open time of the clock's calendar while the ticket stood in no status that pauses the clock.
The due instant is the earliest at which the target is used up: known once it was, projected while the clock
counts (for one that stopped: as if it went on), unknown while it is paused with something left. Met means:
answered no later than that.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import NamedTuple

from app.policies.calendar import add, elapsed
from app.policies.terms import Facts, Terms
from app.sla.rules import Episode

NOTHING = timedelta()
_AFTER_ALL = "~"  # sorts after every standing of one instant
WARNED, BREACHED, RETRACTED = "sla.warned", "sla.breached", "sla.breach_retracted"


class Meter(NamedTuple):
    """What was counted up to an instant, and whether it counts on from there."""

    counted: timedelta
    until: datetime
    counting: bool
    due_at: datetime | None = None


class Judged(NamedTuple):
    """An episode judged: its target, its meter, and when each warning's share was used up, if known.

    `warnings` pairs what had to be counted with that instant, in order. What an earlier meter had counted
    already is left out, and a clock that stopped warns nobody.
    """

    target: timedelta | None
    meter: Meter
    warnings: tuple[tuple[timedelta, datetime | None], ...] = ()

    @property
    def due_at(self) -> datetime | None:
        """When the target is used up; None where there is none, or nobody knows yet."""
        return self.meter.due_at


def judge(
    episode: Episode,
    standings: Sequence[tuple[datetime, str]],
    terms: Terms | None,
    facts: Facts,
    *,
    so_far: Meter | None = None,
) -> Judged:
    """Judge one episode; with `so_far`, only what came after that meter is counted, under the same terms.

    An inconsistent episode counts nothing and falls due never.
    """
    running = episode.stopped_at is None
    if terms is None or episode.inconsistent:
        return Judged(None, Meter(NOTHING, episode.stopped_at or episode.started_at, counting=running))
    target = terms.target(_at_its_priority(facts, episode))
    marks = terms.marks[target] if target is not None else ()
    if not running:
        marks = marks[-1:]
    counted, until, counting, due_at = NOTHING, episode.started_at, False, None
    if so_far is not None:
        counted, until, due_at = so_far.counted, so_far.until, so_far.due_at
        marks = marks[bisect_right(marks, counted) :]
    reached: list[datetime] = []
    for begins, ends in _counting(episode, standings, terms.pauses_in, since=until):
        before, reach = counted, len(marks)
        if ends is None:
            until, counting = begins, running
        else:
            counted, until = counted + elapsed(terms.calendar, begins, ends), ends
            reach = bisect_right(marks, counted)
        reached += [add(terms.calendar, begins, mark - before) for mark in marks[len(reached) : reach]]
    timetable = tuple(zip_longest(marks, reached))
    if timetable:
        due_at = timetable[-1][1]
    meter = Meter(counted, episode.stopped_at or until, counting, due_at)
    return Judged(target, meter, timetable[:-1])


def _at_its_priority(facts: Facts, episode: Episode) -> Facts:
    """Return what is true of the ticket, at the priority it had when the episode stopped."""
    if episode.priority is None or episode.priority == facts.priority:
        return facts
    return replace(facts, priority=episode.priority)


def _counting(
    episode: Episode,
    standings: Sequence[tuple[datetime, str]],
    pauses_in: frozenset[str],
    *,
    since: datetime,
) -> Iterator[tuple[datetime, datetime | None]]:
    """Yield the spans in which the clock counts, from `since` on; neighbours are one.

    The last is open-ended if the clock counts on, or would have without the stop. What changes in the instant
    of the stop, but after it, is not seen.
    """
    stopped_at = episode.stopped_at
    first = max(bisect_left(standings, (since, _AFTER_ALL)) - 1, 0)
    end = len(standings) if stopped_at is None else bisect_left(standings, (stopped_at, ""))
    begins = None if standings[first][1] in pauses_in else since
    for at, stands in standings[first + 1 : end]:
        if stands not in pauses_in:
            begins = begins or at
        elif begins is not None:
            yield begins, at
            begins = None
    if begins is not None:
        yield begins, stopped_at
    if stopped_at is not None and episode.stood not in pauses_in:
        yield stopped_at, None


class Told(NamedTuple):
    """What was already said of an episode: how much had been counted at the last warning, and the breach.

    `scheduled_at` is when its due instant became known; `revision` counts what was taken back.
    """

    due_at: datetime | None
    scheduled_at: datetime
    warned: timedelta = NOTHING
    breached_at: datetime | None = None
    revision: int = 0


class Notice(NamedTuple):
    """Something to be said of an episode, once: at the instant it became true."""

    kind: str
    at: datetime
    due_at: datetime
    revision: int
    retroactive: bool = False
    counted: timedelta = NOTHING


class Settled(NamedTuple):
    """What is told of an episode by now, what has yet to be said, and when to look again."""

    told: Told
    notices: tuple[Notice, ...]
    next_at: datetime | None


def breach(episode: Episode, judged: Judged, *, now: datetime) -> datetime | None:
    """Return when the episode was breached: its due instant, if that passed without a stop."""
    due_at = judged.due_at
    if due_at is None:
        return None
    return due_at if due_at < (episode.stopped_at or now) else None


def late(episode: Episode, judged: Judged, *, now: datetime) -> timedelta:
    """Return by how much the due instant was missed, or is by now; nothing where it was not."""
    breached_at = breach(episode, judged, now=now)
    return NOTHING if breached_at is None else (episode.stopped_at or now) - breached_at


def settle(episode: Episode, judged: Judged, told: Told, *, now: datetime) -> Settled:
    """Compare what was said of an episode with what is true by now.

    A breach that is no longer true, or fell due at another instant, is taken back. One that fell due before
    anybody could know is retroactive: it is said, but nobody was warned. After a long sleep what was missed
    is said at its own instants. An event accepted from a moment ahead of `now` is past.
    """
    by = max(now, judged.meter.until)
    scheduled_at = told.scheduled_at if told.due_at == judged.due_at else now
    breached_at = breach(episode, judged, now=by)
    taken_back = told.breached_at is not None and told.breached_at != breached_at
    revision = told.revision + taken_back
    retroactive = breached_at is not None and breached_at < scheduled_at
    passed: list[tuple[timedelta, datetime]] = []
    next_at = judged.due_at if breached_at is None and episode.stopped_at is None else None
    for counted, at in judged.warnings:
        if at is None or at > by:
            next_at = at
            break
        passed.append((counted, at))
    counted_by_now = max(judged.meter.counted, passed[-1][0]) if passed else judged.meter.counted
    warned = min(told.warned, counted_by_now)
    new = [(counted, at) for counted, at in passed if counted > warned]
    due_at = judged.due_at or told.due_at  # a pause hides it: warnings reached before have the one known then
    notices: list[Notice] = []
    if told.breached_at is not None and taken_back:
        notices.append(Notice(RETRACTED, now, told.breached_at, revision))
    if due_at is not None and not retroactive:
        notices += [Notice(WARNED, at, due_at, revision, counted=counted) for counted, at in new]
    if breached_at is not None and breached_at != told.breached_at:
        notices.append(Notice(BREACHED, breached_at, breached_at, revision, retroactive))
    if new and not retroactive:
        warned = new[-1][0]
    settled = Told(judged.due_at, scheduled_at, warned, breached_at, revision)
    return Settled(settled, tuple(notices), next_at)
