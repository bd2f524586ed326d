"""Clocks that fall due at instants known beforehand, and what was said of them: exactly that, each once."""

import asyncio
import contextlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from app import clock
from app.settings import Settings
from tests.faults.caller import Caller
from tests.faults.oracle import Verdict
from tests.faults.rows import Row

ANSWERED, SOLVED, BEFORE = timedelta(seconds=600), timedelta(seconds=601), timedelta(seconds=1)
AT_ONCE = 1000
POLICY: dict[str, Any] = {
    "name": "Standard",
    "default": True,
    "clocks": [
        {
            "name": "first_response",
            "targets": [{"target_seconds": 600}],
            "warnings": [{"before_seconds": 1}],
        },
        {"name": "resolution", "targets": [{"target_seconds": 601}]},
    ],
}
Notice = tuple[str, str, str, int]
"""Of which ticket and clock, what, and the microsecond at which it became true."""


@dataclass(frozen=True, slots=True)
class Promised:
    """What has to be said of tickets in the course of a run."""

    notices: Counter[Notice]
    until: datetime


async def promise(caller: Caller, tickets: int, *, first: datetime, over: timedelta) -> Promised:
    """Post tickets whose answers fall due one after the other, and return what is to be said of them."""
    made = await caller.post("/v1/policies", json.dumps(POLICY).encode())
    assert made.status == 201, made.body
    dues = [first + over * place / tickets for place in range(tickets)]
    notices: Counter[Notice] = Counter()
    for start in range(0, tickets, AT_ONCE):
        piece = dues[start : start + AT_ONCE]
        answer = await caller.post("/v1/feedback/batch", _complaints(due - ANSWERED for due in piece))
        for due, result in zip(piece, answer.json()["results"], strict=True):
            notices.update(_notices(result["id"].replace("-", ""), due - ANSWERED))
    assert clock.now() < first - BEFORE, "this machine is too slow for this many"
    return Promised(notices, dues[-1] + SOLVED - ANSWERED)


def _complaints(instants: Iterable[datetime]) -> bytes:
    said = ({"kind": "complaint", "text": "x", "occurred_at": at.isoformat()} for at in instants)
    return "\n".join(json.dumps(each) for each in said).encode()


def _notices(ticket: str, opened_at: datetime) -> list[Notice]:
    answered = clock.to_microseconds(opened_at + ANSWERED)
    return [
        (ticket, "first_response", "sla.warned", answered - BEFORE // timedelta(microseconds=1)),
        (ticket, "first_response", "sla.breached", answered),
        (ticket, "resolution", "sla.breached", clock.to_microseconds(opened_at + SOLVED)),
    ]


async def all_said(settings: Settings, promised: Promised, *, seconds: float) -> None:
    """Wait until no clock has to be looked at any more.

    Raises:
        TimeoutError: there still is one, in all this time.
    """
    async with asyncio.timeout(seconds):
        while clock.now() < promised.until or (await _ask(settings, _WAITING))[0][0]:  # noqa: ASYNC110  (another process's work)
            await asyncio.sleep(0.1)


async def judge(settings: Settings, promised: Promised) -> Verdict:
    """Compare what was said with what was to be said."""
    said: Counter[Notice] = Counter()
    verdict = Verdict(promised.notices.total())
    for ticket, kind, occurred_at, received_at, data in await _ask(settings, _SAID):
        words = json.loads(data)
        notice = (str(ticket).replace("-", ""), words["clock"], kind, occurred_at)
        said[notice] += 1
        if received_at < occurred_at or words["revision"] or "retroactive" in words:
            verdict.wrong.append(f"{notice} was said at {received_at}: {words}")
    verdict.lost += [str(notice) for notice in promised.notices.keys() - said.keys()]
    verdict.doubled += [str(notice) for notice, times in said.items() if times > 1]
    verdict.wrong += [str(notice) for notice in said.keys() - promised.notices.keys()]
    return verdict


_WAITING = ("SELECT count(*) FROM clocks WHERE next_at IS NOT NULL",) * 2
_SAID = (
    "SELECT subject_id, type, occurred_at, received_at, data FROM events WHERE type LIKE 'sla.%'",
    """
        SELECT subject_id::text, type, (extract(epoch FROM occurred_at) * 1000000)::bigint,
            (extract(epoch FROM received_at) * 1000000)::bigint, data::text
        FROM events WHERE type LIKE 'sla.%'
    """,
)
"""For SQLite, and for PostgreSQL."""


async def _ask(settings: Settings, query: tuple[str, str]) -> list[Row]:
    if settings.database_url is None:
        with contextlib.closing(sqlite3.connect(settings.sqlite_path)) as file:
            return file.execute(query[0]).fetchall()
    connection: Any = await asyncpg.connect(settings.database_url.replace("+asyncpg", ""))
    try:
        return [tuple(row) for row in await connection.fetch(query[1])]
    finally:
        await connection.close()
