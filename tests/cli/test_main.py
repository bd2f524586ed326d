"""The whole command, as it is typed."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.main import app
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


def test_a_refusal_inside_a_group_is_said_once(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEARD_KEY")
    done = run(app, "team", "list")
    assert done.exit_code == 2
    assert done.stderr.count("heard: no key") == 1
