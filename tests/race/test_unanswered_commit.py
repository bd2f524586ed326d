"""COMMIT was sent and nobody answered: what is stored is acknowledged, what is not is stored again, once."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import postgres
from app.errors import UnavailableError
from app.main import create_app
from app.services import Services
from app.settings import Settings
from tests import databases
from tests.cast import Cast, Script
from tests.conftest import TestClock
from tests.race.proxy import Cut, Wire, wire_to
from tests.store.test_database import on_postgresql

pytestmark = on_postgresql


@pytest.fixture
async def wire(kind: str, settings: Settings) -> AsyncIterator[Wire]:
    async with wire_to(databases.folder_of(int(kind.removeprefix("pg"))), settings.data_dir) as laid:
        yield laid


@pytest.fixture
async def wired(settings: Settings, clock: TestClock, wire: Wire) -> AsyncIterator[FastAPI]:
    """The application, with the wire between it and its database."""
    address = str(settings.database_url).partition("?")[0] + f"?host={settings.data_dir}"
    made = create_app(settings.model_copy(update={"database_url": address}), clock=clock)
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
async def people(wired: FastAPI, script: Script) -> AsyncIterator[Cast]:
    async with AsyncExitStack() as stack:
        yield await Cast.call(wired, stack, script)


@pytest.mark.parametrize(
    "cuts",
    [
        pytest.param([Cut.BEFORE_THE_ANSWER], id="committed"),
        pytest.param([Cut.BEFORE_IT_ARRIVES], id="aborted"),
        pytest.param([Cut.BEFORE_THE_ANSWER, Cut.BEFORE_IT_ARRIVES, Cut.BEFORE_IT_ARRIVES], id="again"),
    ],
)
async def test_a_submission_whose_commit_got_no_answer_is_stored_once(
    people: Cast, wire: Wire, cuts: list[Cut]
) -> None:
    wire.cuts = list(cuts)
    answer = await people.crm.post("/v1/feedback", json={"kind": "complaint", "text": "x"})
    listed = (await people.admin.get("/v1/tickets")).json()["data"]

    assert wire.cuts == []
    assert answer.status_code == 201
    assert [ticket["id"] for ticket in listed] == [answer.json()["id"]]


async def test_a_desk_write_whose_commit_got_no_answer_is_carried_out_once(people: Cast, wire: Wire) -> None:
    for cut in Cut:
        wire.cuts = [cut]
        answer = await people.admin.post("/v1/sources", json={"name": f"source {cut.value}"})

        assert (answer.status_code, wire.cuts) == (201, [])

    sources = (await people.admin.get("/v1/sources")).json()["data"]
    assert [each["name"] for each in sources] == ["api", "crm", "source after", "source before"]


async def test_when_nobody_can_say_the_answer_says_so_and_the_same_key_is_safe(
    people: Cast, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "ASK_FOR_SECONDS", 0.05)
    send: dict[str, Any] = {"json": {"kind": "complaint", "text": "x"}, "headers": {"idempotency-key": "k"}}

    wire.cuts, wire.down_after_cut = [Cut.BEFORE_THE_ANSWER], True
    lost = await people.crm.post("/v1/feedback", **send)
    wire.down = False
    again = await people.crm.post("/v1/feedback", **send)
    listed = (await people.admin.get("/v1/tickets")).json()["data"]

    assert (lost.status_code, lost.json()["code"]) == (503, "outcome_unknown")
    assert lost.headers["retry-after"] == "1"
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert [ticket["id"] for ticket in listed] == [again.json()["id"]]


async def test_a_transaction_that_the_database_ends_for_idling_is_refused(services: Services) -> None:
    def dawdle(session: Session) -> None:
        session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 20"))
        time.sleep(0.3)
        session.execute(text("SELECT 1"))

    with pytest.raises(UnavailableError):
        await services.write(dawdle)

    assert await services.write(lambda session: session.scalar(text("SELECT 1"))) == 1
