"""Instruments, and scores that stand alone, come with a complaint or hang on a ticket."""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.models.satisfaction import Score
from app.services import Services
from tests.acts import act, read, write_columns
from tests.cast import Cast, complain, create
from tests.conftest import START, TestClock

NOBODY = "0198c0de-0000-7000-8000-00000000dead"


async def scores(services: Services) -> list[Score]:
    query = select(Score).order_by(Score.given_at, Score.value)
    return await services.read(lambda session: list(session.scalars(query)))


async def test_three_instruments_are_ready(cast: Cast) -> None:
    found = (await read(cast.admin, "/v1/instruments"))["data"]

    assert [(it["name"], it["kind"], it["version"], it["low"], it["high"], it["step"]) for it in found] == [
        ("ces", "ces", 1, 1, 7, 1),
        ("csat", "csat", 1, 1, 5, 1),
        ("nps", "nps", 1, 0, 10, 1),
    ]


async def test_a_changed_scale_is_a_new_version_and_old_scores_keep_theirs(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    first = await create(cast.admin, "instruments", name="stars", low=1, high=5)
    await complain(cast.crm, scores=[{"instrument": "stars", "value": 4}])
    second = await create(cast.admin, "instruments", name="stars", low=0, high=10, step=0.5)
    clock.advance(minutes=1)
    await complain(cast.crm, scores=[{"instrument": "stars", "value": 7.5}])

    assert (first["version"], second["version"]) == (1, 2)
    assert [(str(it.instrument_id), it.value) for it in await scores(services)] == [
        (first["id"], 4),
        (second["id"], 7.5),
    ]


async def test_a_scale_that_makes_no_sense_is_refused(cast: Cast) -> None:
    bodies: list[dict[str, Any]] = [
        {"low": 5, "high": 5},
        {"low": 0, "high": 5, "step": 6},
        {"low": 0, "high": 5, "step": 0.0015},
        {"low": -1000, "high": 1000, "step": 1000},
        {"kind": "nps", "low": 1, "high": 10},
        {"low": 0, "high": 1, "name": "Stars"},
    ]

    answers = [await cast.admin.post("/v1/instruments", json={"name": "stars", **body}) for body in bodies]

    assert [it.status_code for it in answers] == [422] * len(bodies)


async def test_what_is_off_its_scale_is_refused_where_it_stands(cast: Cast, services: Services) -> None:
    given = [
        {"instrument": "csat", "value": 5},
        {"instrument": "csat", "value": 0},
        {"instrument": "nps", "value": 9.5, "expected": 11},
        {"instrument": "smiles", "value": 1},
    ]

    answer = await cast.crm.post("/v1/feedback", json={"kind": "score", "scores": given})

    assert answer.status_code == 422
    assert [(it["pointer"], it["code"]) for it in answer.json()["errors"]] == [
        ("/scores/1/value", "out_of_scale"),
        ("/scores/2/value", "out_of_scale"),
        ("/scores/2/expected", "out_of_scale"),
        ("/scores/3/instrument", "unknown_instrument"),
    ]
    assert await scores(services) == []


async def test_a_score_stands_alone_or_comes_with_a_complaint(cast: Cast, services: Services) -> None:
    full = {"instrument": "csat", "value": 1, "expected": 4, "dimension": "speed"}
    alone = await cast.visitor.post(
        "/v1/feedback", json={"kind": "score", "scores": [full], "text": "Slow.", "topic": "lifts"}
    )
    receipt = await complain(cast.visitor, scores=[{"instrument": "csat", "value": 2}])

    assert (alone.status_code, alone.json()["ticket"]) == (201, None)
    first, second = await scores(services)
    assert (first.value, first.expected, first.dimension, first.comment, first.topic) == (
        1, 4, "speed", "Slow.", "lifts",
    )  # fmt: skip
    assert (first.standalone, first.ticket_id, first.agent_id, first.given_at) == (True, None, None, START)
    assert (second.standalone, str(second.ticket_id), second.agent_id) == (False, receipt["id"], None)
    assert len((await read(cast.admin, "/v1/tickets"))["data"]) == 1


async def test_a_score_on_a_ticket_is_its_resolvers_and_one_on_no_ticket_is_none(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    receipt = await complain(cast.crm, topic="lifts", customer={"ref": "C-1"})
    hung = {"kind": "score", "scores": [{"instrument": "csat", "value": 4}], "ticket_id": receipt["id"]}
    early = await cast.crm.post("/v1/feedback", json=hung)
    await act(cast.alice, receipt["id"], "claim")
    await act(cast.bob, receipt["id"], "resolve")
    await write_columns(services, receipt["id"], assignee_id=None)
    clock.advance(minutes=1)
    late = await cast.crm.post("/v1/feedback", json=hung)
    lost = await cast.crm.post("/v1/feedback", json=hung | {"ticket_id": NOBODY})

    assert [it.status_code for it in (early, late, lost)] == [201, 201, 404]
    first, second = await scores(services)
    assert (first.agent_id, second.agent_id) == (None, UUID(cast.ids["alice"]))
    assert (str(second.ticket_id), second.topic) == (receipt["id"], "lifts")
    assert second.customer_id is not None
