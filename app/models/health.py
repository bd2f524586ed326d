"""Who is at work: the workers' signs of life, so that processes that answer requests can see them."""

from datetime import datetime

from sqlalchemy.orm import Mapped

from app.models.base import Base, Code, Key


class Heartbeat(Base):
    """When a process last did its work; one row a process, written over and over."""

    __tablename__ = "heartbeats"

    id: Mapped[Key]
    name: Mapped[Code]
    seen_at: Mapped[datetime]
