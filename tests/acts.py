"""What tests do with tickets, a line each; and how to look behind the doors."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from httpx import AsyncClient
from sqlalchemy import Connection, Engine, Executable, event, select, update
from sqlalchemy.orm import Session

from app.models.events import Event
from app.models.sla import Clock
from app.models.tickets import Ticket
from app.people.rules import EVERYTHING
from app.services import Services
from app.tickets import store as tickets
from app.tickets.change import move
from app.tickets.rules import Move


async def act(agent: AsyncClient, ticket_id: str, verb: str, **body: Any) -> dict[str, Any]:
    """Act on a ticket, and return it."""
    answer = await agent.post(f"/v1/tickets/{ticket_id}/{verb}", json=body)
    assert answer.status_code == 200, answer.text
    ticket: dict[str, Any] = answer.json()
    return ticket


async def read(reader: AsyncClient, path: str) -> dict[str, Any]:
    """Get a document."""
    answer = await reader.get(path)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def stored(services: Services, ticket_id: str) -> Ticket:
    """Return a ticket's row."""
    return await services.read(lambda session: session.get_one(Ticket, UUID(ticket_id)))


async def write_columns(services: Services, ticket_id: str, **values: Any) -> None:
    """Write columns of a ticket for which there is no door."""
    await run(services, update(Ticket).where(Ticket.id == UUID(ticket_id)).values(values))


async def run(services: Services, statement: Executable) -> None:
    """Run one statement for which there is no door."""

    def fn(session: Session) -> None:
        session.execute(statement)

    await services.write(fn)


async def close(services: Services, ticket_id: str, *, now: datetime) -> None:
    """Close a resolved ticket, as time will."""

    def fn(session: Session) -> None:
        ticket = tickets.lock(session, UUID(ticket_id), seen_by=EVERYTHING)
        move(session, ticket, Move.CLOSE, by=None, now=now)

    await services.write(fn)


async def events_of(services: Services, ticket_id: str) -> list[Event]:
    """Return a ticket's events by version."""
    query = select(Event).where(Event.subject_id == UUID(ticket_id)).order_by(Event.subject_version)
    return await services.read(lambda session: list(session.scalars(query)))


async def clocks_of(services: Services, ticket_id: str) -> list[tuple[Any, ...]]:
    """Return a ticket's clocks: name, start, stop, whose."""
    query = select(Clock).where(Clock.ticket_id == UUID(ticket_id)).order_by(Clock.name, Clock.ordinal)
    found = await services.read(lambda session: list(session.scalars(query)))
    return [(each.name, each.started_at, each.stopped_at, each.agent_id) for each in found]


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect the SQL that is sent meanwhile, but for the regular look at the configuration."""
    sent: list[str] = []

    def note(_connection: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "configuration_version" not in statement and not statement.startswith("BEGIN"):
            sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)
