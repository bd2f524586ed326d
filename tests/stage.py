"""One application of each kind of database for many tests: the stage is set again before each of them.

Starting an application and copying a database costs more than most tests do. Here the rows the script left
are kept in tables of their own, and put back in one transaction.
"""

from dataclasses import dataclass

from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.configuration import store
from app.db import dialect
from app.models.everything import METADATA
from app.services import Services
from tests.cast import Script

TABLES = [table.name for table in METADATA.sorted_tables]


@dataclass(frozen=True)
class Stage:
    """A running application and the script its database started with."""

    app: FastAPI
    script: Script

    @property
    def services(self) -> Services:
        """What the application works with."""
        found: Services = self.app.state.services
        return found

    async def keep(self) -> None:
        """Remember the rows there are now."""
        await self.services.write(_keep)

    async def reset(self) -> None:
        """Put those rows back, and decide by them."""
        await self.services.write(_restore)
        configuration = self.services.configuration
        configuration.used.clear()
        # A version that steps back is no change to a process that lives on, so the snapshot is set outright.
        configuration.current = await self.services.read(store.load)
        await configuration.refresh()


def _keep(session: Session) -> None:
    for name in TABLES:
        session.execute(text(f"CREATE TABLE kept_{name} AS SELECT * FROM {name}"))  # noqa: S608  (our own names)
    if dialect.is_postgresql(session):
        body = "SET LOCAL session_replication_role = replica;" + "".join(f"{each};" for each in _statements())
        session.execute(text(f"CREATE FUNCTION restore() RETURNS void LANGUAGE sql AS '{body}'"))


def _restore(session: Session) -> None:
    if dialect.is_postgresql(session):
        session.execute(text("SELECT restore()"))
        return
    for statement in _statements():
        session.execute(text(statement))


def _statements() -> list[str]:
    """Empty every table, those that refer to others first, and fill them the other way round."""
    empty = [f"DELETE FROM {name}" for name in reversed(TABLES)]  # noqa: S608  (our own names)
    return empty + [f"INSERT INTO {name} SELECT * FROM kept_{name}" for name in TABLES]  # noqa: S608
