"""What happened, in order: events, the outbox they leave, the gapless stream, and who has read how far."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.types import IDENTITY
from app.models.base import Base, Code


class Event(Base):
    """One thing that happened to one subject; ids, codes and numbers only, never personal data."""

    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("subject_id", "subject_version"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(IDENTITY, primary_key=True)
    subject_type: Mapped[Code]
    subject_id: Mapped[UUID]
    subject_version: Mapped[int]
    type: Mapped[Code]
    actor_id: Mapped[UUID | None]
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
    data: Mapped[dict[str, Any]]


class Outbox(Base):
    """An event that is not in the stream yet."""

    __tablename__ = "outbox"

    event_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class StreamEntry(Base):
    """An event's place in the stream, which consumers read in order; sequences have no gaps when written."""

    __tablename__ = "stream"

    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Mapped[int] = mapped_column(BigInteger, unique=True)


class Cursor(Base):
    """How far a consumer, or the publisher, has come."""

    __tablename__ = "cursors"

    name: Mapped[Code] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger)


class Idempotency(Base):
    """That a request with this key was carried out; no body, the answer is rendered again."""

    __tablename__ = "idempotency"
    __table_args__ = (Index("ix_idempotency_expires", "expires_at"),)

    scope: Mapped[str] = mapped_column(String(120), primary_key=True)
    key_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    subject_id: Mapped[UUID]
    expires_at: Mapped[datetime]


class ExternalId(Base):
    """That a source has sent this id, what it held (by fingerprint) and what became of it; kept for ever."""

    __tablename__ = "external_ids"
    __table_args__ = (Index("ix_external_ids_subject", "subject_id"),)

    source_id: Mapped[UUID] = mapped_column(primary_key=True)
    external_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    subject_id: Mapped[UUID]
    import_id: Mapped[UUID | None]
