"""What keeps the server from starting is said in one line."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Timer

import pytest
from typer.testing import CliRunner

from app.cli.main import app as command_line
from app.db.sqlite import AlreadyOpenError, take_lock
from app.errors import CannotStartError
from app.services import read_secret, write_private
from app.settings import Settings
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


TOGETHER = 8


@pytest.mark.parametrize("time", range(30))
def test_those_who_start_at_once_sign_with_one_secret(tmp_path: Path, time: int) -> None:
    """One who found a file that was still empty would sign with nothing, as anybody can."""
    settings, barrier = Settings(data_dir=tmp_path / f"data{time}"), Barrier(TOGETHER)

    def start_one(_: int) -> bytes:
        barrier.wait(timeout=10)
        return read_secret(settings)

    with ThreadPoolExecutor(TOGETHER) as threads:
        (secret,) = set(threads.map(start_one, range(TOGETHER)))

    assert len(secret) == 64
    assert [each.name for each in settings.data_dir.iterdir()] == ["secret"]
    assert (settings.data_dir / "secret").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "\n", "half a sec", " " * 40])
def test_no_server_signs_with_less_than_a_secret(tmp_path: Path, content: str) -> None:
    (tmp_path / "secret").write_text(content)
    environment = {"HEARD_DATA_DIR": str(tmp_path), "HEARD_PORT": "0", "HEARD_LOG_LEVEL": "error"}
    refused = CliRunner().invoke(command_line, ["serve"], env=environment)

    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"Heard can't start: {tmp_path}/secret holds no secret of 32 characters")
    assert (tmp_path / "secret").read_text() == content


def test_a_key_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "admin.key.new").write_text("left by nobody knows whom")
    for key in ("first", "second"):
        write_private(tmp_path / "admin.key", key)

    assert (tmp_path / "admin.key").read_text() == "second\n"
    assert (tmp_path / "admin.key").stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in tmp_path.iterdir()) == ["admin.key", "admin.key.new"]


def test_a_key_that_cant_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "admin.key").mkdir()
    with pytest.raises(CannotStartError, match=r"admin\.key can't be written"):
        write_private(tmp_path / "admin.key", "heard_sk")

    assert [each.name for each in tmp_path.iterdir()] == ["admin.key"]


def test_a_lock_that_is_only_tried_keeps_no_server_from_starting(tmp_path: Path) -> None:
    doctor = take_lock(tmp_path / "heard.lock")
    Timer(0.05, doctor.close).start()
    with take_lock(tmp_path / "heard.lock"), pytest.raises(AlreadyOpenError):
        take_lock(tmp_path / "heard.lock")
