"""A server told to stop under load: what it acknowledged is there once, and it leaves in order."""

import asyncio
import contextlib
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from app.settings import Settings
from tests import databases

KINDS = [kind for kind in ("sqlite", "pg16") if kind in databases.KINDS]
CLIENTS = 16


@contextlib.asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Run the real server, and give its process and address."""
    environment = {
        "PATH": os.environ["PATH"],
        "HEARD_DATA_DIR": str(settings.data_dir),
        "HEARD_PORT": "0",
        "HEARD_LOG_LEVEL": "warning",
        **({"HEARD_DATABASE_URL": settings.database_url} if settings.database_url else {}),
    }
    heard = str(Path(sys.executable).with_name("heard"))
    process = await asyncio.create_subprocess_exec(
        heard, "serve", env=environment, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        first = (await asyncio.wait_for(process.stderr.readline(), 20)).decode()
        yield process, first.split()[-1]
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def post_until_refused(
    address: str, key: str, name: str, acknowledged: list[str], under_load: asyncio.Event
) -> None:
    """Post one submission after the other, and keep the id of each that was acknowledged."""
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=10) as client:
        for number in range(100_000):
            try:
                answer = await client.post(
                    "/v1/feedback",
                    json={"kind": "complaint", "text": "x"},
                    headers={"authorization": f"Bearer {key}", "idempotency-key": f"{name}-{number}"},
                )
            except httpx.HTTPError:
                return
            if answer.status_code != 201:
                assert answer.status_code == 503
                return
            acknowledged.append(answer.json()["id"])
            if len(acknowledged) == 100:
                under_load.set()


async def stored_ids(settings: Settings) -> list[str]:
    if settings.database_url is None:
        with contextlib.closing(sqlite3.connect(settings.sqlite_path)) as file:
            return [row[0] for row in file.execute("SELECT id FROM tickets")]
    connection: Any = await asyncpg.connect(settings.database_url.replace("+asyncpg", ""))
    found = await connection.fetch("SELECT id FROM tickets")
    await connection.close()
    return [row["id"].hex for row in found]


@pytest.mark.parametrize("kind", KINDS, indirect=True)
async def test_what_was_acknowledged_before_the_end_is_there_once(empty_settings: Settings) -> None:
    acknowledged: list[str] = []
    under_load = asyncio.Event()
    async with serving(empty_settings) as (process, address):
        key = (empty_settings.data_dir / "admin.key").read_text().strip()
        clients = [
            asyncio.ensure_future(post_until_refused(address, key, f"c{n}", acknowledged, under_load))
            for n in range(CLIENTS)
        ]
        await asyncio.wait_for(under_load.wait(), 20)
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(asyncio.gather(*clients), 20)
        code = await asyncio.wait_for(process.wait(), 20)

    stored = await stored_ids(empty_settings)
    assert code == 0
    assert len(set(stored)) == len(stored)
    assert {identifier.replace("-", "") for identifier in acknowledged} <= set(stored)
    assert len(stored) - len(acknowledged) <= CLIENTS
