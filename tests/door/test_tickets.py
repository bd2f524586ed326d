"""Lists, single tickets and edits."""

import asyncio
import csv
import io
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.db.dialect import is_postgresql
from app.models.sla import Clock
from app.services import Services
from app.tickets.rules import UNPROMISED
from tests.acts import act, events_of, read, run, statements, stored, write_columns
from tests.cast import Cast, complain, create
from tests.conftest import START, TestClock

ONE_HOUR: dict[str, Any] = {
    "name": "All",
    "default": True,
    "clocks": [{"name": "first_response", "targets": [{"target_seconds": 3600}]}],
}


async def listed(cast: Cast, query: str = "") -> list[str]:
    return [it["subject"] for it in (await read(cast.admin, f"/v1/tickets?{query}"))["data"]]


async def test_each_filter_lets_through_what_it_names(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    ids = {}
    for subject, more in {
        "a": {"kind": "question", "channel": "phone", "priority": "urgent"},
        "b": {"channel": "email"},
        "c": {"kind": "comment", "channel": "phone"},
    }.items():
        clock.advance(seconds=1)
        ids[subject] = (await complain(cast.crm, subject=subject, **more))["id"]
    await act(cast.alice, ids["a"], "claim")
    await act(cast.bob, ids["b"], "resolve")
    await act(cast.bob, ids["c"], "claim")
    await write_columns(services, ids["c"], team_id=services.configuration.current.default_team_id)
    expected = {
        "": "abc",
        "status=open": "ac",
        "status=open&status=resolved": "abc",
        "kind=question": "a",
        "kind=question&kind=comment": "ac",
        "channel=phone": "ac",
        "channel=phone&kind=comment": "c",
        "priority=urgent": "a",
        "team=Support": "abc",
        "team=Ops": "",
        f"team={cast.ids['Ops']}": "",
        "team=Nowhere": "",
        "assignee=Alice": "a",
        f"assignee={cast.ids['bob']}": "c",
        "assignee=Alice&assignee=Bob": "ac",
        "assignee=nobody": "",
        "quarantined=true": "",
    }

    found = {query: "".join(await listed(cast, query)) for query in expected}

    assert found == expected


async def test_tickets_are_found_by_what_was_promised(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    gold = await create(cast.admin, "policies", name="Gold", clocks=[], applies_to={"topic": ["lift"]})
    ids = {}
    for subject, more in {"a": {"topic": "lift"}, "b": {}, "c": {}}.items():
        clock.advance(seconds=1)
        ids[subject] = (await complain(cast.crm, subject=subject, **more))["id"]
    at = clock.now + timedelta(hours=1)
    await write_columns(services, ids["b"], segment="gold", next_due_at=at)
    await write_columns(services, ids["c"], segment="steel", next_due_at=at - timedelta(microseconds=1))
    due = quote(at.isoformat())
    expected = {
        "policy=Gold": "a", f"policy={gold['id']}": "a", "policy=Iron": "", "segment=gold": "b",
        "segment=gold&segment=steel": "bc", "segment=Gold": "", f"due_before={due}": "c",
        "due_before=2026-03-03T00:00:00Z": "bc", "due_before=2026-03-02T10:00:00Z": "", "sort=due": "cb",
        "sort=received": "abc", "sort=due&segment=gold": "b", "sla=none": "abc", "sla=ok": "",
    }  # fmt: skip

    found = {query: "".join(await listed(cast, query)) for query in expected}

    assert found == expected


async def test_how_a_ticket_stands_is_judged_at_this_instant_and_waits_for_no_worker(
    cast: Cast, clock: TestClock
) -> None:
    await complain(cast.crm, subject="none")
    await create(
        cast.admin, "policies", name="Web", applies_to={"channel": ["web"]},
        clocks=[{"name": "first_response", "targets": [{"target_seconds": 60}]}],
    )  # fmt: skip
    await create(
        cast.admin, "policies", name="All", default=True,
        clocks=[
            {"name": "first_response", "targets": [{"target_seconds": 60}], "warnings": [{"fraction": 0.5}]}
        ],
    )  # fmt: skip
    ids = {}
    for subject, channel in (("waits", "api"), ("unwarned", "web"), ("in time", "api"), ("late", "api")):
        ids[subject] = (await complain(cast.crm, subject=subject, channel=channel))["id"]

    async def look() -> dict[str, str]:
        rows = (await read(cast.admin, "/v1/tickets"))["data"]
        for row in rows:
            assert (await read(cast.admin, f"/v1/tickets/{row['id']}"))["sla"] == row["sla"]
            assert row["subject"] in await listed(cast, f"sla={row['sla']}")
            assert row["subject"] not in await listed(
                cast, "&".join(f"sla={each}" for each in {"none", "ok", "warning", "breached"} - {row["sla"]})
            )
        assert {row["subject"]: row["policy"] and row["policy"]["name"] for row in rows} == {
            "none": None, "waits": "All", "unwarned": "Web", "in time": "All", "late": "All",
        }  # fmt: skip
        return {row["subject"]: row["sla"] for row in rows}

    clock.advance(seconds=29)
    fresh = await look()
    clock.advance(seconds=1)
    warned = await look()
    clock.advance(seconds=30)
    answer = await act(cast.alice, ids["in time"], "reply", text="In time, at the very instant.")
    due = await look()
    clock.advance(microseconds=1)
    past = await look()
    await act(cast.alice, ids["late"], "reply", text="An instant too late.")
    await act(cast.alice, ids["late"], "resolve")

    assert fresh == {"none": "none", "waits": "ok", "unwarned": "ok", "in time": "ok", "late": "ok"}
    assert warned == fresh | {"waits": "warning", "in time": "warning", "late": "warning"}
    assert (answer["sla"], answer["next_due_at"]) == ("ok", None)
    assert due == warned | {"in time": "ok"}
    assert past == due | {"waits": "breached", "unwarned": "breached", "late": "breached"}
    assert await look() == past


async def test_a_warning_that_was_given_stands_until_the_clock_stops(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    await create(cast.admin, "policies", **ONE_HOUR)
    ticket = (await complain(cast.crm))["id"]
    fresh = await read(cast.alice, f"/v1/tickets/{ticket}")
    await run(services, sa.update(Clock).where(Clock.name == "first_response").values(warned=1))
    warned = await read(cast.alice, f"/v1/tickets/{ticket}")
    clock.advance(seconds=3600)
    answered = await act(cast.alice, ticket, "reply", text="In time.")
    await run(services, sa.update(Clock).where(Clock.name == "first_response").values(warned=1))

    assert [each["sla"] for each in (fresh, warned, answered)] == ["ok", "warning", "ok"]
    assert (await read(cast.alice, f"/v1/tickets/{ticket}"))["sla"] == "ok"


async def test_a_paused_clock_is_due_at_no_known_instant(cast: Cast, clock: TestClock) -> None:
    await create(
        cast.admin, "policies", name="All", default=True,
        clocks=[{"name": "resolution", "targets": [{"target_seconds": 60}], "pauses_in": ["pending"]}],
    )  # fmt: skip
    ticket = (await complain(cast.crm))["id"]
    clock.advance(seconds=10)
    paused = await act(cast.alice, ticket, "pend")
    clock.advance(seconds=100)
    still = await read(cast.alice, f"/v1/tickets/{ticket}")
    resumed = await act(cast.alice, ticket, "reopen")

    assert [(each["sla"], each["next_due_at"]) for each in (paused, still, resumed)] == [
        ("ok", None), ("ok", None), ("ok", "2026-03-02T09:02:40Z"),
    ]  # fmt: skip


async def test_pages_of_what_falls_due_first_show_each_once_also_within_one_instant(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    for number in (3, 1, 1, 1, 2, None, 0):
        ticket = await complain(cast.crm, subject=str(number))
        at = None if number is None else clock.now + timedelta(minutes=number)
        await write_columns(services, ticket["id"], next_due_at=at)
    seen: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await read(cast.admin, f"/v1/tickets?sort=due&limit=2{cursor}")
        seen += page["data"]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"

    assert [it["subject"] for it in seen] == ["0", "1", "1", "1", "2", "3"]
    assert len({it["id"] for it in seen}) == 6


async def test_a_cursor_fits_its_own_order_only(cast: Cast, services: Services, clock: TestClock) -> None:
    for _ in range(3):
        await write_columns(services, (await complain(cast.crm))["id"], next_due_at=clock.now)
    orders = ("", "sort=due", f"sort=due&due_before={quote((clock.now + timedelta(1)).isoformat())}")
    cursors = [(await read(cast.admin, f"/v1/tickets?limit=1&{order}"))["next_cursor"] for order in orders]

    answers = [
        [(await cast.admin.get(f"/v1/tickets?{order}&cursor={cursor}")).status_code for cursor in cursors]
        for order in orders
    ]

    assert answers == [[200, 400, 400], [400, 200, 400], [400, 400, 200]]


async def test_the_list_of_what_falls_due_first_reads_an_index_and_sorts_nothing(
    cast: Cast, services: Services
) -> None:
    with statements() as sent:
        await read(cast.admin, "/v1/tickets?sort=due")
    (query,) = (each for each in sent if "ORDER BY tickets.next_due_at" in each)

    def plan(session: Session) -> str:
        if is_postgresql(session):
            for other in ("seqscan", "bitmapscan"):  # what is quicker while there are few tickets
                session.execute(sa.text(f"SET LOCAL enable_{other} = off"))
            session.connection().exec_driver_sql(f"PREPARE due AS {query}")
            found = session.connection().exec_driver_sql("EXPLAIN EXECUTE due(26)")
        else:
            found = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", (26, 0))
        return " ".join(str(row) for row in found)

    explained = await services.read(plan)

    assert "ix_tickets_due" in explained
    assert "sort" not in explained.casefold()
    assert "temp b-tree" not in explained.casefold()


async def test_search_folds_case_and_accents_and_takes_wildcards_literally(
    cast: Cast, clock: TestClock
) -> None:
    texts = {"p": "100% Ångström", "q": "1000 Angstroms", "r": "a_b Straße", "s": "axb № 5"}
    for subject, text in texts.items():
        clock.advance(seconds=1)
        await complain(cast.crm, text, subject=subject)
    expected = {
        "ANGSTRÖM": "pq", "100%": "p", "a_b": "r", "strasse": "r", "no 5": "s", "№": "s", "100% å": "p",
        "%": "p", "_": "r", "nothing": "",
    }  # fmt: skip

    found = {words: "".join(await listed(cast, f"q={quote(words)}")) for words in expected}

    assert found == expected


async def test_walking_pages_while_more_comes_in_shows_each_earlier_row_once(
    cast: Cast, clock: TestClock
) -> None:
    for number in range(7):
        clock.advance(seconds=number % 2)  # some were received in the same instant
        await complain(cast.crm, subject=str(number))
    earlier = set(await listed(cast))
    url: str | None = "/v1/tickets?limit=2&channel=api"
    seen: list[str] = []
    while url:
        answer = await cast.admin.get(url)
        page = answer.json()
        seen += [it["subject"] for it in page["data"]]
        await asyncio.gather(
            complain(cast.crm, subject="new"), complain(cast.crm, subject="other", channel="web")
        )
        link = answer.headers.get("link")
        assert (link is None) == (page["next_cursor"] is None)
        url = link.removesuffix('>; rel="next"').removeprefix("<") if link and len(seen) < 20 else None

    assert sorted(subject for subject in seen if subject in earlier) == sorted(earlier)
    assert len(earlier) == 7
    assert "other" not in seen


async def test_a_list_that_can_not_be_is_refused(cast: Cast) -> None:
    expected = {
        "limit=0": "/query/limit", "limit=101": "/query/limit", "limit=x": "/query/limit", "q=": "/query/q",
        "sla=late": "/query/sla/0", "sort=age": "/query/sort", "due_before=2026-03-02": "/query/due_before",
        "due_before=2026-03-02T09:00:00": "/query/due_before", "status=gone": "/query/status/0",
        "due_before=0001-01-01T00:00:00%2B14:00": "/query/due_before", f"q={'x' * 201}": "/query/q",
        "format=pdf": "/query/format",
    }  # fmt: skip

    answers = {query: await cast.admin.get(f"/v1/tickets?{query}") for query in expected}
    no_text = [
        await cast.admin.get(f"/v1/tickets?{name}=a%00") for name in ("q", "team", "assignee", "segment")
    ]

    assert {query: it.json()["errors"][0]["pointer"] for query, it in answers.items()} == expected
    assert {it.status_code for it in answers.values()} == {422}
    assert {(it.status_code, it.json()["code"]) for it in no_text} == {(400, "bad_request")}


async def test_a_cursor_fits_its_own_filters_only(cast: Cast) -> None:
    for _ in range(3):
        await complain(cast.crm)
    cursor = (await read(cast.admin, "/v1/tickets?limit=1&channel=api"))["next_cursor"]
    wrong = cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB")

    fits = await cast.admin.get(f"/v1/tickets?limit=2&channel=api&cursor={cursor}")
    others = [
        await cast.admin.get(f"/v1/tickets?{query}")
        for query in (f"cursor={cursor}", f"channel=api&cursor={wrong}", "cursor=x", "cursor=%C3%A9")
    ]

    assert (len(fits.json()["data"]), fits.json()["next_cursor"]) == (2, None)
    assert [(it.status_code, it.json()["code"]) for it in others] == [(400, "bad_cursor")] * 4


async def test_a_list_as_csv_runs_no_formula_and_has_the_same_columns_always(cast: Cast) -> None:
    none = await cast.admin.get("/v1/tickets?format=csv")
    await complain(cast.crm, subject='=HYPERLINK("x")', customer={"name": "-Ana", "ref": "C-1"})
    await complain(cast.visitor, subject="a,\nb", customer={"name": "+Eve"})
    by_parameter = await cast.admin.get("/v1/tickets?format=csv&limit=1")
    by_header = await cast.admin.get("/v1/tickets", headers={"accept": "text/csv"})

    rows = list(csv.DictReader(io.StringIO(by_header.text, newline="")))
    assert by_header.headers["content-type"] == "text/csv; charset=utf-8"
    assert by_parameter.headers["link"].endswith('rel="next"')
    assert none.text.splitlines() == by_header.text.splitlines()[:1]
    assert sorted((row["subject"], row["customer.name"], row["version"]) for row in rows) == [
        ('\'=HYPERLINK("x")', "'-Ana", "1"),
        ("a,\nb", "", "1"),
    ]
    assert {row["customer.claimed"] for row in rows} == {"", '{"name": "+Eve"}'}
    assert {row["assignee.name"] for row in rows} == {""}
    assert {(row["segment"], row["policy.name"], row["next_due_at"], row["sla"]) for row in rows} == {
        ("", "", "", "none")
    }


async def test_a_long_list_asks_the_database_no_more_than_a_short_one(cast: Cast) -> None:
    said = {"kind": "complaint", "text": "x"}
    items = [said | {"customer": {"ref": f"C-{number}", "name": "Ana"}} for number in range(50)]
    results = (await cast.crm.post("/v1/feedback/batch", json=items)).json()["results"]
    await create(cast.admin, "policies", **ONE_HOUR)
    results += (await cast.crm.post("/v1/feedback/batch", json=items)).json()["results"]
    for result in results[::10]:
        await act(cast.alice, result["id"], "claim")
    with statements() as short:
        assert len((await read(cast.alice, "/v1/tickets?limit=1"))["data"]) == 1
    with statements() as long:
        assert len((await read(cast.alice, "/v1/tickets?limit=100"))["data"]) == 100

    assert len(long) == len(short)


async def test_one_ticket_is_shown_whole_with_its_version_as_etag(cast: Cast) -> None:
    receipt = await complain(cast.crm, external_id="77", attributes={"order": "A-77"}, topic="lifts")

    answer = await cast.alice.get(f"/v1/tickets/{receipt['id']}")

    ticket = answer.json()
    assert answer.headers["etag"] == '"1"'
    assert {name: ticket[name] for name in ("reference", "external_id", "attributes", "topic", "text")} == {
        "reference": receipt["ticket"]["reference"], "external_id": "77", "attributes": {"order": "A-77"},
        "topic": "lifts", "text": "The lift is stuck.",
    }  # fmt: skip


async def test_an_edit_names_the_version_it_edits(cast: Cast) -> None:
    url = f"/v1/tickets/{(await complain(cast.crm))['id']}"
    edit = {"priority": "high"}

    unsaid = await cast.alice.patch(url, json=edit)
    stale = await cast.alice.patch(url, json=edit, headers={"if-match": '"0"'})
    weak = await cast.alice.patch(url, json=edit, headers={"if-match": 'W/"1"'})
    done = await cast.alice.patch(
        url, json=edit, headers={"if-match": '"1"', "content-type": "application/merge-patch+json"}
    )
    late = await cast.bob.patch(url, json={"topic": "lifts"}, headers={"if-match": '"1"'})

    assert [it.status_code for it in (unsaid, stale, weak, done, late)] == [428, 412, 412, 200, 412]
    assert (done.json()["priority"], done.headers["etag"]) == ("high", '"2"')
    assert (await read(cast.bob, url))["topic"] is None


async def test_a_merge_patch_clears_what_may_be_empty_and_leaves_what_it_does_not_name(
    cast: Cast, services: Services
) -> None:
    given: dict[str, Any] = {"topic": "a", "product": "b", "language": "pt", "priority": "urgent"}
    receipt = await complain(cast.crm, subject="s", **given)
    url, anyhow = f"/v1/tickets/{receipt['id']}", {"if-match": "*"}

    cleared = await cast.alice.patch(
        url,
        json={"subject": None, "topic": None, "language": None, "priority": None},
        headers=anyhow,
    )
    same = await cast.alice.patch(url, json={"topic": None, "product": "b"}, headers=anyhow)
    nothing = await cast.alice.patch(url, json={}, headers=anyhow)
    bodies: list[Any] = [{"status": "closed"}, {"topic": ""}, {"priority": "huge"}, []]
    refused = [await cast.alice.patch(url, json=body, headers=anyhow) for body in bodies]

    names = ("subject", "topic", "product", "language", "priority")
    assert [cleared.json()[name] for name in names] == ["", None, "b", "und", "normal"]
    assert (cleared.json()["version"], same.json()["version"], nothing.json()["version"]) == (2, 2, 2)
    assert [it.status_code for it in refused] == [422] * 4
    last = (await events_of(services, receipt["id"]))[-1]
    assert (last.type, last.data["fields"]) == (
        "ticket.changed",
        ["language", "priority", "subject", "topic"],
    )


async def test_a_changed_priority_moves_a_waiting_ticket_and_a_changed_subject_is_found(
    cast: Cast, services: Services
) -> None:
    receipt = await complain(cast.crm)
    before = (await stored(services, receipt["id"])).queue_at

    await cast.alice.patch(
        f"/v1/tickets/{receipt['id']}",
        json={"priority": "urgent", "subject": "Élan"},
        headers={"if-match": "*"},
    )

    place = START + UNPROMISED
    assert (before, (await stored(services, receipt["id"])).queue_at) == (place, place - timedelta(hours=4))
    assert await listed(cast, "q=elan") == ["Élan"]


async def test_the_timeline_tells_all_that_was_said_in_order(cast: Cast, clock: TestClock) -> None:
    receipt = await complain(cast.visitor, text="It is stuck.")
    clock.advance(minutes=1)
    await act(cast.alice, receipt["id"], "note", text="Again.")
    at = clock.advance(minutes=1)
    await act(cast.alice, receipt["id"], "reply", text="On our way.")

    told = (await read(cast.bob, f"/v1/tickets/{receipt['id']}/timeline"))["data"]

    assert [(it["version"], it["type"], it["by"] and it["by"]["name"], it["text"]) for it in told] == [
        (1, "ticket.opened", None, "It is stuck."),
        (2, "ticket.noted", "Alice", "Again."),
        (3, "ticket.assigned", "Alice", None),
        (4, "ticket.replied", "Alice", "On our way."),
    ]
    assert told[3]["at"] == at.isoformat().replace("+00:00", "Z")


async def test_every_decision_about_who_has_a_ticket_is_kept(cast: Cast, clock: TestClock) -> None:
    receipt = await complain(cast.visitor)
    await act(cast.alice, receipt["id"], "claim")
    clock.advance(minutes=1)
    await act(cast.alice, receipt["id"], "assign", agent_id=cast.ids["bob"])

    told = (await read(cast.alice, f"/v1/tickets/{receipt['id']}/assignments"))["data"]

    assert told == [
        {"agent": {"id": cast.ids["alice"], "name": "Alice"}, "by": "claimed", "reason": {},
         "decided_at": "2026-03-02T09:00:00Z"},
        {"agent": {"id": cast.ids["bob"], "name": "Bob"}, "by": "assigned",
         "reason": {"by": cast.ids["alice"]}, "decided_at": "2026-03-02T09:01:00Z"},
    ]  # fmt: skip


async def test_a_number_or_a_date_is_no_instant(cast: Cast) -> None:
    for number in ("0", "0.5", "-1", "1764000000", "2026-11-22"):
        answer = await cast.alice.get(f"/v1/tickets?due_before={number}")

        assert answer.status_code == 422, number
        assert [(flaw["pointer"], flaw["code"]) for flaw in answer.json()["errors"]] == [
            ("/query/due_before", "not_an_instant")
        ]
