"""Submissions as the door hands them to the intake, and what of them is in the database."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import AppError
from app.intake.classify import Classified, Once, Sender, classify
from app.intake.schemas import Submission
from app.models.events import Event, Idempotency
from app.models.tickets import Ticket
from app.services import Services


def said(services: Services, *, key: str | None = None, body: str = "", **fields: Any) -> Classified:
    """Classify what the crm says; `key` and `body` make its idempotency record."""
    crm = next(k for k in services.configuration.current.keys.values() if k.sources is not None)
    now = services.clock()
    once = Once("crm", key, body, now.replace(year=now.year + 1)) if key else None
    submission = Submission.model_validate({"kind": "complaint", "text": "x", **fields})
    snapshot = services.configuration.current
    return classify(submission, sender=Sender(crm, None), snapshot=snapshot, once=once, now=now)


def spoilt(item: Classified) -> Classified:
    """Return the submission with a value that both databases refuse."""
    return replace(item, common=item.common | {"origin": "nowhere"})


async def submit(services: Services, items: list[Classified]) -> list[Any]:
    """Submit all at once, each for itself, and return each outcome or refusal."""
    waiting = (services.intake.submit(item, rows=item.rows, size=1) for item in items)
    return await asyncio.gather(*waiting, return_exceptions=True)


def codes(answers: list[Any]) -> list[int | str]:
    """Return the status of each outcome, or the code of each refusal."""
    return [answer.code if isinstance(answer, AppError) else answer.status for answer in answers]


def ticket_ids(session: Session) -> list[UUID]:
    """Return every ticket's id, in order of arrival."""
    return list(session.scalars(select(Ticket.id).order_by(Ticket.received_at, Ticket.id)))


def opened(session: Session) -> list[UUID]:
    """Return the subject of every opening event."""
    return list(session.scalars(select(Event.subject_id).where(Event.type == "ticket.opened")))


def keys(session: Session) -> dict[str, tuple[int, UUID]]:
    """Return what is recorded under each idempotency key."""
    return {row.key_hash: (row.status, row.subject_id) for row in session.scalars(select(Idempotency))}
