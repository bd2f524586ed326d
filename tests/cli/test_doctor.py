"""The doctor: what it finds on a machine and in a database, what it advises, and what it never says."""

import fcntl
import json
import os
import sqlite3
import stat
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from typer.testing import CliRunner, Result

from app.cli.main import app as command_line
from app.db import migrate
from tests import databases

CANARY = "canary-5up3r-s3cr3t"
_numbers = count()
Found = dict[str, dict[str, Any]]


def heard(folder: Path, *arguments: str, **environment: str) -> Result:
    given = {"HEARD_DATA_DIR": str(folder)} | environment
    return CliRunner().invoke(command_line, list(arguments), env=given)


def examine(folder: Path, *arguments: str, **environment: str) -> tuple[Found, int]:
    """Return what the doctor found, by check, and how it ended."""
    done = heard(folder, "doctor", "--json", *arguments, **environment)
    return {each["check"]: each for each in json.loads(done.stdout)}, done.exit_code


def levels(found: Found) -> dict[str, str]:
    return {name: each["level"] for name, each in found.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder as a server leaves it."""
    made = tmp_path / "data"
    made.mkdir(mode=0o700)
    migrate.upgrade_embedded(made / "heard.db")
    with closing(sqlite3.connect(made / "heard.db")) as file:
        file.execute("PRAGMA journal_mode = WAL")
    for name, content in (("secret", "0123456789abcdefghijklmnopqrstuvwxyz"), ("admin.key", "heard_sk_x")):
        (made / name).write_text(content + "\n")
        (made / name).chmod(0o600)
    (made / "heard.lock").touch()
    return made


def change(folder: Path, *statements: tuple[str, dict[str, object]]) -> None:
    with closing(sqlite3.connect(folder / "heard.db")) as file:
        for statement, values in statements:
            file.execute(statement, values)
        file.commit()


def test_a_stopped_server_is_looked_at_without_a_trace(folder: Path) -> None:
    before = {each.name: each.read_bytes() for each in folder.iterdir()}
    found, code = examine(folder)
    after = {each.name: each.read_bytes() for each in folder.iterdir()}

    assert code == 0
    assert found["server"]["says"] == "no server runs here"
    assert found["integrity"]["says"] == "the pages are sound"
    assert examine(folder, "--deep")[0]["integrity"]["says"] == "every page and index is sound"
    assert {name: after[name] for name in before} == before


def test_people_get_a_table(folder: Path) -> None:
    done = heard(folder, "doctor")

    assert done.exit_code == 0
    assert done.stdout.split("\n")[0].split() == ["check", "level", "says", "advice"]
    assert "SQLite" in done.stdout


def test_a_wrong_setting_is_trouble_that_is_named(folder: Path) -> None:
    found, code = examine(folder, HEARD_PORT="eighty", HEARD_SECRET=CANARY[:12])

    assert code == 1
    assert levels(found) == {"HEARD_PORT": "trouble", "HEARD_SECRET": "trouble"}
    assert CANARY[:12] not in json.dumps(found)


def test_where_nothing_is_yet_it_says_what_makes_it(tmp_path: Path) -> None:
    found, code = examine(tmp_path / "nothing")

    assert code == 0
    assert levels(found)["data folder"] == levels(found)["database"] == levels(found)["secret"] == "warning"
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize(("name", "mode", "check", "level"), [
    (".", 0o755, "data folder", "warning"),
    ("admin.key", 0o644, "admin.key", "trouble"),
    ("secret", 0o640, "secret", "trouble"),
])  # fmt: skip
def test_what_others_may_read_is_named(folder: Path, name: str, mode: int, check: str, level: str) -> None:
    (folder / name).chmod(mode)
    found, code = examine(folder)

    assert levels(found)[check] == level
    assert f"{mode:o}" in found[check]["says"]
    assert found[check]["advice"].startswith("chmod ")
    assert code == (1 if level == "trouble" else 0)


@pytest.mark.parametrize("secret", ["short", ""])
def test_a_secret_that_is_none_is_trouble(folder: Path, secret: str) -> None:
    """No server starts with it."""
    (folder / "secret").write_text(secret)
    found, code = examine(folder)

    assert (levels(found)["secret"], code) == ("trouble", 1)
    assert not secret or secret not in json.dumps(found)


@pytest.mark.parametrize("secret", ["a" * 40, "password" * 5])
def test_a_secret_that_could_be_guessed_is_said_but_not_shown(folder: Path, secret: str) -> None:
    (folder / "secret").write_text(secret)
    found, _ = examine(folder)

    assert levels(found)["secret"] == "warning"
    assert "could be guessed" in found["secret"]["says"]
    assert secret not in json.dumps(found)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_named(folder: Path) -> None:
    os.chown(folder / "heard.lock", 12345, 12345)
    found, code = examine(folder)

    assert (levels(found)["owner"], code) == ("trouble", 1)
    assert found["owner"]["says"].startswith("heard.lock belongs to another user")


def test_a_held_lock_is_seen_and_stays_held(folder: Path) -> None:
    with (folder / "heard.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found, _ = examine(folder)
        with (folder / "heard.lock").open() as another, pytest.raises(BlockingIOError):
            fcntl.flock(another, fcntl.LOCK_SH | fcntl.LOCK_NB)

    assert found["server"]["says"] == "a server runs here"


def test_a_damaged_file_is_trouble(folder: Path) -> None:
    with (folder / "heard.db").open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * 4096)
    found, code = examine(folder)

    assert code == 1
    assert "trouble" in {levels(found).get("integrity"), levels(found).get("database")}


def test_a_file_that_is_no_database_is_trouble(folder: Path) -> None:
    (folder / "heard.db").write_bytes(b"not a database" * 1000)
    found, code = examine(folder)

    assert (levels(found)["database"], code) == ("trouble", 1)
    assert "file is not a database" in found["database"]["says"]


@pytest.mark.parametrize(("revision", "min_code", "level", "said"), [
    ("from_tomorrow", 1, "warning", "newer than this code"),
    ("from_tomorrow", migrate.CODE + 1, "trouble", "newer than this code"),
    ("8b1f0d3f2c55", 1, "", ""),
])  # fmt: skip
def test_a_schema_that_is_not_this_codes_is_judged(
    folder: Path, revision: str, min_code: int, level: str, said: str
) -> None:
    if not level:  # the oldest revision there is
        scripts = ScriptDirectory.from_config(migrate.configuration(""))
        revision, level, said = str(scripts.get_base()), "warning", "an older one"
    change(
        folder,
        ("UPDATE alembic_version SET version_num = :to", {"to": revision}),
        ("UPDATE schema SET min_code = :to", {"to": min_code}),
    )
    found, code = examine(folder)

    assert (levels(found)["schema"], code) == (level, 1 if level == "trouble" else 0)
    assert said in found["schema"]["says"]
    assert levels(found)["work"] == "skipped"


def test_a_database_without_our_tables_is_trouble(tmp_path: Path) -> None:
    (tmp_path / "heard.db").touch()
    found, code = examine(tmp_path)

    assert (levels(found)["schema"], code) == ("trouble", 1)


def test_what_waits_and_what_gave_up_is_counted(folder: Path) -> None:
    row = {"id": "1" * 32, "at": 1_700_000_000_000_000}
    change(
        folder,
        ("""INSERT INTO events
            (subject_type, subject_id, subject_version, type, occurred_at, received_at, data)
            VALUES ('ticket', :id, 1, 'opened', :at, :at, '{}')""", row),
        ("INSERT INTO outbox SELECT max(id) FROM events", {}),
        ("""INSERT INTO jobs
            (id, kind, key, data, generation, claimed, attempts, due_at, dead_at, created_at)
            VALUES (:id, 'a', 'b', '{}', 1, 1, 12, :at, :at, :at)""", row),
    )  # fmt: skip
    found, code = examine(folder)

    assert code == 0
    assert {levels(found)[each] for each in ("outbox", "jobs")} == {"warning"}
    assert found["outbox"]["says"].startswith("1 events are not published yet, the oldest for ")
    assert found["outbox"]["says"].endswith(" days")
    assert found["jobs"]["says"] == "1 jobs gave up"
    assert levels(found)["queue"] == "ok"


def test_a_data_folder_on_the_network_is_trouble(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mounts").write_text(f"server:/export {tmp_path} nfs4 rw 0 0\n")
    monkeypatch.setattr("app.db.filesystems.MOUNT_TABLE", tmp_path / "mounts")
    found, code = examine(folder)
    monkeypatch.setattr("app.db.filesystems.MOUNT_TABLE", tmp_path / "no table")
    elsewhere, _ = examine(folder)

    assert (levels(found)["file system"], code) == ("trouble", 1)
    assert "nfs4" in found["file system"]["says"]
    assert levels(elsewhere)["file system"] == "skipped"


# PostgreSQL


@pytest.fixture(params=[kind for kind in databases.KINDS if kind != "sqlite"])
def url(request: pytest.FixtureRequest) -> str:
    version, name = int(str(request.param).removeprefix("pg")), f"examined{next(_numbers)}"
    databases.server(version).psql(f"CREATE DATABASE {name};")
    return databases.url(version, name)


def test_a_server_that_forgets_on_a_power_cut_is_trouble(tmp_path: Path, url: str) -> None:
    """The servers of the tests are such."""
    migrate.upgrade(url)
    found, code = examine(tmp_path, HEARD_DATABASE_URL=url, HEARD_DATABASE_POOL="11")

    assert code == 1
    assert {name for name, level in levels(found).items() if level == "trouble"} == {
        "fsync",
        "full_page_writes",
        "synchronous_commit",
    }
    assert "set fsync = on" in found["fsync"]["advice"].lower()
    assert levels(found)["schema"] == levels(found)["clock"] == levels(found)["primary"] == "ok"
    assert found["worker"]["says"] == "no worker has ever been seen"
    assert "a process of ours takes up to 13: room for " in found["connections"]["says"]


def test_too_large_a_pool_and_a_missing_schema_are_trouble(tmp_path: Path, url: str) -> None:
    found, _ = examine(tmp_path, HEARD_DATABASE_URL=url, HEARD_DATABASE_POOL="200")

    assert levels(found)["connections"] == "trouble"
    assert (levels(found)["schema"], found["schema"]["advice"]) == ("trouble", "Run `heard migrate`.")


@pytest.mark.parametrize("address", [
    "postgresql+asyncpg://heard:{}@127.0.0.1:1/heard",
    "postgresql+asyncpg://heard:{}@nowhere.invalid/heard",
    "postgresql+asyncpg://heard:{}@127.0.0.1:port/heard",
    "postgresql+nothing://heard:{}@127.0.0.1/heard",
    "postgresql+asyncpg://heard:x/{}@127.0.0.1:1/heard",
    "postgresql+asyncpg://heard:x@{}:y@127.0.0.1/heard",
    "postgresql+asyncpg://heard:x@{}@127.0.0.1/heard",
    "postgresql+asyncpg://heard:x@127.0.0.1/heard?port={}",
    "postgresql+asyncpg://heard:x@127.0.0.1/heard?prepared_statement_cache_size={}",
    "postgresql+asyncpg://heard:{}@127.0.0.1:1/heard?sslmode=require",
    "postgresql://heard:{}@127.0.0.1/heard",
    "sqlite:///{}",
    "{}",
    "",
])  # fmt: skip
@pytest.mark.parametrize("command", [
    ("doctor",),
    ("doctor", "--json"),
    ("backup", "b.tar"),
    ("restore", "b.tar"),
    ("serve",),
    ("migrate",),
    ("worker",),
])  # fmt: skip
def test_no_command_repeats_a_password(tmp_path: Path, address: str, command: tuple[str, ...]) -> None:
    told = {"HEARD_SECRET": CANARY * 2, "HEARD_LOG_LEVEL": "error", "HEARD_PORT": "0"}
    done = heard(tmp_path, *command, HEARD_DATABASE_URL=address.format(CANARY), **told)
    wrong = "HEARD_DATABASE_URL" in done.stdout + done.stderr.partition(":")[0] and command[0] != "doctor"

    assert done.exit_code == (2 if wrong else 1)
    assert CANARY not in done.stdout + done.stderr
    assert isinstance(done.exception, SystemExit)


def test_a_user_who_is_not_let_in_is_told_so(tmp_path: Path, url: str) -> None:
    address = url.replace("postgres@", f"nobody:{CANARY}@")
    found, code = examine(tmp_path, HEARD_DATABASE_URL=address)

    assert (levels(found)["database"], code) == ("trouble", 1)
    assert "nobody" in found["database"]["says"]
    assert CANARY not in json.dumps(found)


def test_the_doctor_writes_nothing_into_a_folder_it_may_not_write(folder: Path) -> None:
    (folder / "heard.db").chmod(stat.S_IRUSR)
    assert examine(folder)[1] == 0
