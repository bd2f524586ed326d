"""The worker in a process of its own, beside servers without one."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from app.cli.main import app as command_line
from app.settings import Settings
from tests import databases
from tests.served import Served, serve

KINDS = [kind for kind in ("pg16",) if kind in databases.KINDS]
ROOT = Path(__file__).parents[2]


def heard(*arguments: str, **settings: str) -> "subprocess.Popen[str]":
    """Start a command in a process of its own."""
    command = [sys.executable, "-m", "app.cli", *arguments]
    return subprocess.Popen(command, env=os.environ | settings, cwd=ROOT, stderr=subprocess.PIPE, text=True)


@contextmanager
def worker(**settings: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Start a worker, give its process and where it is asked, and stop it."""
    process = heard("worker", **settings)
    try:
        said = process.stderr.readline() if process.stderr else ""
        yield process, re.sub(r".*(http://[^/]+)/.*\s", r"\1", said)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def is_assigned(served: Served, ticket: str) -> bool:
    with served.client() as client:
        return client.get(f"/v1/tickets/{ticket}").json()["assignee"] is not None


@pytest.mark.parametrize("kind", KINDS, indirect=True)
def test_workers_beside_a_server_do_what_it_does_not_and_are_seen(empty_settings: Settings) -> None:
    shared = {
        "HEARD_DATABASE_URL": empty_settings.database_url or "",
        "HEARD_SECRET": databases.SECRET,
        "HEARD_PORT": "0",
        "HEARD_LOG_LEVEL": "error",
    }
    with ExitStack() as stack:
        served = stack.enter_context(serve(empty_settings.data_dir, HEARD_WORKER="false", **shared))
        client = stack.enter_context(served.client())
        alone = client.get("/readyz").json()
        agent = client.post("/v1/agents", json={"name": "Ana"}).json()
        client.put(f"/v1/agents/{agent['id']}/presence", json={"status": "online"})
        ticket = client.post("/v1/feedback", json={"kind": "complaint", "text": "x"}).json()["id"]
        waiting = not is_assigned(served, ticket)
        (first, asked), (second, _) = [stack.enter_context(worker(**shared)) for _ in range(2)]
        deadline = time.monotonic() + 10
        while not (is_assigned(served, ticket) and client.get("/readyz").json()["worker"]):
            assert time.monotonic() < deadline
        health = [httpx.get(f"{asked}{path}", trust_env=False) for path in ("/livez", "/readyz", "/metrics")]
        no_door = httpx.post(f"{asked}/v1/feedback", json={}, trust_env=False)
        seen = client.get("/metrics").text
        first.send_signal(signal.SIGTERM)
        second.send_signal(signal.SIGINT)
        ended = [process.wait(10) for process in (first, second)]

    assert (alone["ready"], alone["worker"], waiting) == (True, False, True)
    assert [each.status_code for each in health] == [200, 200, 200]
    assert 'heard_worker_steps_total{step="assign"}' in health[2].text
    assert (no_door.status_code, no_door.json()["code"]) == (404, "not_found")
    assert "heard_worker_up 1.0" in seen
    assert 'step="assign"' not in seen
    assert ended == [0, 0]


@pytest.mark.parametrize(
    ("arguments", "url", "told"),
    [
        pytest.param(
            ("worker",), None, "the embedded database belongs to one process", id="worker, embedded"
        ),
        pytest.param(("serve", "--workers", "2"), None, "the embedded database belongs", id="two, embedded"),
        pytest.param(("serve", "--workers", "2"), "postgresql+asyncpg://x/x", "behind a proxy", id="two"),
    ],
)
def test_more_processes_than_can_be_are_refused_in_words(
    tmp_path: Path, arguments: tuple[str, ...], url: str | None, told: str
) -> None:
    settings = {"HEARD_DATA_DIR": str(tmp_path), "HEARD_DATABASE_URL": url}
    refused = CliRunner().invoke(command_line, arguments, env=settings)

    assert refused.exit_code == 2
    assert told in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_can_be_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    process = heard("serve", HEARD_DATA_DIR=str(tmp_path / "file" / "data"), HEARD_PORT="0")
    _, said = process.communicate(timeout=30)

    assert process.returncode == 1
    assert said.startswith("Heard can't start: ")
    assert len(said.splitlines()) == 1


def test_where_it_listens_can_be_clicked_with_six_bytes_as_with_four(tmp_path: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with serve(tmp_path / "data", HEARD_HOST="::1") as served:
        assert re.fullmatch(r"http://\[::1\]:\d+", served.url)


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = heard("serve", HEARD_DATA_DIR=str(tmp_path), HEARD_PORT=str(port))
        _, said = process.communicate(timeout=30)

    assert process.returncode == 1
    refused = f"Heard can't start: 127.0.0.1 port {port} can't be listened on: is it taken?"
    assert said.splitlines()[-1] == f"{refused} (HEARD_HOST, HEARD_PORT)"
    assert not any(tmp_path.iterdir())  # it has done nothing yet
