"""What a doctor sees of this machine: the data folder, its disk and lock, the secret, the first admin key.

It is told only what is wrong with a secret, never the secret.
"""

import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from app.db import filesystems
from app.db.checks import Finding, Level
from app.settings import SHORTEST_SECRET, Settings

_LITTLE, _TOO_LITTLE = 1_000_000_000, 100_000_000
_FEWEST_LETTERS = 12


def check_installation(settings: Settings) -> Iterator[Finding]:
    """Look at everything but the database."""
    try:
        yield from _check_folder(settings)
    except OSError as error:
        says = f"{error.filename} can't be read: {error.strerror}"
        yield Finding("data folder", Level.TROUBLE, says, "Run this as the user that runs Heard.")
    yield _check_public_url(settings)
    says = "not known here: each archive's manifest.json says when it was taken"
    yield Finding(
        "backups", Level.SKIPPED, says, "Take one a day with `heard backup`, and restore one now and then."
    )


def _check_folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    if folder.is_dir():
        yield _check_mode(folder)
        yield _check_owner(folder)
        yield _check_space(folder)
        if settings.embedded:
            yield _check_file_system(folder)
            yield _check_lock(folder / "heard.lock")
        yield _check_admin_key(folder / "admin.key")
    elif files := [each for each in (folder, *folder.parents) if each.is_file()]:
        yield Finding("data folder", Level.TROUBLE, f"{files[0]} is no folder", "Set HEARD_DATA_DIR to one.")
    else:
        says = f"{folder} does not exist"
        yield Finding("data folder", Level.WARNING, says, "`heard serve` makes it; or set HEARD_DATA_DIR.")
    yield _check_secret(settings)


def _check_mode(folder: Path) -> Finding:
    mode = folder.stat().st_mode & 0o777
    if mode & 0o077:
        says = f"{folder} is open to other users (mode {mode:o})"
        return Finding("data folder", Level.WARNING, says, f"chmod 700 {folder}")
    return Finding("data folder", Level.OK, f"{folder} is its owner's alone")


def _check_owner(folder: Path) -> Finding:
    """Look for files that a command run as another user left: the server could not write them."""
    owner = folder.stat().st_uid
    if os.geteuid() not in {0, owner}:
        says = f"{folder} belongs to user {owner}, and this is user {os.geteuid()}"
        return Finding("owner", Level.TROUBLE, says, "Run Heard as the owner of its data folder.")
    others = sorted(each.name for each in folder.iterdir() if each.lstat().st_uid != owner)
    if others:
        says = f"{', '.join(others)} belongs to another user than {folder}"
        return Finding("owner", Level.TROUBLE, says, f"chown --reference={folder} {folder}/*")
    return Finding("owner", Level.OK, f"all of it belongs to user {owner}")


def _check_space(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    says, advice = f"{free / 1e9:.1f} GB free", "Make room: without any, posts are answered 503."
    if free >= _LITTLE:
        return Finding("disk", Level.OK, says)
    return Finding("disk", Level.WARNING if free >= _TOO_LITTLE else Level.TROUBLE, says, advice)


def _check_file_system(folder: Path) -> Finding:
    found = filesystems.file_system_of(folder)
    if found is None:
        return Finding("file system", Level.SKIPPED, f"{sys.platform} has no mount table to read")
    if filesystems.is_network(found):
        says = f"{folder} is on a network file system ({found})"
        return Finding("file system", Level.TROUBLE, says, "Use a disk of this machine, or PostgreSQL.")
    return Finding("file system", Level.OK, f"a disk of this machine ({found})")


def _check_lock(path: Path) -> Finding:
    """Try the lock with a shared one, let go at once: the server's own is never touched."""
    if not path.exists():
        return Finding("server", Level.OK, "no server runs here")
    try:
        with path.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return Finding("server", Level.OK, "a server runs here")
    except OSError as error:
        return Finding("server", Level.TROUBLE, f"heard.lock can't be tried: {error.strerror}")
    return Finding("server", Level.OK, "no server runs here")


def _check_admin_key(path: Path) -> Finding:
    if not path.exists():
        return Finding("admin.key", Level.OK, "not here: keys are kept elsewhere, or not made yet")
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        says = f"other users may read it (mode {mode:o})"
        return Finding(
            "admin.key", Level.TROUBLE, says, f"chmod 600 {path}; if somebody read it, revoke that key."
        )
    return Finding("admin.key", Level.OK, "its owner alone may read it")


def _check_secret(settings: Settings) -> Finding:
    path = settings.data_dir / "secret"
    if settings.secret is not None:
        return _judge_secret(settings.secret.get_secret_value(), "HEARD_SECRET")
    if not path.exists():
        advice = "`heard serve` makes one; with several processes set HEARD_SECRET for all of them."
        return Finding("secret", Level.WARNING, "there is no secret yet", advice)
    if (mode := path.stat().st_mode & 0o777) & 0o077:
        return Finding(
            "secret", Level.TROUBLE, f"other users may read it (mode {mode:o})", f"chmod 600 {path}"
        )
    try:
        return _judge_secret(path.read_text(encoding="utf-8").strip(), str(path))
    except (OSError, UnicodeDecodeError):
        return Finding(
            "secret", Level.TROUBLE, f"{path} can't be read", "Run this as the user that runs Heard."
        )


def _judge_secret(secret: str, place: str) -> Finding:
    if len(secret) < SHORTEST_SECRET:
        says = f"{place} holds no secret of {SHORTEST_SECRET} characters: no server starts with it"
        advice = "Put back what was there; without the file a new one is made, and the customers' links end."
        return Finding("secret", Level.TROUBLE, says, advice)
    if len(set(secret)) < _FEWEST_LETTERS:
        advice = "Take one from a random generator; the customers' links made with the old one end with it."
        return Finding("secret", Level.WARNING, f"{place} could be guessed", advice)
    return Finding("secret", Level.OK, f"{place} holds one of {len(secret)} characters")


def _check_public_url(settings: Settings) -> Finding:
    if settings.public_url:
        return Finding("public url", Level.OK, f"links begin with {settings.public_url}")
    says = "not set: the links we hand out are paths without a host"
    return Finding("public url", Level.WARNING, says, "Set HEARD_PUBLIC_URL to where customers reach this.")
