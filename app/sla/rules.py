"""Which waiting episodes a ticket's events make: a fold. Pure.

    - One first-response episode, from the opening to the first public answer of an agent.
    - Any number of next-response ones: from a customer's word that finds nobody owing an answer to the next
      answer.
    - One resolution episode per (re)opening; a customer's word on a resolved ticket reopens it. Resolving
      without an answer does not stop the response episodes.

Events come in replay order (occurred_at, version), but the opening is always read first: an answer from
before the ticket then stops its episode and marks it inconsistent, which is a finding about the data, not a
fast answer. An event that comes after all others in replay order changes no finished episode.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

OPENED = "ticket.opened"
ANSWERS = frozenset({"ticket.replied"})
CUSTOMER_WORDS = frozenset({"ticket.customer_replied"})
RESOLVED, REOPENED = "ticket.resolved", "ticket.reopened"


@dataclass(frozen=True, slots=True)
class Happened:
    """What the fold needs of an event."""

    type: str
    version: int
    at: datetime
    actor_id: UUID | None


@dataclass(frozen=True, slots=True)
class Episode:
    """One span of waiting; running while `stopped_at` is None. Keyed by name and ordinal."""

    name: str
    ordinal: int
    start_version: int
    started_at: datetime
    stopped_at: datetime | None = None
    agent_id: UUID | None = None

    @property
    def inconsistent(self) -> bool:
        """Whether it ended before it began."""
        return self.stopped_at is not None and self.stopped_at < self.started_at


def replay(events: Iterable[Happened]) -> tuple[Episode, ...]:
    """Return all episodes of one ticket, in the order they started."""
    ordered = sorted(events, key=lambda event: (event.type != OPENED, event.at, event.version))
    episodes: dict[tuple[str, int], Episode] = {}
    for event in ordered:
        _step(episodes, event)
    return tuple(episodes.values())


def _step(episodes: dict[tuple[str, int], Episode], event: Happened) -> None:
    if event.type == OPENED:
        _start(episodes, "first_response", event)
        _start(episodes, "resolution", event)
    elif event.type in ANSWERS:
        _stop(episodes, "first_response", event)
        _stop(episodes, "next_response", event)
    elif event.type in CUSTOMER_WORDS:
        if not (_running(episodes, "first_response") or _running(episodes, "next_response")):
            _start(episodes, "next_response", event)
        _reopen(episodes, event)
    elif event.type == RESOLVED:
        _stop(episodes, "resolution", event)
    elif event.type == REOPENED:
        _reopen(episodes, event)


def _reopen(episodes: dict[tuple[str, int], Episode], event: Happened) -> None:
    if not _running(episodes, "resolution"):
        _start(episodes, "resolution", event)


def _running(episodes: dict[tuple[str, int], Episode], name: str) -> Episode | None:
    return next((each for each in episodes.values() if each.name == name and each.stopped_at is None), None)


def _start(episodes: dict[tuple[str, int], Episode], name: str, event: Happened) -> None:
    ordinal = 1 + sum(1 for each in episodes.values() if each.name == name)
    episodes[name, ordinal] = Episode(name, ordinal, event.version, event.at)


def _stop(episodes: dict[tuple[str, int], Episode], name: str, event: Happened) -> None:
    if running := _running(episodes, name):
        stopped = replace(running, stopped_at=event.at, agent_id=event.actor_id)
        episodes[running.name, running.ordinal] = stopped
