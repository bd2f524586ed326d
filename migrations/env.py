"""How migrations run: on both databases, one transaction each, never waiting long for a lock.

On PostgreSQL a migration takes an advisory lock, so that several processes may start at once, and gives up
after four seconds of waiting for a table instead of blocking everyone behind it.
"""

import asyncio
from typing import Any, Literal

from alembic import context
from sqlalchemy import JSON, BigInteger, Connection, Engine, create_engine, event, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.db.types import UTC_TIME
from app.models.everything import METADATA
from app.settings import Settings

LOCK_SECONDS = 4
STATEMENT_SECONDS = 600


def _url() -> str:
    given = context.config.attributes.get("url")
    if given:
        return str(given)
    settings = Settings()
    return settings.database_url or f"sqlite+pysqlite:///{settings.sqlite_path}"


def _render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our own column types by name, so that a migration means the same on both databases."""
    if kind != "type":
        return False
    if isinstance(item, UTC_TIME):
        return "UTC_TIME()"
    if isinstance(item, JSON):
        return "DOCUMENT"
    return "IDENTITY" if isinstance(item, BigInteger) and item._variant_mapping else False  # noqa: SLF001


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_item=_render,
        compare_type=True,
        compare_server_default=True,
        transaction_per_migration=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _wait_for_others(connection: Connection) -> None:
    """Take the lock of all migrations, however long that takes, but give up soon where a table is locked."""
    connection.execute(text("SELECT pg_advisory_lock(hashtextextended('heard.migrations', 0))"))
    connection.execute(text(f"SET lock_timeout = '{LOCK_SECONDS}s'"))
    connection.execute(text(f"SET statement_timeout = '{STATEMENT_SECONDS}s'"))
    connection.commit()


def _sqlite_engine(url: str) -> Engine:
    """Return an engine that begins transactions itself.

    The driver would begin none for a new table, and a first start cut short would leave half a schema.
    """
    engine = create_engine(url, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def _leave_it_to_us(connection: Any, _record: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


async def _migrate_postgresql(url: str) -> None:
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_wait_for_others)
        await connection.run_sync(_migrate)
        await connection.commit()
    await engine.dispose()


def _offline(url: str) -> None:
    context.configure(url=url, target_metadata=METADATA, render_item=_render, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


url = _url()
if context.is_offline_mode():
    _offline(url)
elif url.startswith("sqlite"):
    sqlite_engine = _sqlite_engine(url)
    with sqlite_engine.connect() as sqlite_connection:
        _migrate(sqlite_connection)
    sqlite_engine.dispose()
else:
    asyncio.run(_migrate_postgresql(url))
