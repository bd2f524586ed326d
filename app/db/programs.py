"""PostgreSQL's own client programs: what they need from us, and what they say in words.

They are told where to go by environment variables, so that no password stands on a command line.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url

_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
_NAMES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "database": "PGDATABASE",
    "ssl": "PGSSLMODE",
    "passfile": "PGPASSFILE",
}


class ProgramError(Exception):
    """A program is missing, too old, or failed; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Which database PostgreSQL's programs work on, and where they are: on PATH, or in a folder."""

    url: str
    folder: Path | None = None

    def dump(self, target: Path, *, snapshot: str, server: int) -> None:
        """Dump a database as that snapshot shows it, and read the dump to its end."""
        self._run(
            "pg_dump",
            f"--file={target}",
            "--format=custom",
            f"--snapshot={snapshot}",
            "--lock-wait-timeout=60s",
            server=server,
        )
        self._run("pg_restore", f"--file={os.devnull}", str(target), server=server)

    def restore(self, source: Path, *, server: int) -> None:
        """Bring a dump into an empty database: all of it, or nothing."""
        name = _environment(self.url)["PGDATABASE"].replace("\\", r"\\").replace("'", r"\'")
        self._run(
            "pg_restore",
            f"--dbname=dbname='{name}'",
            "--single-transaction",
            "--exit-on-error",
            "--no-owner",
            "--no-privileges",
            str(source),
            server=server,
        )

    def _run(self, name: str, *arguments: str, server: int) -> None:
        program = shutil.which(name, path=self.folder)
        if program is None:
            where = f"in {self.folder}" if self.folder else "on PATH"
            raise ProgramError(f"{name} is not {where}: {_needed(server)}")
        version = int((_VERSION.search(_call([program, "--version"], os.environ)) or ["", "0"])[1])
        if version != server:
            raise ProgramError(
                f"{program} is of PostgreSQL {version}, the server of {server}: {_needed(server)}"
            )
        _call([program, "--no-password", *arguments], {**os.environ, **_environment(self.url)})


def _needed(server: int) -> str:
    """Say which are needed: older ones can't dump, and what newer ones dump an old server can't take."""
    return f"install the client programs of PostgreSQL {server}, or say where they are with --pg-bin"


def _environment(url: str) -> dict[str, str]:
    """Return what the programs need to reach the database."""
    parts = make_url(url)
    given = parts.get_dialect()().create_connect_args(parts)[1]
    wanted = {_NAMES[name]: _text(value) for name, value in given.items() if name in _NAMES and value}
    fallback = wanted.get("PGUSER") or os.environ.get("PGUSER") or "postgres"
    return {"PGDATABASE": fallback, "PGCONNECT_TIMEOUT": "10", "PGAPPNAME": "heard backup", **wanted}


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _call(command: list[str], environment: "os._Environ[str] | dict[str, str]") -> str:
    """Run a program and return what it printed; of its complaints only the first is said, without rows."""
    try:
        done = subprocess.run(  # noqa: S603  (a program the operator pointed to, without a shell)
            command,
            env={**environment, "LC_MESSAGES": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise ProgramError(f"{command[0]} can't be run: {error.strerror}") from None
    if done.returncode:
        complaints = (line.partition("error: ")[2] for line in done.stderr.splitlines())
        said = next(filter(None, complaints), f"it ended with {done.returncode}")
        raise ProgramError(f"{Path(command[0]).name} failed: {said}")
    return done.stdout
