"""Where a ticket of history stands, by its facts alone. Pure.

History is not held against the state table: real systems close tickets before they resolve them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

_TAKEN_UP = {"ticket.reopened", "ticket.customer_replied"}


@dataclass(frozen=True, slots=True)
class Fact:
    """One event of history: its type as we name it, when, and which agent."""

    type: str
    at: datetime
    agent_id: UUID | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a ticket stands after its facts."""

    status: str
    resolver_id: UUID | None
    resolved_at: datetime | None
    closed_at: datetime | None


def standing(facts: Iterable[Fact], *, agent_id: UUID | None) -> Standing:
    """Return where a ticket stands: closed or resolved unless taken up since, else by the last thing done."""
    ordered = sorted(facts, key=lambda fact: fact.at)
    taken_up = max((place for place, fact in enumerate(ordered) if fact.type in _TAKEN_UP), default=-1)
    since = ordered[taken_up + 1 :]
    resolved = _last(since, "ticket.resolved")
    closed = _last(since, "ticket.closed")
    at = resolved.at if resolved else None
    resolver = (resolved.agent_id or agent_id) if resolved else None
    if closed:
        return Standing("closed", resolver, at, closed.at)
    if resolved:
        return Standing("resolved", resolver, at, None)
    moves = [fact.type for fact in ordered if fact.type != "ticket.noted"]
    if moves and moves[-1] == "ticket.pended":
        return Standing("pending", None, None, None)
    return Standing("open" if agent_id else "new", None, None, None)


def _last(facts: Sequence[Fact], kind: str) -> Fact | None:
    return next((fact for fact in reversed(facts) if fact.type == kind), None)
