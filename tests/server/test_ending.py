"""A real server told to stop: it says so first, answers what it has in hand, and does not wait for ever."""

import json
import signal
import socket
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.served import Served, serve

SAID = json.dumps({"kind": "comment", "text": "x"}).encode()


def begin_post(served: Served) -> socket.socket:
    """Send a submission but for its last byte."""
    url = httpx.URL(served.url)
    connection = socket.create_connection((url.host, url.port or 0), timeout=10)
    head = (
        f"POST /v1/feedback HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {served.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(SAID)}\r\n\r\n"
    )
    connection.sendall(head.encode() + SAID[:-1])
    return connection


def answer_of(connection: socket.socket) -> str:
    """Read until the server hangs up."""
    return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def test_before_it_stops_it_is_not_ready_and_still_takes_in(tmp_path: Path) -> None:
    with serve(tmp_path / "data", HEARD_DRAIN_SECONDS="2") as served, served.client() as client:
        before = client.get("/readyz")
        served.process.send_signal(signal.SIGTERM)
        while (ready := client.get("/readyz")).status_code == 200:
            time.sleep(0.01)
        taken = client.post("/v1/feedback", content=SAID, headers={"content-type": "application/json"})
        while "connection" not in (alive := httpx.get(f"{served.url}/livez", trust_env=False)).headers:
            time.sleep(0.01)
        ended = served.process.wait(10)

    assert (before.json()["ready"], before.json()["draining"]) == (True, False)
    assert (ready.status_code, ready.json()["draining"], ready.json()["database"]) == (503, True, True)
    assert (taken.status_code, alive.status_code, ended) == (201, 200, 0)
    assert ("connection" in before.headers, alive.headers["connection"]) == (False, "close")


def test_what_is_in_hand_is_answered_but_waited_for_within_limits(tmp_path: Path) -> None:
    with serve(tmp_path / "data", HEARD_STOP_SECONDS="2") as served, served.client() as idle:
        idle.get("/livez")
        with closing(begin_post(served)) as slow, closing(begin_post(served)) as hanging:
            while idle.get("/readyz").status_code != 200:
                pass
            served.process.send_signal(signal.SIGTERM)
            told = time.monotonic()
            time.sleep(0.5)
            with pytest.raises(ConnectionRefusedError):
                begin_post(served)
            slow.sendall(SAID[-1:])
            answered, given_up = answer_of(slow), answer_of(hanging)
            ended = served.process.wait(10)
            took = time.monotonic() - told

    assert answered.startswith("HTTP/1.1 201 ")
    assert given_up.startswith("HTTP/1.1 503 ")
    assert json.loads(given_up.rpartition("\r\n\r\n")[2])["code"] == "outcome_unknown"
    assert ended == 0
    assert 2 <= took < 10


def test_told_twice_it_ends_at_once(tmp_path: Path) -> None:
    with serve(tmp_path / "data") as served, closing(begin_post(served)) as hanging:
        with served.client() as client:
            client.get("/readyz")
        served.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        running = served.process.poll()
        served.process.send_signal(signal.SIGTERM)
        ended = served.process.wait(5)
        said = hanging.recv(1)

    assert (running, ended, said) == (None, -signal.SIGTERM, b"")
