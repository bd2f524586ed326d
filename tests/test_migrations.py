"""Migrations: one line of them, up, down and up again on each database, ending where the models are."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic import command, op
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

import app.models
from app.db import migrate
from app.models.everything import METADATA, MODULES
from tests import databases

_numbers = count()


@pytest.fixture
def url(kind: str, tmp_path: Path) -> Iterator[str]:
    """The address of a database with nothing in it."""
    if kind == "sqlite":
        yield f"sqlite+pysqlite:///{tmp_path / 'heard.db'}"
        return
    version, name = int(kind.removeprefix("pg")), f"migrated{next(_numbers)}"
    databases.server(version).psql(f"CREATE DATABASE {name};")
    yield databases.url(version, name)
    databases.server(version).psql(f"DROP DATABASE {name} WITH (FORCE);")


def looking_at(url: str, look: Any) -> Any:
    """Return what a function of a connection finds there."""
    if url.startswith("sqlite"):
        engine = create_engine(url, poolclass=NullPool)
        with engine.connect() as connection:
            return look(connection)

    async def connect() -> Any:
        there = create_async_engine(url, poolclass=NullPool)
        async with there.connect() as connection:
            return await connection.run_sync(look)

    return asyncio.run(connect())


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


def difference(connection: Connection) -> list[Any]:
    options = {"compare_type": True, "compare_server_default": True}
    found: list[Any] = compare_metadata(MigrationContext.configure(connection, opts=options), METADATA)
    return found


def test_there_is_one_line_of_migrations() -> None:
    scripts = ScriptDirectory.from_config(migrate.configuration(""))

    assert len(scripts.get_heads()) == 1
    assert len(scripts.get_bases()) == 1


def test_every_module_of_tables_is_known_to_the_migrations() -> None:
    folder = Path(str(app.models.__file__)).parent
    names = {path.stem for path in folder.glob("*.py")} - {"__init__", "base", "everything"}

    assert {module.__name__.rsplit(".", 1)[-1] for module in MODULES} == names


def test_each_migration_goes_up_down_and_up_again(url: str) -> None:
    config = migrate.configuration(url)
    revisions = [each.revision for each in ScriptDirectory.from_config(config).walk_revisions()][::-1]
    for revision in revisions:
        command.upgrade(config, revision)
        command.downgrade(config, "-1")
        command.upgrade(config, revision)
    there = looking_at(url, tables)
    command.downgrade(config, "base")

    assert there == set(METADATA.tables) | {"alembic_version"}
    assert looking_at(url, tables) == {"alembic_version"}


def test_the_newest_schema_is_what_the_models_say(url: str) -> None:
    migrate.upgrade(url)

    assert looking_at(url, difference) == []


def test_an_old_or_a_too_new_schema_is_refused_in_words(url: str) -> None:
    def judged(revision: str, min_code: int) -> Any:
        def judge(connection: Connection) -> str:
            with Session(connection) as session:
                session.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": revision})
                session.execute(text("UPDATE schema SET min_code = :code"), {"code": min_code})
                try:
                    migrate.require_known(session)
                except (migrate.OldSchemaError, migrate.NewSchemaError) as error:
                    return type(error).__name__
                return "fine"

        return judge

    migrate.upgrade(url)
    found = [
        looking_at(url, judged(revision, code))
        for revision, code in ((migrate.head(), 1), ("from_tomorrow", 1), ("from_tomorrow", migrate.CODE + 1))
    ]

    assert found == ["fine", "fine", "NewSchemaError"]


@pytest.mark.parametrize("at", [1, 5, 12])
def test_a_first_start_that_was_cut_short_leaves_nothing_and_the_next_one_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    class PowerCutError(Exception):
        pass

    made = count(1)
    create_table = op.create_table

    def cut(*args: Any, **kwargs: Any) -> Any:
        if next(made) == at:
            raise PowerCutError
        return create_table(*args, **kwargs)

    path = tmp_path / "heard.db"
    with monkeypatch.context() as during:
        during.setattr(op, "create_table", cut)
        with pytest.raises(PowerCutError):
            migrate.upgrade_embedded(path)
    with closing(sqlite3.connect(path)) as left:
        found = left.execute("SELECT name FROM sqlite_master WHERE name <> 'alembic_version'").fetchall()
    migrate.upgrade_embedded(path)
    migrate.upgrade_embedded(path)

    assert found == []
    assert looking_at(f"sqlite+pysqlite:///{path}", difference) == []


@pytest.mark.parametrize("kind", [k for k in databases.KINDS if k != "sqlite"], indirect=True)
def test_a_migration_waits_for_the_one_of_another_process(url: str) -> None:
    async def migrate_behind_another() -> set[str]:
        other: Any = await asyncpg.connect(url.replace("+asyncpg", ""))
        await other.execute("SELECT pg_advisory_lock(hashtextextended('heard.migrations', 0))")
        waiting = asyncio.ensure_future(asyncio.to_thread(migrate.upgrade, url))
        while not await other.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            assert not waiting.done()
        there = {row["tablename"] for row in await other.fetch("SELECT tablename FROM pg_tables")}
        await other.execute("SELECT pg_advisory_unlock_all()")
        await other.close()
        await asyncio.wait_for(waiting, 20)
        return there

    before = asyncio.run(migrate_behind_another())

    assert "tickets" not in before
    assert looking_at(url, difference) == []
