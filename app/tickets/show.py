"""Render tickets: rows with the names people know things by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app.customers import store as customers
from app.events import store as events
from app.models.tickets import Message, Ticket
from app.people import store as people
from app.people.schemas import Ref
from app.tickets import sla_store, store, tokens
from app.tickets.rules import OPENED, Move, Status, takes
from app.tickets.schemas import (
    CustomerOut,
    Decision,
    Decisions,
    FollowUp,
    TicketDetail,
    TicketOut,
    Timeline,
    TimelineEntry,
    Tracked,
    TrackedMessage,
)


@dataclass(frozen=True, slots=True)
class _Looked:
    """What several tickets are shown with: the names of all that is in them, and how they stand."""

    names: Mapping[UUID, str]
    customers: Mapping[UUID, str | None]
    standings: Mapping[UUID, str]


def tickets(session: Session, rows: Sequence[Ticket], *, now: datetime) -> list[TicketOut]:
    """Render tickets for a list, as they stand by now."""
    looked = _look(session, rows, now)
    return [TicketOut.model_validate(_common(row, looked)) for row in rows]


def ticket(session: Session, row: Ticket, *, now: datetime) -> TicketDetail:
    """Render one ticket, whole, as it stands by now."""
    own_names = ("text", "external_id", "attributes", "page_url", "follow_up_of", "erased_at")
    own = {name: getattr(row, name) for name in own_names}
    return TicketDetail.model_validate(_common(row, _look(session, [row], now)) | own)


def timeline(session: Session, row: Ticket) -> Timeline:
    """Render all that happened to a ticket, with what was said."""
    said = {str(message.id): message.text for message in store.messages(session, row.id)}
    happened = events.of_subject(session, row.id)
    names = people.names(session, {event.actor_id for event in happened}, ())
    return Timeline(
        data=[
            TimelineEntry(
                version=event.subject_version,
                type=event.type,
                at=event.occurred_at,
                by=_ref(event.actor_id, names),
                text=row.text if event.type == OPENED else said.get(str(event.data.get("message_id"))),
                data=event.data,
            )
            for event in happened
        ]
    )


def decisions(session: Session, row: Ticket) -> Decisions:
    """Render who got a ticket, and why."""
    made = store.assignments(session, row.id)
    names = people.names(session, {each.agent_id for each in made}, ())
    return Decisions(
        data=[
            Decision(
                agent=_ref(each.agent_id, names), by=each.by, reason=each.reason, decided_at=each.decided_at
            )
            for each in made
        ]
    )


def tracked(session: Session, row: Ticket, *, secret: bytes) -> Tracked:
    """Render what the customer may see: the public conversation, never notes or names."""
    conversation = [TrackedMessage(by="you", text=row.text, at=row.occurred_at)] if row.text else []
    conversation += [
        TrackedMessage(
            by="you" if message.author == "customer" else "us", text=message.text, at=message.occurred_at
        )
        for message in _conversation(session, row)
    ]
    return Tracked.model_validate(
        {
            "reference": row.reference,
            "kind": row.kind,
            "status": row.status,
            "subject": row.subject,
            "received_at": row.received_at,
            "first_response_due_at": sla_store.answer_due_at(session, row.id),
            "messages": conversation,
            "follow_up": _follow_up(session, row, secret),
        }
    )


def _conversation(session: Session, row: Ticket) -> list[Message]:
    """Return the public messages as their events stand: a clock that steps back gives several one instant."""
    happened = events.of_subject(session, row.id)
    place = {event.data.get("message_id"): number for number, event in enumerate(happened)}
    said = store.messages(session, row.id, public_only=True)
    return sorted(said, key=lambda message: place.get(str(message.id), 0))


def _follow_up(session: Session, row: Ticket, secret: bytes) -> FollowUp | None:
    """Only a closed or full ticket has one; its customer knows no other way to it than this."""
    goes_on = row.status == Status.CLOSED or not takes(row.version, Move.CUSTOMER)
    found = store.find_follow_up(session, row.id) if goes_on else None
    if found is None:
        return None
    return FollowUp(
        reference=found.reference, tracking_token=tokens.make(secret, found.id, found.token_version)
    )


def _look(session: Session, rows: Sequence[Ticket], now: datetime) -> _Looked:
    named = people.names(session, {row.assignee_id for row in rows}, {row.team_id for row in rows})
    return _Looked(
        names=named | sla_store.policy_names(session, {row.policy_id for row in rows}),
        customers=customers.names(session, {row.customer_id for row in rows if row.customer_id}),
        standings=sla_store.standings(session, {row.id for row in rows}, now=now),
    )


def _common(row: Ticket, looked: _Looked) -> dict[str, object]:
    plain = (
        "id", "reference", "kind", "channel", "status", "priority", "subject", "topic", "product", "language",
        "origin", "occurred_at", "received_at", "resolved_at", "closed_at", "segment", "next_due_at",
        "version",
    )  # fmt: skip
    known = looked.customers.get(row.customer_id) if row.customer_id else None
    return {name: getattr(row, name) for name in plain} | {
        "team": _ref(row.team_id, looked.names),
        "assignee": _ref(row.assignee_id, looked.names),
        "policy": _ref(row.policy_id, looked.names),
        "customer": CustomerOut(id=row.customer_id, name=known, claimed=row.claimed),
        "sla": looked.standings.get(row.id, "none"),
    }


def _ref(subject_id: UUID | None, names: Mapping[UUID, str]) -> Ref | None:
    return Ref(id=subject_id, name=names.get(subject_id, "")) if subject_id else None
