"""Many submissions in one upload: a result each, in order; cut short, nothing; strictly, all or nothing."""

import json
from typing import Any

import pytest
from httpx import Response

from app.services import Services
from tests.cast import Cast
from tests.race.making import ticket_ids

NDJSON = "application/x-ndjson"


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"kind": "comment", "text": text, **more}


async def upload(
    cast: Cast, items: list[Any], *, lines: bool = False, key: str | None = None, prefer: str = ""
) -> Response:
    headers = {"prefer": prefer} | ({"idempotency-key": key} if key else {})
    content = "\n".join(json.dumps(item) for item in items) if lines else json.dumps(items)
    kind = NDJSON if lines else "application/json"
    return await cast.crm.post(
        "/v1/feedback/batch", content=content, headers={"content-type": kind, **headers}
    )


async def listed(cast: Cast) -> list[str]:
    """Return the ids of all tickets, oldest first."""
    found = (await cast.admin.get("/v1/tickets?limit=100")).json()["data"]
    return [ticket["id"] for ticket in found]


@pytest.mark.parametrize("lines", [False, True], ids=["array", "ndjson"])
async def test_each_item_has_its_result_in_its_place_and_a_bad_one_spoils_nothing(
    cast: Cast, lines: bool
) -> None:
    items: list[Any] = [
        said("a", external_id="1"),
        said(""),
        said("b"),
        {"kind": "rumour"},
        said("a", external_id="1"),
    ]
    items += [said("c", external_id="1"), said("d", priority="urgent"), 7]
    answer = await upload(cast, items, lines=lines)
    body = answer.json()

    assert answer.status_code == 200
    assert [result["index"] for result in body["results"]] == list(range(8))
    assert [result["status"] for result in body["results"]] == [201, 422, 201, 422, 200, 409, 201, 422]
    assert (body["accepted"], body["rejected"]) == (4, 4)
    assert body["results"][4] == body["results"][0] | {"index": 4, "status": 200, "duplicate": True}
    assert body["results"][5]["problem"]["code"] == "external_id_conflict"
    assert [body["results"][place]["ticket"]["id"] for place in (0, 2, 6)] == await listed(cast)


async def test_a_bad_line_is_an_error_of_that_line(cast: Cast) -> None:
    content = b'{"kind": "comment", "text": "a"}\r\n\n{"kind": NaN}\n{"kind": "comment", "text": "\xff"}\n'
    answer = await cast.crm.post("/v1/feedback/batch", content=content, headers={"content-type": NDJSON})

    assert [result["status"] for result in answer.json()["results"]] == [201, 400, 400]
    assert len(await listed(cast)) == 1


@pytest.mark.parametrize("lines", [False, True], ids=["array", "ndjson"])
async def test_an_end_that_fits_is_no_item_and_one_that_does_not_stores_nothing(
    cast: Cast, lines: bool
) -> None:
    cut = [await upload(cast, [said("a"), {"_end": True, "count": n}], lines=lines) for n in (0, 2)]
    before = await listed(cast)
    whole = await upload(cast, [said("a"), {"_end": True, "count": 1}], lines=lines)

    assert [(answer.status_code, answer.json()["code"]) for answer in cut] == [(400, "cut_upload")] * 2
    assert before == []
    assert (len(whole.json()["results"]), whole.json()["accepted"]) == (1, 1)


async def test_an_end_in_the_middle_is_a_bad_item(cast: Cast) -> None:
    answer = await upload(cast, [{"_end": True, "count": 1}, said("a")], lines=True)

    assert [result["status"] for result in answer.json()["results"]] == [422, 201]


async def test_strictly_all_are_stored_or_none(cast: Cast) -> None:
    strict = "handling=strict"
    malformed = await upload(cast, [said("a"), said("b", channel="pigeon")], prefer=strict)
    await upload(cast, [said("a", external_id="1")])
    conflicting = await upload(cast, [said("x"), said("b", external_id="1")], prefer=strict)
    whole = await upload(cast, [said("x"), said("a", external_id="1")], prefer=strict)

    assert malformed.status_code == 422
    assert [flaw["pointer"] for flaw in malformed.json()["errors"]] == ["/1/channel"]
    assert conflicting.status_code == 422
    assert [(flaw["pointer"], flaw["code"]) for flaw in conflicting.json()["errors"]] == [
        ("/1", "external_id_conflict")
    ]
    assert [result["status"] for result in whole.json()["results"]] == [201, 200]
    assert len(await listed(cast)) == 2


@pytest.mark.parametrize("prefer", ["handling=lenient", "handling=strict"])
async def test_the_same_upload_again_has_the_same_results(cast: Cast, prefer: str) -> None:
    items = [said("a"), said("b"), said("a")]
    first, again = [await upload(cast, items, key="k", prefer=prefer) for _ in range(2)]
    changed = await upload(cast, [said("a"), said("c")], key="k")

    assert again.json() == first.json()
    assert [result["status"] for result in first.json()["results"]] == [201] * 3
    assert [result["status"] for result in changed.json()["results"]] == [201, 422]
    assert changed.json()["results"][1]["problem"]["code"] == "idempotency_key_reused"
    assert len(await listed(cast)) == 3


async def test_each_item_may_carry_its_own_key(cast: Cast) -> None:
    items = [
        said("a", submission_id="0b0e7bd4-4b0c-4c1c-9a5e-0d6c9fd6b001"),
        said("a", submission_id="0b0e7bd4-4b0c-4c1c-9a5e-0d6c9fd6b002"),
    ]
    first, again = [await upload(cast, items), await upload(cast, items[::-1])]
    ids = [[result["id"] for result in answer.json()["results"]] for answer in (first, again)]

    assert ids[0] == ids[1][::-1]
    assert len(await listed(cast)) == 2


@pytest.mark.parametrize("lines", [False, True], ids=["array", "ndjson"])
async def test_more_than_ten_thousand_items_or_five_megabytes_are_too_many(
    standing: Cast, lines: bool
) -> None:
    many = await upload(standing, [{}] * 10_001, lines=lines)
    large = await upload(standing, ["x" * 1024 * 1024] * 5, lines=lines)

    for answer in (many, large):
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("content", ['{"kind": "comment", "text": "a"}', "[1,", '[{"a": 1, "a": 2}]', "null"])
async def test_what_is_no_array_is_refused_whole(standing: Cast, content: str) -> None:
    answer = await standing.crm.post(
        "/v1/feedback/batch", content=content, headers={"content-type": "application/json"}
    )

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_json")


async def test_an_empty_upload_is_answered(standing: Cast) -> None:
    answers = [await upload(standing, [], lines=lines) for lines in (False, True)]

    assert [answer.json() for answer in answers] == [{"results": [], "accepted": 0, "rejected": 0}] * 2


async def test_an_upload_keeps_its_order_and_can_be_sent_again_whole(cast: Cast, services: Services) -> None:
    """Six hundred items are several flushes; sent again strictly, all are found in one transaction."""
    items = [said(f"{n}", external_id=f"{n}") for n in range(600)]
    first = await upload(cast, items, lines=True)
    again = await upload(cast, items, lines=True, prefer="handling=strict")
    ids = [result["id"] for result in first.json()["results"]]

    assert {result["status"] for result in first.json()["results"]} == {201}
    assert {result["status"] for result in again.json()["results"]} == {200}
    assert [result["id"] for result in again.json()["results"]] == ids
    assert [str(each) for each in await services.read(ticket_ids)] == ids
