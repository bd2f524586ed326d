"""Bring a database to the newest schema, or say that it is not there yet."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from app.db import outside
from app.errors import CannotStartError

ROOT = Path(__file__).resolve().parents[2]


CODE = 1
"""The age of this code; a migration that breaks older code writes its own number into `schema.min_code`."""


class OldSchemaError(CannotStartError):
    """The database's schema is older than this code."""


class NewSchemaError(CannotStartError):
    """The database's schema is newer than this code can work with."""


def configuration(url: str) -> Config:
    """Return Alembic's configuration for a database address."""
    config = Config(ROOT / "alembic.ini")
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.attributes["url"] = url
    return config


def upgrade(url: str) -> None:
    """Run every migration this database has not seen; safe from several processes at once.

    Raises:
        CannotStartError: the database can't be reached, or refuses.
    """
    try:
        command.upgrade(configuration(url), "head")
    except (*outside.FAILURES, CommandError) as error:
        raise CannotStartError(f"the database can't be migrated: {outside.in_words(error)}") from None


def upgrade_embedded(path: Path) -> None:
    """Bring the embedded database to the newest schema, from nothing if need be."""
    url = f"sqlite+pysqlite:///{path}"
    engine = create_engine(url, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    except OperationalError:  # a new file has no such table
        found = None
    except DatabaseError as error:
        raise CannotStartError(f"{path} can't be opened: {outside.in_words(error)}") from None
    if found != head():
        upgrade(url)


@cache
def head() -> str:
    """Return the newest revision this code knows."""
    found = ScriptDirectory.from_config(configuration("")).get_current_head()
    return found or ""


@cache
def is_known(revision: str) -> bool:
    """Whether this code has the migration that leads to a revision."""
    scripts = ScriptDirectory.from_config(configuration("")).walk_revisions()
    return revision in {each.revision for each in scripts}


def ask_to_write(session: Session) -> None:
    """Write without changing anything: a database that only reads refuses even that."""
    session.execute(text("UPDATE alembic_version SET version_num = version_num WHERE 1 = 0"))


def require_known(session: Session) -> None:
    """Refuse to run on a schema that is older than this code, or too new for it.

    Migrations only expand, so older code may go on under a newer schema until that forbids it (`min_code`).

    Raises:
        OldSchemaError: `heard migrate` has to run first.
        NewSchemaError: this code is too old.
    """
    migrated = inspect(session.connection()).has_table("alembic_version")
    found = session.scalar(text("SELECT version_num FROM alembic_version")) if migrated else None
    if found == head():
        return
    if found is None or is_known(found):
        message = (
            f"the database is at revision {found or 'none'}, this code needs {head()}: run `heard migrate`"
        )
        raise OldSchemaError(message)
    if (session.scalar(text("SELECT min_code FROM schema")) or 0) > CODE:
        message = "the database was migrated for newer code than this"
        raise NewSchemaError(message)
