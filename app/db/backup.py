"""Backup while the server works, restore where there is nothing yet: both databases, one form of archive.

The archive holds all that a restore needs: the database, the signing secret and the first admin key, where
these lie in the data folder. It is as secret as that folder.
"""

import hashlib
import hmac
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DatabaseError

from app.db import archive, filesystems, migrate, outside
from app.db.archive import DamagedError, Manifest, PartName
from app.db.programs import Programs
from app.db.sqlite import take_lock
from app.errors import CannotStartError
from app.settings import Settings

FILE: PartName = "heard.db"
DUMP: PartName = "heard.pgdump"
KEPT: tuple[PartName, PartName] = ("secret", "admin.key")
# What may lie in a folder that counts as empty: our own lock, and what a fresh file system brings along.
_NOTHING = {"heard.lock", "lost+found"}
_MARK = b"heard secret mark v1"


class BackupError(CannotStartError):
    """A backup or a restore is refused, in words."""


class HalfRestoredError(CannotStartError):
    """PostgreSQL's database was filled already when the rest of a restore failed."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a snapshot holds."""

    revision: str
    rows: dict[str, int]


def take(
    settings: Settings, target: Path, *, version: str, now: datetime, pg_bin: Path | None
) -> tuple[Path, Manifest]:
    """Back up everything that was acknowledged before `now`; return where, and what it says of itself.

    In a folder the archive gets a name with its time.

    Raises:
        CannotStartError: nothing was backed up; the message says why.
        ProgramError: PostgreSQL's own programs could not do their part.
    """
    if target.is_dir():
        target /= f"heard-{now:%Y%m%dT%H%M%SZ}.tar"
    if target.exists() or target.is_symlink():
        raise _taken(target)
    with _workshop(target.parent, ".heard-backup-") as folder:
        if settings.database_url is None:
            seen, names = _copy_file(settings.sqlite_path, folder), [FILE]
        else:
            programs = Programs(settings.database_url, pg_bin)
            seen, names = _dump(settings.database_url, programs, folder), [DUMP]
        for name in _kept(settings):
            shutil.copyfile(settings.data_dir / name, folder / name)
            names.append(name)
        manifest = Manifest(
            heard=version,
            database="sqlite" if settings.embedded else "postgresql",
            revision=seen.revision,
            taken_at=now,
            secret_mark=secret_mark(settings),
            rows=seen.rows,
            parts=tuple(archive.describe(name, folder / name) for name in names),
        )
        archive.write(folder / "archive", manifest, folder)
        try:
            archive.publish(folder / "archive", target)
        except FileExistsError:
            raise _taken(target) from None
    return target, manifest


def restore(settings: Settings, source: Path, *, pg_bin: Path | None) -> Manifest:
    """Restore into an empty folder or an empty database, and return what was restored.

    Raises:
        HalfRestoredError: PostgreSQL's database is filled, but nothing else is done; it has to be dropped.
        CannotStartError: nothing was restored, and nothing is left behind; the message says why.
        DamagedError: the archive is not whole, or not one of ours; nothing is left behind.
        ProgramError: PostgreSQL's own programs could not do their part; nothing is left behind.
    """
    with source.open("rb") as file:
        manifest = archive.read_manifest(file)
        _judge(manifest, settings)
        with _empty(settings), _workshop(settings.data_dir, ".heard-restore-") as folder:
            archive.unpack(file, manifest, folder)
            if settings.database_url is None:
                _compare(_look_at_copy(folder / FILE), manifest)
                _move_in(settings, folder, manifest)
            else:
                _fill(settings.database_url, Programs(settings.database_url, pg_bin), folder)
                with _filled():
                    _compare(outside.visit(settings.database_url, folder, _see), manifest)
                    _move_in(settings, folder, manifest)
    return manifest


def secret_mark(settings: Settings) -> str | None:
    """Return a mark by which a secret is known again but can't be read; None where there is no secret."""
    if settings.secret is not None:
        secret = settings.secret.get_secret_value().encode()
    elif (settings.data_dir / "secret").is_file():
        secret = (settings.data_dir / "secret").read_bytes().strip()
    else:
        return None
    return hmac.digest(secret, _MARK, hashlib.sha256).hex()[:32]


def _kept(settings: Settings) -> list[PartName]:
    """Return which small files go along; a secret in the environment is not ours to write down."""
    unused = {"secret"} if settings.secret is not None else set()
    return [name for name in KEPT if name not in unused and (settings.data_dir / name).is_file()]


@contextmanager
def _workshop(parent: Path, prefix: str) -> Iterator[Path]:
    """Give a folder for its owner alone, on the file system of the result, and take it away at the end."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _taken(target: Path) -> BackupError:
    return BackupError(f"{target} is there already; a backup never takes another one's place")


def _copy_file(path: Path, folder: Path) -> _Seen:
    """Copy the embedded database as one snapshot shows it, while its writer goes on.

    A copy row by row, not page by page: what was erased is not in it.
    """

    def copy(connection: Connection) -> None:
        connection.exec_driver_sql("VACUUM INTO ?", (str(folder / FILE),))

    outside.visit_file(path, copy)
    try:
        return _look_at_copy(folder / FILE)
    except DamagedError as error:
        raise BackupError(f"the copy is not sound: {error}; see `heard doctor --deep`") from None


def _look_at_copy(path: Path) -> _Seen:
    """Check a copy through and through, and return what it holds."""

    def look(connection: Connection) -> _Seen:
        try:
            told = str(connection.scalar(text("PRAGMA integrity_check(1)")))
        except DatabaseError as error:
            told = outside.in_words(error)
        if told != "ok":
            raise DamagedError(f"the database in it is damaged ({' '.join(told.split())})")
        return _see(connection)

    return outside.visit_file(path, look, still=True)


def _dump(url: str, programs: Programs, folder: Path) -> _Seen:
    """Dump a PostgreSQL database; rows are counted in the very snapshot that is dumped."""

    def dump(connection: Connection) -> _Seen:
        seen = _see(connection)
        snapshot = connection.scalar(text("SELECT pg_export_snapshot()")) or ""
        programs.dump(folder / DUMP, snapshot=snapshot, server=_major(connection))
        return seen

    return outside.visit(url, folder, dump)


def _fill(url: str, programs: Programs, folder: Path) -> None:
    """Fill an empty PostgreSQL database from a dump: with all of it, or with nothing."""

    def judge(connection: Connection) -> int:
        schemas = set(inspect(connection).get_schema_names()) - {"information_schema"}
        if any(inspect(connection).get_table_names(schema) for schema in schemas):
            raise BackupError("the database is not empty: restore into a new one")
        return _major(connection)

    programs.restore(folder / DUMP, server=outside.visit(url, folder, judge))


@contextmanager
def _filled() -> Iterator[None]:
    """Say of what fails in here that the database is filled already: nothing can take that back."""
    try:
        yield
    except (CannotStartError, DamagedError, OSError) as error:
        raise HalfRestoredError(
            f"the database was filled, but {outside.in_words(error)}; drop it, make a new one and start again"
        ) from None


def _move_in(settings: Settings, folder: Path, manifest: Manifest) -> None:
    """Give the files their names; the database comes last: without it the folder is plainly not restored."""
    for name in reversed([name for name in manifest.names() if name != DUMP]):
        (folder / name).rename(settings.data_dir / name)
    archive.sync_folder(settings.data_dir)


def _see(connection: Connection) -> _Seen:
    revision = outside.revision_of(connection)
    if revision is None:
        raise BackupError("the database holds nothing of Heard's yet")
    return _Seen(revision, outside.count_rows(connection))


def _major(connection: Connection) -> int:
    return int((connection.dialect.server_version_info or (0,))[0])


def _judge(manifest: Manifest, settings: Settings) -> None:
    """Refuse what can't become this installation's database."""
    if (manifest.database == "sqlite") is not settings.embedded:
        kinds = ("the embedded database", "PostgreSQL")
        taken_of, here = kinds if settings.database_url else kinds[::-1]
        raise BackupError(f"it was taken of {taken_of}; by HEARD_DATABASE_URL this is for {here}")
    if not migrate.is_known(manifest.revision):
        raise BackupError(
            f"it was taken with Heard {manifest.heard}, and its schema ({manifest.revision}) is newer than "
            "this version knows: restore it with that version or a newer one"
        )


def _compare(seen: _Seen, manifest: Manifest) -> None:
    if seen.revision != manifest.revision or seen.rows != dict(manifest.rows):
        raise DamagedError("the database in it is not the one its manifest describes")


@contextmanager
def _empty(settings: Settings) -> Iterator[None]:
    """Hold an empty data folder, made if need be; if the work fails, leave it as it was."""
    folder = settings.data_dir
    if settings.embedded:
        filesystems.require_local(folder)
    made = not folder.exists()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with _alone(folder / "heard.lock"):
            if found := sorted({each.name for each in folder.iterdir()} - _NOTHING):
                _refuse(f"{folder} is not empty ({found[0]} is in it): restore into a new folder")
            try:
                yield
            except BaseException:
                for name in (FILE, *KEPT):
                    (folder / name).unlink(missing_ok=True)
                raise
    except BaseException:
        if made:
            with suppress(OSError):
                folder.rmdir()
        raise


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a folder's lock, so that no server starts there meanwhile; a lock for nothing is taken away."""
    was_there = path.exists()
    with take_lock(path):
        try:
            yield
        except BaseException:
            if not was_there:
                path.unlink()
            raise


def _refuse(why: str) -> None:
    raise BackupError(why)
