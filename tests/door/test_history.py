"""History: loaded at its own times, measured, never acted upon, and taken back without a trace."""

import json
from collections import Counter
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models.everything import METADATA
from app.services import Services
from tests.cast import Cast, complain

LINE = {
    "source": "legacy",
    "external_id": "1012",
    "kind": "question",
    "channel": "email",
    "occurred_at": "2023-01-02T00:58:36Z",
    "subject": "Feature request",
    "priority": "low",
    "team": "1st line support",
    "agent": "Kristos Westoll",
    "customer": {"ref": "K-1", "name": "Klara"},
    "events": [
        {"type": "replied", "at": "2023-01-02T01:03:17.432Z", "text": "We look into it."},
        {"type": "resolved", "at": "2023-01-04T00:31:51.694Z"},
        {"type": "closed", "at": "2023-01-04T04:02:59.013Z"},
    ],
    "scores": [{"instrument": "csat", "value": 3, "at": "2023-01-04T04:02:59.013Z"}],
}


async def post(admin: AsyncClient, *lines: dict[str, Any], import_id: str | None = None) -> dict[str, Any]:
    """Post lines of history and return the answer."""
    content = "\n".join(json.dumps(line) for line in lines)
    parameters = {"import_id": import_id} if import_id else {}
    headers = {"content-type": "application/x-ndjson"}
    answer = await admin.post("/v1/tickets/import", content=content, headers=headers, params=parameters)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


def counted(session: Session) -> Counter[str]:
    """Return the number of rows of each table."""
    return Counter({
        table.name: session.scalar(select(func.count()).select_from(table)) or 0
        for table in METADATA.sorted_tables
    })  # fmt: skip


async def test_a_line_becomes_a_ticket_that_stands_where_its_facts_leave_it(cast: Cast) -> None:
    loaded = await post(cast.admin, LINE)

    ticket = (await cast.admin.get(f"/v1/tickets/{loaded['results'][0]['id']}")).json()
    assert (loaded["accepted"], loaded["unchanged"], loaded["rejected"]) == (1, 0, 0)
    assert (ticket["status"], ticket["origin"], ticket["priority"]) == ("closed", "import", "low")
    assert (ticket["team"]["name"], ticket["assignee"]["name"]) == ("1st line support", "Kristos Westoll")
    assert ticket["occurred_at"] == "2023-01-02T00:58:36Z"
    assert ticket["closed_at"] == "2023-01-04T04:02:59.013000Z"
    assert ticket["customer"]["name"] == "Klara"


async def test_the_timeline_tells_what_happened_then(cast: Cast) -> None:
    loaded = await post(cast.admin, LINE)

    timeline = (await cast.admin.get(f"/v1/tickets/{loaded['results'][0]['id']}/timeline")).json()["data"]
    assert [(each["version"], each["type"]) for each in timeline] == [
        (1, "ticket.opened"),
        (2, "ticket.replied"),
        (3, "ticket.resolved"),
        (4, "ticket.closed"),
    ]


async def test_loading_again_changes_nothing(cast: Cast, services: Services) -> None:
    await post(cast.admin, LINE)
    before = await services.read(counted)
    again = await post(cast.admin, LINE)

    assert (again["accepted"], again["unchanged"], again["rejected"]) == (0, 1, 0)
    assert await services.read(counted) == before


async def test_a_changed_line_is_a_conflict_and_spoils_no_other(cast: Cast) -> None:
    await post(cast.admin, LINE)
    loaded = await post(cast.admin, LINE | {"subject": "Other"}, LINE | {"external_id": "2"}, {"source": "x"})

    assert [result["status"] for result in loaded["results"]] == [409, 201, 422]
    assert loaded["results"][0]["problem"]["code"] == "external_id_conflict"


async def test_the_same_line_twice_in_one_post_is_loaded_once(cast: Cast) -> None:
    loaded = await post(cast.admin, LINE, LINE)

    assert [result["status"] for result in loaded["results"]] == [201, 200]
    assert loaded["results"][0]["id"] == loaded["results"][1]["id"]


async def test_unknown_agents_and_teams_are_created_offline(cast: Cast) -> None:
    await post(cast.admin, LINE)

    agents = {each["name"]: each for each in (await cast.admin.get("/v1/agents")).json()["data"]}
    assert (agents["Kristos Westoll"]["presence"], agents["Kristos Westoll"]["open"]) == ("offline", 0)
    assert "1st line support" in [each["name"] for each in (await cast.admin.get("/v1/teams")).json()["data"]]


async def test_undoing_an_import_leaves_nothing(cast: Cast, services: Services) -> None:
    before = await services.read(counted)
    lone = {"source": "legacy", "external_id": "s1", "kind": "score", "occurred_at": "2023-02-01T00:00:00Z"}
    scores = [{"instrument": "nps", "value": 9}]
    scored = lone | {"ticket": "1012", "agent": "Kristos Westoll", "scores": scores}
    loaded = await post(cast.admin, LINE, LINE | {"external_id": "2"}, scored)
    assert loaded["accepted"] == 3

    undone = await cast.admin.delete(f"/v1/imports/{loaded['import_id']}")

    after = await services.read(counted)
    trace = {"imports": 1}  # that there was one, and that it was undone
    assert (undone.status_code, undone.json()["removed"]) == (200, 3)
    assert {name: count - before[name] for name, count in after.items() if count != before[name]} == trace | {
        "events": after["events"] - before["events"],
        "outbox": after["outbox"] - before["outbox"],
    }


async def test_undoing_keeps_what_was_there_before(cast: Cast) -> None:
    receipt = await complain(cast.crm, customer={"ref": "K-1"})
    loaded = await post(cast.admin, LINE | {"agent": "Alice", "team": "Billing"})
    await cast.admin.delete(f"/v1/imports/{loaded['import_id']}")

    ticket = (await cast.admin.get(f"/v1/tickets/{receipt['id']}")).json()
    agents = [each["name"] for each in (await cast.admin.get("/v1/agents")).json()["data"]]
    assert ticket["customer"]["id"] is not None
    assert "Alice" in agents


async def test_an_undone_import_can_not_be_joined_but_its_lines_can_be_loaded_again(cast: Cast) -> None:
    loaded = await post(cast.admin, LINE)
    await cast.admin.delete(f"/v1/imports/{loaded['import_id']}")

    headers = {"content-type": "application/x-ndjson"}
    joined = await cast.admin.post(
        f"/v1/tickets/import?import_id={loaded['import_id']}", content=json.dumps(LINE), headers=headers
    )
    anew = await post(cast.admin, LINE)

    assert (joined.status_code, joined.json()["code"]) == (409, "import_undone")
    assert anew["accepted"] == 1


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"occurred_at": "2027-01-01T00:00:00Z"}, "/occurred_at", "in_future"),
        ({"occurred_at": "0001-01-01T00:00:00Z"}, "/occurred_at", "too_early"),
        ({"scores": [{"instrument": "csat", "value": 6}]}, "/scores/0/value", "out_of_scale"),
        ({"scores": [{"instrument": "stars", "value": 6}]}, "/scores/0/instrument", "unknown_instrument"),
        ({"events": [{"type": "replied", "at": "2023-01-02T01:03:17"}]}, "/events/0/at", "zone_required"),
        ({"priority": "Medium"}, "/priority", "literal_error"),
    ],
)
async def test_a_line_that_is_not_sound_is_refused_where_it_stands(
    cast: Cast, change: dict[str, Any], pointer: str, code: str
) -> None:
    loaded = await post(cast.admin, LINE | change)

    flaw = loaded["results"][0]["problem"]["errors"][0]
    assert (flaw["pointer"], flaw["code"]) == (pointer, code)


async def test_a_score_hangs_on_a_ticket_loaded_before_and_on_no_other(cast: Cast) -> None:
    score = {"source": "legacy", "kind": "score", "occurred_at": "2023-02-01T00:00:00Z"}
    scores = [{"instrument": "nps", "value": 9}]
    loaded = await post(
        cast.admin,
        LINE,
        score | {"external_id": "s1", "ticket": "1012", "scores": scores},
        score | {"external_id": "s2", "ticket": "nowhere", "scores": scores},
    )
    later = await post(cast.admin, score | {"external_id": "s2", "scores": scores})

    assert [result["status"] for result in loaded["results"]] == [201, 201, 422]
    assert later["accepted"] == 1


async def test_history_is_in_nobodys_queue_and_on_nobodys_load(cast: Cast) -> None:
    bare = LINE | {"events": []}
    await post(cast.admin, bare | {"agent": "Alice"}, bare | {"agent": None, "external_id": "2"})

    tickets = (await cast.admin.get("/v1/tickets")).json()["data"]
    agents = {each["name"]: each["open"] for each in (await cast.admin.get("/v1/agents")).json()["data"]}
    assert sorted(each["status"] for each in tickets) == ["new", "open"]
    assert agents["Alice"] == 0


async def test_only_a_key_for_history_may_load_it(cast: Cast) -> None:
    for caller in (cast.crm, cast.alice, cast.visitor):
        headers = {"content-type": "application/x-ndjson"}
        answer = await caller.post("/v1/tickets/import", content=b"", headers=headers)

        assert answer.status_code == 403


async def test_what_was_erased_does_not_come_back_with_its_file_even_after_an_undo(cast: Cast) -> None:
    loaded = await post(cast.admin, LINE)
    (klara,) = (await cast.admin.get("/v1/customers", params={"ref": "K-1"})).json()["data"]
    await cast.admin.delete(f"/v1/customers/{klara['id']}")
    await cast.admin.delete(f"/v1/imports/{loaded['import_id']}")

    again = await post(cast.admin, LINE)

    assert (again["accepted"], again["unchanged"], again["rejected"]) == (0, 1, 0)
    assert (await cast.admin.get("/v1/customers", params={"ref": "K-1"})).json()["data"] == []
