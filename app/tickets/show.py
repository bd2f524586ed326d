"""Render tickets: rows with the names people know things by."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from app.customers import store as customers
from app.events import store as events
from app.models.tickets import Ticket
from app.people import store as people
from app.people.schemas import Ref
from app.tickets import store
from app.tickets.rules import OPENED
from app.tickets.schemas import (
    CustomerOut,
    TicketDetail,
    TicketOut,
    Timeline,
    TimelineEntry,
    Tracked,
    TrackedMessage,
)


def tickets(session: Session, rows: Sequence[Ticket]) -> list[TicketOut]:
    """Render tickets for a list."""
    shared = _names(session, rows)
    return [TicketOut.model_validate(_common(row, *shared)) for row in rows]


def ticket(session: Session, row: Ticket) -> TicketDetail:
    """Render one ticket, whole."""
    own = {
        name: getattr(row, name) for name in ("text", "external_id", "attributes", "page_url", "follow_up_of")
    }
    return TicketDetail.model_validate(_common(row, *_names(session, [row])) | own)


def timeline(session: Session, row: Ticket) -> Timeline:
    """Render all that happened to a ticket, with what was said."""
    said = {message.id: message.text for message in store.messages(session, row.id)}
    happened = events.of_subject(session, row.id)
    names = people.names(session, {event.actor_id for event in happened}, ())
    return Timeline(
        data=[
            TimelineEntry(
                version=event.subject_version,
                type=event.type,
                at=event.occurred_at,
                by=_ref(event.actor_id, names),
                text=row.text if event.type == OPENED else said.get(_message_id(event.data)),
                data=event.data,
            )
            for event in happened
        ]
    )


def tracked(session: Session, row: Ticket) -> Tracked:
    """Render what the customer may see: the public conversation, never notes or names."""
    conversation = [TrackedMessage(by="you", text=row.text, at=row.occurred_at)] if row.text else []
    conversation += [
        TrackedMessage(
            by="you" if message.author == "customer" else "us", text=message.text, at=message.occurred_at
        )
        for message in store.messages(session, row.id, public_only=True)
    ]
    return Tracked.model_validate(
        {
            "reference": row.reference,
            "kind": row.kind,
            "status": row.status,
            "subject": row.subject,
            "received_at": row.received_at,
            "first_response_due_at": None,
            "messages": conversation,
        }
    )


def _names(session: Session, rows: Sequence[Ticket]) -> tuple[dict[UUID, str], dict[UUID, str | None]]:
    named = people.names(session, {row.assignee_id for row in rows}, {row.team_id for row in rows})
    return named, customers.names(session, {row.customer_id for row in rows if row.customer_id})


def _common(row: Ticket, names: dict[UUID, str], customer_names: dict[UUID, str | None]) -> dict[str, object]:
    plain = (
        "id", "reference", "kind", "channel", "status", "priority", "subject", "topic", "product", "language",
        "origin", "occurred_at", "received_at", "resolved_at", "closed_at", "version",
    )  # fmt: skip
    known = customer_names.get(row.customer_id) if row.customer_id else None
    return {name: getattr(row, name) for name in plain} | {
        "team": _ref(row.team_id, names),
        "assignee": _ref(row.assignee_id, names),
        "customer": CustomerOut(id=row.customer_id, name=known, claimed=row.claimed),
        "next_due_at": None,
        "sla": "none",
    }


def _ref(subject_id: UUID | None, names: dict[UUID, str]) -> Ref | None:
    return Ref(id=subject_id, name=names.get(subject_id, "")) if subject_id else None


def _message_id(data: dict[str, object]) -> UUID | None:
    found = data.get("message_id")
    return UUID(str(found)) if found else None
