"""What is promised and how it is kept: calendars, policies, and the clocks that run on tickets."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Code, Key, Name

ALIVE = text("deleted_at IS NULL")
DEFAULT = text("is_default AND deleted_at IS NULL")
WAITING = text("next_at IS NOT NULL")
RUNNING = text("stopped_at IS NULL")


class Calendar(Base):
    """When a team works; `version` is the newest, and versions never change."""

    __tablename__ = "calendars"
    __table_args__ = (
        Index("uq_calendars_name", "name", unique=True, postgresql_where=ALIVE, sqlite_where=ALIVE),
    )

    id: Mapped[Key]
    name: Mapped[Name]
    version: Mapped[int]
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class CalendarVersion(Base):
    """What a calendar said at one version."""

    __tablename__ = "calendar_versions"

    calendar_id: Mapped[UUID] = mapped_column(
        ForeignKey("calendars.id", ondelete="CASCADE"), primary_key=True
    )
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    document: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class Policy(Base):
    """What is promised to whom; `version` is the newest, and versions never change."""

    __tablename__ = "policies"
    __table_args__ = (
        Index("uq_policies_name", "name", unique=True, postgresql_where=ALIVE, sqlite_where=ALIVE),
        Index(
            "uq_policies_default", "is_default", unique=True, postgresql_where=DEFAULT, sqlite_where=DEFAULT
        ),
    )

    id: Mapped[Key]
    name: Mapped[Name]
    version: Mapped[int]
    is_default: Mapped[bool]
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class PolicyVersion(Base):
    """What a policy said at one version; it names calendars by id, whichever version they are at."""

    __tablename__ = "policy_versions"

    policy_id: Mapped[UUID] = mapped_column(ForeignKey("policies.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    document: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class Clock(Base):
    """One waiting episode of a ticket, replayed from its events; keyed by the event that started it.

    Policy and calendar are those it was judged by, at the version it was judged at. `counted` (microseconds)
    is what was counted up to `counted_until`; while `counting`, more is from there on. `due_at` is when the
    target is used up, as known since `scheduled_at`. What was said of it: `warned`, how much had been
    counted (microseconds) at the last warning; `breached_at`, the due instant of the breach; `revision`, how
    often one was taken back. `next_at` is when the watch has to look again.
    """

    __tablename__ = "clocks"
    __table_args__ = (
        UniqueConstraint("ticket_id", "name", "start_version"),
        Index("ix_clocks_figures", "name", "started_at"),
        Index("ix_clocks_next", "next_at", postgresql_where=WAITING, sqlite_where=WAITING),
        Index("ix_clocks_running", "ticket_id", postgresql_where=RUNNING, sqlite_where=RUNNING),
    )

    id: Mapped[Key]
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"))
    name: Mapped[Code]
    ordinal: Mapped[int]
    start_version: Mapped[int]
    started_at: Mapped[datetime]
    stopped_at: Mapped[datetime | None]
    stop_version: Mapped[int | None]
    agent_id: Mapped[UUID | None]
    inconsistent: Mapped[bool]
    is_last: Mapped[bool]
    policy_id: Mapped[UUID | None]
    policy_version: Mapped[int | None]
    calendar_id: Mapped[UUID | None]
    calendar_version: Mapped[int | None]
    target_seconds: Mapped[int | None]
    due_at: Mapped[datetime | None]
    scheduled_at: Mapped[datetime]
    counted: Mapped[int] = mapped_column(BigInteger)
    counted_until: Mapped[datetime]
    counting: Mapped[bool]
    warned: Mapped[int] = mapped_column(BigInteger)
    breached_at: Mapped[datetime | None]
    revision: Mapped[int]
    next_at: Mapped[datetime | None]
