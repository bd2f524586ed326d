"""Customers and what we know them by. Personal data lives here, in tickets, messages and scores only."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Code, Key, Name


class Customer(Base):
    """A person who spoke to us."""

    __tablename__ = "customers"

    id: Mapped[Key]
    name: Mapped[Name | None]
    import_id: Mapped[UUID | None]
    created_at: Mapped[datetime]


class CustomerIdentity(Base):
    """A reference, an e-mail address or a phone number that belongs to one customer.

    The foreign key is checked at commit: identities are claimed first, and only those who won get a customer.
    """

    __tablename__ = "customer_identities"
    __table_args__ = (CheckConstraint("kind IN ('ref', 'email', 'phone')", "kind"),)

    kind: Mapped[Code] = mapped_column(primary_key=True)
    value: Mapped[Name] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE", deferrable=True, initially="DEFERRED"), index=True
    )
    import_id: Mapped[UUID | None]
    created_at: Mapped[datetime]
