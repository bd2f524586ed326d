"""Instruments and the scores given on them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Code, Key, Name, Words


class Instrument(Base):
    """A question with a scale; a changed scale is a new version, and versions are never mixed."""

    __tablename__ = "instruments"
    __table_args__ = (
        Index("uq_instruments_name_version", "name", "version", unique=True),
        CheckConstraint("low < high", "scale"),
        CheckConstraint("kind IN ('csat', 'nps', 'ces', 'scale')", "kind"),
    )

    id: Mapped[Key]
    name: Mapped[Code]
    version: Mapped[int]
    kind: Mapped[Code]
    low: Mapped[int]
    high: Mapped[int]
    step: Mapped[float] = mapped_column(Numeric(6, 3, asdecimal=False))
    question: Mapped[Words]
    created_at: Mapped[datetime]


class Score(Base):
    """A customer's judgement; stands alone or hangs on a ticket. The agent is frozen when it is given."""

    __tablename__ = "scores"
    __table_args__ = (
        Index("ix_scores_figures", "instrument_id", "given_at"),
        Index("ix_scores_submission", "submission_id"),
        Index("ix_scores_ticket", "ticket_id"),
        Index("ix_scores_import", "import_id"),
        CheckConstraint("origin IN ('live', 'import')", "origin"),
    )

    id: Mapped[Key]
    submission_id: Mapped[UUID]
    standalone: Mapped[bool]
    ticket_id: Mapped[UUID | None] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"))
    instrument_id: Mapped[UUID]
    value: Mapped[float] = mapped_column(Numeric(9, 3, asdecimal=False))
    expected: Mapped[float | None] = mapped_column(Numeric(9, 3, asdecimal=False))
    dimension: Mapped[Code | None]
    comment: Mapped[Words | None]
    agent_id: Mapped[UUID | None] = mapped_column(index=True)
    customer_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("customers.id", ondelete="SET NULL"), index=True
    )
    channel: Mapped[Code]
    source_id: Mapped[UUID | None]
    site_id: Mapped[UUID | None]
    team_id: Mapped[UUID | None]
    topic: Mapped[Name | None]
    product: Mapped[Name | None]
    language: Mapped[Code]
    origin: Mapped[Code]
    import_id: Mapped[UUID | None]
    quarantined_at: Mapped[datetime | None]
    given_at: Mapped[datetime]
    received_at: Mapped[datetime]
