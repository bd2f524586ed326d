"""The whole command, as it is typed."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.main import app
from app.db import migrate
from app.db.sqlite import take_lock
from tests.cli.fake import FakeServer, run


def test_help_names_every_command() -> None:
    done = run(app, "--help")
    assert done.exit_code == 0
    of_the_database = ("serve", "worker", "migrate", "doctor", "backup", "restore")
    for name in (*of_the_database, "openapi", "key", "agent", "team", "site", "source", "import"):
        assert f" {name} " in done.stdout


@pytest.mark.parametrize("group", ["key", "agent", "team", "site", "source", "import"])
def test_each_group_explains_itself(group: str) -> None:
    assert run(app, group, "--help").exit_code == 0


def test_migrations_leave_a_database_alone_that_a_server_has_open(tmp_path: Path) -> None:
    """A second connection that writes would checkpoint beside the server's."""
    environment = {"HEARD_DATA_DIR": str(tmp_path), "HEARD_LOG_LEVEL": "error"}
    with take_lock(tmp_path / "heard.lock"):
        refused = CliRunner().invoke(app, ["migrate"], env=environment)
    done = CliRunner().invoke(app, ["migrate"], env=environment)

    assert (refused.exit_code, done.exit_code) == (1, 0)
    assert refused.stderr.startswith(f"heard: another process has {tmp_path} open")


def spoil(folder: Path, how: str) -> Path:
    """Make a data folder that none can work in."""
    if how == "a file":
        (folder / "data").write_text("mine")
    elif how == "below a file":
        (folder / "data").write_text("mine")
        return folder / "data" / "below"
    elif how == "no database":
        (folder / "data").mkdir()
        (folder / "data" / "heard.db").write_bytes(b"not a database" * 1000)
    else:
        (folder / "data" / how).mkdir(parents=True)
    return folder / "data"


@pytest.mark.parametrize("how", ["a file", "below a file", "no database", "heard.db", "heard.lock"])
@pytest.mark.parametrize("command", ["serve", "migrate", "doctor"])
def test_a_data_folder_that_is_none_is_said_in_words(tmp_path: Path, command: str, how: str) -> None:
    folder = spoil(tmp_path, how)
    environment = {"HEARD_DATA_DIR": str(folder), "HEARD_LOG_LEVEL": "error", "HEARD_PORT": "0"}
    refused = CliRunner().invoke(app, [command], env=environment)

    assert refused.exit_code == 1
    assert isinstance(refused.exception, SystemExit)
    if command == "doctor":
        assert "trouble" in refused.stdout
    else:
        assert len(refused.stderr.splitlines()) == 1
        assert refused.stderr.startswith(("heard: ", "Heard can't start: "))


@pytest.mark.parametrize("host", ["127.0.0.1:1", "nowhere.invalid"])
@pytest.mark.parametrize("command", ["serve", "worker", "migrate"])
def test_a_server_out_of_reach_is_said_in_words(tmp_path: Path, command: str, host: str) -> None:
    environment = {
        "HEARD_DATA_DIR": str(tmp_path),
        "HEARD_DATABASE_URL": f"postgresql+asyncpg://h@{host}/h",
        "HEARD_LOG_LEVEL": "error",
    }
    refused = CliRunner().invoke(app, [command], env=environment)

    assert refused.exit_code == 1
    assert isinstance(refused.exception, SystemExit)
    assert len(refused.stderr.splitlines()) == 1
    assert refused.stderr.startswith(("heard: the database can't be migrated: ", "Heard can't start: "))


def test_a_database_of_newer_code_is_not_migrated_and_that_is_said(tmp_path: Path) -> None:
    migrate.upgrade_embedded(tmp_path / "heard.db")
    with closing(sqlite3.connect(tmp_path / "heard.db")) as file:
        file.execute("UPDATE alembic_version SET version_num = 'from_tomorrow'")
        file.commit()
    refused = CliRunner().invoke(app, ["migrate"], env={"HEARD_DATA_DIR": str(tmp_path)})

    assert refused.exit_code == 1
    assert refused.stderr.startswith("heard: the database can't be migrated: ")
    assert "from_tomorrow" in refused.stderr


def test_a_refusal_inside_a_group_is_said_once(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEARD_KEY")
    done = run(app, "team", "list")
    assert done.exit_code == 2
    assert done.stderr.count("heard: no key") == 1
