"""Replay a ticket's clocks and store what changed."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.events import store as events
from app.ids import new_id
from app.models.events import Event
from app.sla import store
from app.sla.rules import OPENED, Episode, Happened, replay

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def replay_ticket(session: Session, ticket_id: UUID, *, now: datetime) -> None:
    """Replay one ticket from its own events and bring its clocks in line."""
    happened = [
        Happened(event.type, event.subject_version, event.occurred_at, _credited(event))
        for event in events.of_subject(session, ticket_id)
    ]
    wanted = {(row["name"], row["ordinal"]): row for row in rows_of(ticket_id, replay(happened), now=now)}
    present = {(clock.name, clock.ordinal): clock for clock in store.of_ticket(session, ticket_id)}
    for key, clock in present.items():
        values = {name: value for name, value in wanted.get(key, {}).items() if name != "id"}
        if any(getattr(clock, name) != value for name, value in values.items()):
            store.change_clock(session, clock.id, values)
    store.drop_clocks(session, [clock.id for key, clock in present.items() if key not in wanted])
    store.add_clocks(session, [row for key, row in wanted.items() if key not in present])


def _credited(event: Event) -> UUID | None:
    """Return whose work the event was: who acted; a resolution is the work of who had the ticket."""
    resolver_id = event.data.get("resolver_id")
    return UUID(resolver_id) if resolver_id else event.actor_id


def rows_at_opening(ticket_id: UUID, opened_at: datetime, *, now: datetime) -> Sequence[dict[str, Any]]:
    """Return the rows of a ticket that was just opened: those of its replay, which differ in time alone."""
    own = {"ticket_id": ticket_id, "started_at": opened_at}
    return [{**row, **own, "id": new_id(now)} for row in _rows_at_any_opening()]


@cache
def _rows_at_any_opening() -> Sequence[dict[str, Any]]:
    return rows_of(UUID(int=0), replay([Happened(OPENED, 1, _EPOCH, None)]), now=_EPOCH)


def rows_of(ticket_id: UUID, episodes: Iterable[Episode], *, now: datetime) -> Sequence[dict[str, Any]]:
    """Return the rows of a ticket's episodes; the last of each name is marked."""
    every = list(episodes)
    last = {each.name: each.ordinal for each in every}
    return [
        {
            "id": new_id(now),
            "ticket_id": ticket_id,
            "name": each.name,
            "ordinal": each.ordinal,
            "start_version": each.start_version,
            "started_at": each.started_at,
            "stopped_at": each.stopped_at,
            "agent_id": each.agent_id,
            "inconsistent": each.inconsistent,
            "is_last": each.ordinal == last[each.name],
        }
        for each in every
    ]
