"""The same request twenty times in one instant, and edits that all started from what they had read."""

import asyncio
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from httpx import AsyncClient

from app.access import admin
from app.access.schemas import SourceIn
from app.services import Services
from tests.cast import Cast, complain, create
from tests.race.making import ticket_ids


@pytest.mark.parametrize("how", ["header", "body"])
async def test_one_key_twenty_times_is_one_ticket_and_twenty_equal_answers(
    cast: Cast, services: Services, how: str
) -> None:
    body: dict[str, Any] = {"kind": "complaint", "text": "The lift is stuck."}
    key = str(uuid4())
    headers = {"idempotency-key": f'"{key}"'} if how == "header" else {}
    body |= {"submission_id": key} if how == "body" else {}

    async def post(**more: str) -> Any:
        return await cast.visitor.post("/v1/feedback", json=body | more, headers=headers)

    answers = await asyncio.gather(*(post() for _ in range(20)))
    other = await post(text="Something else.")

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 19
    assert len(await services.read(ticket_ids)) == 1
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_twenty_edits_by_five_agents_at_once_lose_nothing(cast: Cast) -> None:
    ticket = (await complain(cast.crm, subject="0"))["id"]
    refused: list[str] = []

    async def count_up(agent: AsyncClient) -> None:
        """Read, write what was read plus one; again until nobody was faster."""
        while True:
            seen = await agent.get(f"/v1/tickets/{ticket}")
            answer = await agent.patch(
                f"/v1/tickets/{ticket}",
                json={"subject": str(int(seen.json()["subject"]) + 1)},
                headers={"if-match": seen.headers["etag"]},
            )
            if answer.status_code == 200:
                return
            assert answer.status_code == 412
            refused.append(answer.json()["code"])

    async def count_to_four(agent: AsyncClient) -> None:
        for _ in range(4):
            await count_up(agent)

    agents = [await cast.client(cast.script.keys["admin"]) for _ in range(5)]
    await asyncio.gather(*(count_to_four(agent) for agent in agents))
    final = (await cast.admin.get(f"/v1/tickets/{ticket}")).json()

    assert (final["subject"], final["version"]) == ("20", 21)
    assert set(refused) == {"stale"}


async def test_a_slow_look_at_the_configuration_never_undoes_a_newer_one(
    cast: Cast, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key is revoked while a refresh that still saw it is under way."""
    made = await create(cast.admin, "keys", name="old", scopes=["feedback:write"])
    read, looked, go_on = services.database.read, asyncio.Event(), asyncio.Event()

    async def slow(fn: Any) -> Any:
        found = await read(fn)
        if not looked.is_set():
            looked.set()
            await go_on.wait()
        return found

    await services.write(
        partial(admin.create_source, new=SourceIn(name="new"), by=None, now=services.clock())
    )
    monkeypatch.setattr(services.database, "read", slow)
    refreshing = asyncio.ensure_future(services.configuration.refresh())
    await looked.wait()
    revoking = asyncio.ensure_future(cast.admin.delete(f"/v1/keys/{made['id']}"))
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(refreshing, revoking)
    client = await cast.client(made["key"])
    refused = await client.post("/v1/feedback", json={"kind": "comment", "text": "x"})

    assert refused.status_code == 401
