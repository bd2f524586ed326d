"""Why a ticket has its agent."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Code, Key


class Assignment(Base):
    """One decision about who has a ticket, with its reason; agent null means given back to the queue."""

    __tablename__ = "assignments"
    __table_args__ = (Index("ix_assignments_ticket", "ticket_id", "decided_at"),)

    id: Mapped[Key]
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"))
    agent_id: Mapped[UUID | None]
    by: Mapped[Code]
    reason: Mapped[dict[str, Any]]
    decided_at: Mapped[datetime]
