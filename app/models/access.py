"""Who may speak to us: sites with public keys, sources, secret keys; and the version of all configuration."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Code, Key, Name


class Site(Base):
    """A web site whose visitors may speak, through a public key and from listed origins."""

    __tablename__ = "sites"
    __table_args__ = (
        Index("uq_sites_name", "name", unique=True),
        Index("uq_sites_public_key", "public_key", unique=True),
    )

    id: Mapped[Key]
    name: Mapped[Name]
    public_key: Mapped[Name]
    origins: Mapped[list[str]]
    allow_servers: Mapped[bool]
    languages: Mapped[list[str]]
    theme: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class Source(Base):
    """A system that sends feedback; (source, external id) is unique for ever."""

    __tablename__ = "sources"
    __table_args__ = (
        Index("uq_sources_name", "name", unique=True),
        CheckConstraint("kind IN ('api', 'import', 'call_centre', 'form')", "kind"),
    )

    id: Mapped[Key]
    name: Mapped[Name]
    kind: Mapped[Code]
    zone: Mapped[Code]
    import_id: Mapped[UUID | None]
    created_at: Mapped[datetime]


class ApiKey(Base):
    """A secret key: its hash, and what it may do."""

    __tablename__ = "api_keys"
    __table_args__ = (Index("uq_api_keys_hash", "hash", unique=True),)

    id: Mapped[Key]
    name: Mapped[Name]
    prefix: Mapped[Code]
    hash: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[str]]
    agent_id: Mapped[UUID | None] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    sources: Mapped[list[str] | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class ConfigurationVersion(Base):
    """One row that every change of configuration raises; processes reload their snapshot when it moves."""

    __tablename__ = "configuration_version"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]
