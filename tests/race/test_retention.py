"""A key that had expired is forgotten in the very middle of its next use."""

import asyncio
from functools import partial
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Engine, event
from sqlalchemy.util import await_only

from app.db.database import Lane
from app.services import Services
from app.settings import Settings
from app.watch import retention_store
from tests.acts import act, events_of
from tests.cast import Cast, complain
from tests.conftest import TestClock
from tests.store.test_database import on_postgresql


@pytest.fixture
def forgetting(cast: Cast) -> str:
    """The address of the database that the cast uses."""
    settings: Settings = cast.app.state.services.settings
    return str(settings.database_url).replace("+asyncpg", "")


@on_postgresql
async def test_a_key_forgotten_between_two_statements_is_simply_new(
    cast: Cast, forgetting: str, clock: TestClock
) -> None:
    ticket = (await complain(cast.crm))["id"]
    headers, url = {"idempotency-key": "k-1"}, f"/v1/tickets/{ticket}/note"
    await cast.alice.post(url, json={"text": "Once."}, headers=headers)
    clock.advance(hours=73)
    other: Any = await asyncpg.connect(forgetting)
    forgotten: list[str] = []

    def forget(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("UPDATE idempotency") and not forgotten:
            forgotten.append(await_only(other.execute("DELETE FROM idempotency")))

    event.listen(Engine, "before_cursor_execute", forget)
    try:
        again = await cast.alice.post(url, json={"text": "Twice."}, headers=headers)
    finally:
        event.remove(Engine, "before_cursor_execute", forget)
        await other.close()

    assert forgotten == ["DELETE 1"]
    assert (again.status_code, "idempotency-replayed" in again.headers) == (200, False)
    noted = [each.type for each in await events_of(cast.app.state.services, ticket)]
    assert noted == ["ticket.opened", "ticket.noted", "ticket.noted"]
    assert (await act(cast.alice, ticket, "claim"))["status"] == "open"


@on_postgresql
async def test_a_key_that_is_just_being_renewed_stays_and_keeps_nobody_waiting(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    ticket = (await complain(cast.crm))["id"]
    headers, url = {"idempotency-key": "k-1"}, f"/v1/tickets/{ticket}/note"
    await cast.alice.post(url, json={"text": "Once."}, headers=headers)
    forget = partial(retention_store.forget_keys, expired_at=clock.advance(hours=73), most=9)
    forgetting: list[asyncio.Task[int]] = []
    waited: list[bool] = []

    def forget_meanwhile(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("UPDATE idempotency") and not forgetting:
            forgetting.append(asyncio.ensure_future(services.write(forget, lane=Lane.BULK)))
            done, _ = await_only(asyncio.wait(forgetting, timeout=2))
            waited.append(not done)

    event.listen(Engine, "after_cursor_execute", forget_meanwhile)
    try:
        renewed = await cast.alice.post(url, json={"text": "Twice."}, headers=headers)
    finally:
        event.remove(Engine, "after_cursor_execute", forget_meanwhile)
    forgotten = await forgetting[0]
    again = await cast.alice.post(url, json={"text": "Twice."}, headers=headers)

    assert (waited, forgotten) == ([False], 0)
    assert (renewed.status_code, "idempotency-replayed" in renewed.headers) == (200, False)
    assert again.headers["idempotency-replayed"] == "true"
