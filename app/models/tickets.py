"""Tickets and the messages on them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Code, Key, Name, Words

QUEUED = text("queue_at IS NOT NULL")
IMPORTED = text("import_id IS NOT NULL")
RESOLVED = text("status = 'resolved'")
DUE = text("next_due_at IS NOT NULL")


class Ticket(Base):
    """A complaint, question or comment, from the first word to the end.

    Team, assignee, source, site and policy carry no foreign key: the intake must not lock rows of hot
    configuration. `promised_at` is when an answer was due, as the receipt said it and says it again. Of the
    clocks, `next_due_at` is the earliest due instant of those that run, and `replayed_*` say up to which
    event they were replayed, its instant, and where it left the ticket (null: all have to be read).
    """

    __tablename__ = "tickets"
    __table_args__ = (
        Index("uq_tickets_reference", "reference", unique=True),
        Index("ix_tickets_received", "received_at", "id"),
        Index("ix_tickets_queue", "team_id", "queue_at", "id", postgresql_where=QUEUED, sqlite_where=QUEUED),
        Index("ix_tickets_import", "import_id", postgresql_where=IMPORTED, sqlite_where=IMPORTED),
        Index("ix_tickets_occurred", "occurred_at"),
        Index("ix_tickets_due", "next_due_at", "id", postgresql_where=DUE, sqlite_where=DUE),
        Index("ix_tickets_resolved", "resolved_at", "id", postgresql_where=RESOLVED, sqlite_where=RESOLVED),
        CheckConstraint("kind IN ('complaint', 'question', 'comment')", "kind"),
        CheckConstraint("status IN ('new', 'open', 'pending', 'resolved', 'closed')", "status"),
        CheckConstraint("priority IN ('low', 'normal', 'high', 'urgent')", "priority"),
        CheckConstraint("origin IN ('live', 'import')", "origin"),
    )

    id: Mapped[Key]
    reference: Mapped[Code]
    kind: Mapped[Code]
    channel: Mapped[Code]
    source_id: Mapped[UUID | None]
    external_id: Mapped[Name | None]
    origin: Mapped[Code]
    import_id: Mapped[UUID | None]
    subject: Mapped[Words]
    text: Mapped[Words]
    search_text: Mapped[Words]
    language: Mapped[Code]
    topic: Mapped[Name | None]
    product: Mapped[Name | None]
    priority: Mapped[Code]
    status: Mapped[Code]
    team_id: Mapped[UUID]
    assignee_id: Mapped[UUID | None] = mapped_column(index=True)
    resolver_id: Mapped[UUID | None]
    customer_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("customers.id", ondelete="SET NULL"), index=True
    )
    segment: Mapped[Name | None]
    policy_id: Mapped[UUID | None]
    site_id: Mapped[UUID | None]
    claimed: Mapped[dict[str, Any] | None]
    attributes: Mapped[dict[str, Any] | None]
    page_url: Mapped[Words | None]
    delayed_seconds: Mapped[int | None]
    follow_up_of: Mapped[UUID | None] = mapped_column(unique=True)
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
    promised_at: Mapped[datetime | None]
    next_due_at: Mapped[datetime | None]
    replayed_version: Mapped[int | None]
    replayed_at: Mapped[datetime | None]
    replayed_standing: Mapped[Code | None]
    queue_at: Mapped[datetime | None]
    quarantined_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]
    token_version: Mapped[int]
    version: Mapped[int]


class Message(Base):
    """Something said on a ticket after its first words: a reply, an internal note, a customer's message."""

    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_ticket", "ticket_id", "occurred_at"),
        CheckConstraint("author IN ('customer', 'agent')", "author"),
    )

    id: Mapped[Key]
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"))
    author: Mapped[Code]
    agent_id: Mapped[UUID | None]
    public: Mapped[bool]
    text: Mapped[Words]
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
