"""The real server in a process of its own, on a free port of this machine, and what a client does with it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

_LISTENS = re.compile(r"listens on\s+(http://\S+)")


@dataclass(frozen=True)
class Served:
    """A running server: its address, its first admin key, its process."""

    url: str
    key: str
    folder: Path
    process: "subprocess.Popen[str]"

    def client(self, key: str | None = None) -> httpx.Client:
        """Return a client that shows the admin key, or another."""
        shown = {"authorization": f"Bearer {key or self.key}"}
        return httpx.Client(base_url=self.url, headers=shown, trust_env=False, timeout=10)

    def environment(self) -> dict[str, str]:
        """Return what the command line needs to find this server."""
        return {**os.environ, "HEARD_URL": self.url, "HEARD_KEY": self.key}


@contextmanager
def serve(folder: Path, **settings: str) -> Iterator[Served]:
    """Start `heard serve` over a data folder, and stop it as an operator would."""
    environment = {**os.environ, "HEARD_DATA_DIR": str(folder), "HEARD_PORT": "0", "HEARD_LOG_LEVEL": "error"}
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "serve"],
        env=environment | settings,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    try:
        yield Served(_address(process), (folder / "admin.key").read_text().strip(), folder, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def _address(process: "subprocess.Popen[str]") -> str:
    """Wait for the announcement; a server that ends instead fails with what it said."""
    said = []
    for line in process.stderr or ():
        said.append(line)
        if found := _LISTENS.search(line):
            _read_to(process, "First admin key")
            return found.group(1)
    raise AssertionError("".join(said))


def _read_to(process: "subprocess.Popen[str]", last: str) -> None:
    for line in process.stderr or ():
        if line.startswith(last):
            return
