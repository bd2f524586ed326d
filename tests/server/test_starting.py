"""What keeps the server from starting is said in one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.main import app as command_line
from tests import databases
from tests.served import serve

ROOT = Path(__file__).parents[2]


def start(folder: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "HEARD_DATA_DIR": str(folder), "HEARD_PORT": "0"} | settings
    command = [sys.executable, "-m", "app.cli", "serve"]
    return subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30
    )


def test_a_folder_is_for_one_server_and_its_secrets_for_one_user(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with serve(folder) as served:
        modes = [(folder / name).stat().st_mode & 0o777 for name in (".", "admin.key", "secret")]
        second = start(folder)

    told = f"another process has {folder} open; one process at a time with the embedded database"
    assert second.returncode == 1
    assert second.stderr.splitlines() == [f"Heard can't start: {told}"]
    assert modes == [0o700, 0o600, 0o600]
    assert served.process.returncode == 0


def test_a_database_that_is_not_there_is_said(tmp_path: Path) -> None:
    refused = start(tmp_path, HEARD_DATABASE_URL="postgresql+asyncpg://nobody@127.0.0.1:1/nothing")

    assert refused.returncode == 1
    assert refused.stderr.startswith("Heard can't start: the database can't work right now")
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.skipif("pg18" not in databases.KINDS, reason="PostgreSQL 18 is not among the tested databases")
def test_a_database_without_the_schema_asks_for_a_migration(tmp_path: Path) -> None:
    databases.server(18)
    refused = start(tmp_path, HEARD_DATABASE_URL=databases.url(18, "postgres"))

    assert refused.returncode == 1
    assert refused.stderr.startswith("Heard can't start: the database is at revision none")
    assert refused.stderr.rstrip().endswith("run `heard migrate`")


def test_a_wrong_setting_is_named() -> None:
    refused = CliRunner().invoke(command_line, ["serve"], env={"HEARD_PORT": "eighty"})

    assert refused.exit_code == 2
    assert refused.stderr.startswith("HEARD_PORT: ")
