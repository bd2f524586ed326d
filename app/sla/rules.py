"""Which waiting episodes a ticket's events make: a fold. Pure.

    - One first-response episode, from the opening to the first public answer of an agent.
    - Any number of next-response ones: from a customer's word that finds nobody owing an answer to the next
      answer.
    - One resolution episode per (re)opening; a customer's word on a resolved ticket reopens it. Resolving
      without an answer does not stop the response episodes.
    - Clocks of one's own: from any event to any other, again and again.

Events come in replay order (occurred_at, version), but the opening is always read first: an answer from
before the ticket then stops its episode and marks it inconsistent, which is a finding about the data, not a
fast answer. An event that comes after all others in replay order changes no finished episode, so it can be
folded into what the others left.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from app.policies.definitions import BUILT_IN, CUSTOMER, REOPENED, RESOLVED, Definition
from app.tickets.rules import OPENED

ACTIVE, PENDING, SETTLED, CLOSED = "active", "pending", "resolved", "closed"
STANDINGS: Mapping[str, Mapping[str, str]] = MappingProxyType({
    ACTIVE: {"ticket.pended": PENDING, RESOLVED: SETTLED, "ticket.closed": CLOSED},
    PENDING: {
        "ticket.unassigned": ACTIVE, CUSTOMER: ACTIVE, REOPENED: ACTIVE, RESOLVED: SETTLED,
        "ticket.closed": CLOSED,
    },
    SETTLED: {CUSTOMER: ACTIVE, REOPENED: ACTIVE, "ticket.closed": CLOSED},
    CLOSED: {CUSTOMER: ACTIVE, REOPENED: ACTIVE},
})  # fmt: skip
"""Where an event leads from where the ticket stands, as far as clocks care; every other leaves it there."""
_OVER = frozenset({SETTLED, CLOSED})


class Happened(NamedTuple):
    """What the fold needs of an event; `priority` where it says which one the ticket has from now on."""

    type: str
    version: int
    at: datetime
    actor_id: UUID | None = None
    priority: str | None = None


class Episode(NamedTuple):
    """One span of waiting; running while `stopped_at` is None. Keyed by name and the event that started it.

    `priority` is the ticket's when it stopped, or now; None where only the ticket itself knows. `stood` is
    where the ticket stood when it stopped.
    """

    name: str
    ordinal: int
    start_version: int
    started_at: datetime
    stopped_at: datetime | None = None
    stop_version: int | None = None
    agent_id: UUID | None = None
    priority: str | None = None
    stood: str = ACTIVE

    @property
    def inconsistent(self) -> bool:
        """Whether it ended before it began."""
        return self.stopped_at is not None and self.stopped_at < self.started_at


Moves = tuple[tuple[Definition, bool, bool], ...]
"""The clocks that an event moves: whether it stops them, whether it starts them."""


@dataclass(slots=True)
class Fold:
    """Where a fold stands after the events read so far.

    `episodes` are those that started, stopped or ran in it, by name and ordinal, in the order they started;
    `standings` says from when on the ticket stood where, oldest first: before the first it stood as in it.
    """

    definitions: tuple[Definition, ...] = BUILT_IN
    priority: str = "normal"
    episodes: dict[tuple[str, int], Episode] = field(default_factory=dict)
    running: dict[str, Episode] = field(default_factory=dict)
    ordinals: dict[str, int] = field(default_factory=dict)
    standings: list[tuple[datetime, str]] = field(default_factory=list)
    known: dict[tuple[str, str], Moves] | None = field(default=None, repr=False, compare=False)

    @property
    def stands(self) -> str:
        """Where the ticket stands now, as far as clocks care."""
        return self.standings[-1][1] if self.standings else ACTIVE

    def read(self, event: Happened) -> None:
        """Take in the next event in replay order."""
        if event.priority is not None:
            self.priority = event.priority
        running, stands = self.running, self.stands
        for definition, stops, starts in self._moves(event.type, stands):
            name = definition.name
            if stops and name in running:
                self._stop(name, event)
            if starts and name not in running and definition.unless_running.isdisjoint(running):
                self._start(name, event)
        self._stand(event)

    def result(self) -> tuple[Episode, ...]:
        """Return the episodes, in the order they started."""
        running = {
            (each.name, each.ordinal): each._replace(priority=self.priority)
            for each in self.running.values()
            if each.priority != self.priority
        }
        return tuple((self.episodes | running).values())

    def _moves(self, kind: str, stands: str) -> Moves:
        """Return the clocks that such an event stops or starts where the ticket stands so."""
        if self.known is None:
            self.known = _known_moves(self.definitions)
        found = self.known.get((kind, stands))
        if found is None:
            found = self.known[kind, stands] = _moved(self.definitions, kind, stands)
        return found

    def _start(self, name: str, event: Happened) -> None:
        self.ordinals[name] = ordinal = self.ordinals.get(name, 0) + 1
        self.running[name] = self.episodes[name, ordinal] = Episode(
            name, ordinal, event.version, event.at, priority=self.priority
        )

    def _stop(self, name: str, event: Happened) -> None:
        running = self.running.pop(name)
        self.episodes[name, running.ordinal] = running._replace(
            stopped_at=event.at,
            stop_version=event.version,
            agent_id=event.actor_id,
            priority=self.priority,
            stood=self.stands,
        )

    def _stand(self, event: Happened) -> None:
        leads_to = STANDINGS[self.stands].get(event.type)
        if not self.standings:
            self.standings.append((event.at, ACTIVE))
        elif leads_to is not None:
            since, stands = self.standings[-1]
            # Only the opening is read before what precedes it, and before it the ticket stood as after it.
            self.standings[-1] = min(since, event.at), stands
            self.standings.append((event.at, leads_to))


@lru_cache(maxsize=256)
def _known_moves(_definitions: tuple[Definition, ...]) -> dict[tuple[str, str], Moves]:
    """Return what was found out of these definitions so far, which is the same for every ticket."""
    return {}


def _moved(definitions: tuple[Definition, ...], kind: str, stands: str) -> Moves:
    happened = {kind, REOPENED} if kind == CUSTOMER and stands in _OVER else {kind}
    every = [
        (each, not each.stops_on.isdisjoint(happened), not each.starts_on.isdisjoint(happened))
        for each in definitions
    ]
    return tuple(each for each in every if each[1] or each[2])


def in_replay_order(events: Iterable[Happened]) -> list[Happened]:
    """Return events as they are to be read."""
    ordered = sorted(events, key=attrgetter("at", "version"))
    ordered.sort(key=lambda event: event.type != OPENED)
    return ordered


def replay(
    events: Iterable[Happened], definitions: tuple[Definition, ...] = BUILT_IN, *, priority: str = "normal"
) -> Fold:
    """Fold all events of one ticket; `priority` is what it had where no event says so.

    Reading an event twice (by its version) changes nothing.
    """
    fold = Fold(definitions, priority)
    once = {event.version: event for event in events}
    ordered = in_replay_order(once.values())
    if ordered and ordered[0].type == OPENED:
        for event in ordered:
            fold.read(event)
    return fold


def resume(
    running: Iterable[Episode],
    definitions: tuple[Definition, ...] = BUILT_IN,
    *,
    priority: str,
    ordinals: Mapping[str, int],
    standing: tuple[datetime, str],
) -> Fold:
    """Take a fold up where it was left, for events that come after all others in replay order.

    `ordinals` are the last of each name, `standing` says since when the ticket stands where.
    """
    episodes = {(each.name, each.ordinal): each for each in running}
    by_name = {each.name: each for each in episodes.values()}
    return Fold(definitions, priority, episodes, by_name, dict(ordinals), [standing])
