"""What the database holds, read past the application: by plain statements, over a driver of our own."""

import contextlib
import sqlite3
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg

from app.settings import Settings

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """Every table that a submission writes; ids as 32 hexadecimal digits."""

    tickets: list[Row]
    scores: list[Row]
    clocks: list[Row]
    events: list[Row]
    outbox: list[Row]
    stream: list[Row]
    idempotency: list[Row]
    external_ids: list[Row]
    customers: list[Row]
    identities: list[Row]


_QUERIES = {
    "tickets": "SELECT id, text, kind, external_id, customer_id FROM tickets",
    "scores": "SELECT submission_id, comment, standalone, ticket_id, value, customer_id FROM scores",
    "clocks": "SELECT ticket_id, name FROM clocks",
    "events": """
        SELECT id, subject_id, subject_version, type FROM events WHERE subject_type <> 'configuration'
    """,
    "outbox": "SELECT event_id FROM outbox",
    "stream": "SELECT sequence, event_id FROM stream ORDER BY sequence",
    "idempotency": "SELECT key_hash, fingerprint, status, subject_id FROM idempotency",
    "external_ids": "SELECT external_id, subject_id FROM external_ids",
    "customers": "SELECT id FROM customers",
    "identities": "SELECT kind, value, customer_id FROM customer_identities",
}


async def read(settings: Settings) -> Rows:
    """Read all of it."""
    found = await (_from_postgresql if settings.database_url else _from_sqlite)(settings)
    return Rows(**{each.name: found[each.name] for each in fields(Rows)})


async def _from_sqlite(settings: Settings) -> dict[str, list[Row]]:
    with contextlib.closing(sqlite3.connect(settings.sqlite_path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert file.execute("PRAGMA foreign_key_check").fetchall() == []
        return {name: file.execute(query).fetchall() for name, query in _QUERIES.items()}


async def _from_postgresql(settings: Settings) -> dict[str, list[Row]]:
    connection: Any = await asyncpg.connect(str(settings.database_url).replace("+asyncpg", ""))
    try:
        found = {name: await connection.fetch(query) for name, query in _QUERIES.items()}
    finally:
        await connection.close()
    return {name: [tuple(map(_plain, row)) for row in rows] for name, rows in found.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return value.hex
    return float(value) if isinstance(value, Decimal) else value
