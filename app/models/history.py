"""Imports of history, one row an import, so that it can be undone; and how old the code may be."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Key


class Import(Base):
    """One load of history; every row it made carries its id."""

    __tablename__ = "imports"

    id: Mapped[Key]
    created_at: Mapped[datetime]
    undone_at: Mapped[datetime | None]


class SchemaCode(Base):
    """One row: the oldest code that may run on this schema; older processes may go on under a newer one."""

    __tablename__ = "schema"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    min_code: Mapped[int]
