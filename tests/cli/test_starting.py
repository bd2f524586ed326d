"""What keeps the server from starting is said in one line."""

import os
import subprocess
import sys
from pathlib import Path

from tests.served import serve

ROOT = Path(__file__).parents[2]


def start(folder: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "HEARD_DATA_DIR": str(folder), "HEARD_PORT": "0"} | settings
    command = [sys.executable, "-m", "app.cli", "serve"]
    return subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30
    )


def test_a_second_server_over_the_same_folder_is_refused(tmp_path: Path) -> None:
    with serve(tmp_path):
        second = start(tmp_path)

    assert second.returncode == 1
    assert second.stderr.splitlines() == [
        f"Heard can't start: another process has {tmp_path} open;"
        " one process at a time with the embedded database"
    ]


def test_a_database_that_is_not_there_is_said(tmp_path: Path) -> None:
    refused = start(tmp_path, HEARD_DATABASE_URL="postgresql+asyncpg://nobody@127.0.0.1:1/nothing")

    assert refused.returncode == 1
    assert refused.stderr.startswith("Heard can't start: the database can't work right now")
    assert len(refused.stderr.splitlines()) == 1


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    refused = start(tmp_path, HEARD_PORT="eighty")

    assert refused.returncode == 2
    assert refused.stderr.startswith("HEARD_PORT: ")


def test_the_admin_key_is_for_its_owner_alone_and_the_server_ends_well(tmp_path: Path) -> None:
    with serve(tmp_path) as served:
        modes = [(served.folder / name).stat().st_mode & 0o777 for name in ("admin.key", "secret")]

    assert modes == [0o600, 0o600]
    assert served.process.returncode == 0
