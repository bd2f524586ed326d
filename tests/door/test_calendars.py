"""Calendars: when somebody works, as it is said, kept and shown."""

import asyncio
from typing import Any

import pytest
from httpx import Response

from app.policies.documents import WEEKDAYS
from app.services import Services
from tests.acts import read
from tests.cast import Cast, create
from tests.conftest import START, TestClock
from tests.door.sla import CLOSED_ALL_YEAR, LUNCH, OFFICE, changes, rejudging

Json = dict[str, Any]
URL = "/v1/calendars"
NOBODY = "0198c0de-0000-7000-8000-00000000dead"


def office(**other: Any) -> Json:
    return OFFICE | other


def found(answer: Response) -> list[tuple[str, str]]:
    """Return what was wrong and where."""
    assert answer.status_code == 422, answer.text
    return [(flaw["pointer"], flaw["code"]) for flaw in answer.json()["errors"]]


async def test_a_calendar_is_said_once_and_read_as_it_was_said(cast: Cast) -> None:
    said = office(
        week={"monday": list(reversed(LUNCH)), "sunday": [{"from": "22:00", "to": "24:00"}]},
        holidays={"country": "PT", "subdivision": "11"},
        dates=[
            {"date": "2026-12-24", "name": "Inventory", "hours": [{"from": "09:00", "to": "12:00"}]},
            {"date": "02-29", "name": "Leap day"},
        ],
    )

    made = await create(cast.admin, "calendars", **said)
    answer = await cast.admin.get(f"{URL}/{made['id']}")

    closed: Json = {day: [] for day in ("tuesday", "wednesday", "thursday", "friday", "saturday")}
    assert made["week"] == closed | {"monday": LUNCH, "sunday": [{"from": "22:00", "to": "24:00"}]}
    assert made["dates"] == [said["dates"][1] | {"hours": []}, said["dates"][0]]
    assert (made["version"], made["created_at"]) == (1, "2026-03-02T09:00:00Z")
    assert (answer.json(), answer.headers["etag"]) == (made, '"1"')
    assert (await read(cast.admin, URL))["data"] == [made]


async def test_an_edit_is_a_version_and_the_old_one_can_be_read(
    cast: Cast, clock: TestClock, services: Services
) -> None:
    made = await create(cast.admin, "calendars", **OFFICE)
    url = f"{URL}/{made['id']}"
    clock.advance(hours=1)

    same = await cast.admin.put(url, json=OFFICE)
    moved = await cast.admin.put(url, json=office(zone="Asia/Kathmandu", name="Nepal"))
    old = await cast.admin.get(url, params={"version": 1})

    assert (same.json(), same.headers["etag"]) == (made, '"1"')
    assert (moved.json()["version"], moved.headers["etag"]) == (2, '"2"')
    assert moved.json()["created_at"] == "2026-03-02T10:00:00Z"
    assert (old.json(), old.headers["etag"]) == (made, '"1"')
    assert (await read(cast.admin, url)) == moved.json()
    assert (await cast.admin.get(url, params={"version": 3})).status_code == 404
    assert found(await cast.admin.get(url, params={"version": 2**31})) == [
        ("/query/version", "less_than_equal")
    ]
    assert await changes(services, made["id"]) == [
        ("calendar.created", {"version": 1}),
        ("calendar.changed", {"version": 2}),
    ]


async def test_an_edit_of_a_version_that_moved_on_is_refused(cast: Cast) -> None:
    url = f"{URL}/{(await create(cast.admin, 'calendars', **OFFICE))['id']}"

    first = await cast.admin.put(url, json=office(name="A"), headers={"if-match": '"1"'})
    late = await cast.admin.put(url, json=office(name="B"), headers={"if-match": '"1"'})
    odd = await cast.admin.put(url, json=office(name="B"), headers={"if-match": "1"})
    any_version = await cast.admin.put(url, json=office(name="C"), headers={"if-match": "*"})
    unsaid = await cast.admin.put(url, json=office(name="D"))

    assert [it.status_code for it in (first, late, odd, any_version, unsaid)] == [200, 412, 400, 200, 200]
    assert late.json()["code"] == "stale"
    assert (await read(cast.admin, url))["version"] == 4


async def test_of_two_edits_of_one_version_at_the_same_time_one_wins(cast: Cast) -> None:
    url = f"{URL}/{(await create(cast.admin, 'calendars', **OFFICE))['id']}"

    edits = [
        cast.admin.put(url, json=office(name=f"N{number}"), headers={"if-match": '"1"'})
        for number in range(5)
    ]
    answers = await asyncio.gather(*edits)

    assert sorted(it.status_code for it in answers) == [200, 412, 412, 412, 412]
    assert (await read(cast.admin, url))["version"] == 2


async def test_names_belong_to_one_calendar_that_is_not_deleted(cast: Cast, services: Services) -> None:
    made = await create(cast.admin, "calendars", **OFFICE)
    other = await create(cast.admin, "calendars", **office(name="Night"))

    taken = [
        await cast.admin.post(URL, json=OFFICE),
        await cast.admin.put(f"{URL}/{other['id']}", json=OFFICE),
    ]
    gone = await cast.admin.delete(f"{URL}/{made['id']}")
    again = await create(cast.admin, "calendars", **OFFICE)

    assert [(it.status_code, it.json()["code"]) for it in taken] == [(409, "name_taken")] * 2
    assert (gone.status_code, gone.content) == (204, b"")
    assert again["id"] != made["id"]
    assert (await read(cast.admin, f"{URL}/{other['id']}"))["version"] == 1
    assert [kind for kind, _ in await changes(services, made["id"])] == [
        "calendar.created",
        "calendar.deleted",
    ]


async def test_a_deleted_calendar_is_gone_but_for_what_it_said(cast: Cast) -> None:
    made = await create(cast.admin, "calendars", **OFFICE)
    url = f"{URL}/{made['id']}"
    await cast.admin.delete(url)

    gone = [
        await cast.admin.get(url),
        await cast.admin.get(f"{url}/preview"),
        await cast.admin.put(url, json=OFFICE),
        await cast.admin.delete(url),
        await cast.admin.delete(f"{URL}/{NOBODY}"),
    ]

    assert [it.status_code for it in gone] == [404] * 5
    assert await read(cast.admin, f"{url}?version=1") == made
    assert (await read(cast.admin, URL))["data"] == []


async def test_a_calendar_that_a_policy_runs_by_stays(cast: Cast) -> None:
    made = await create(cast.admin, "calendars", **OFFICE)
    clocks = [{"name": "first_response", "calendar": OFFICE["name"], "targets": [{"target_seconds": 60}]}]
    policy = await create(cast.admin, "policies", name="Gold", clocks=clocks)

    used = await cast.admin.delete(f"{URL}/{made['id']}")
    await cast.admin.delete(f"/v1/policies/{policy['id']}")
    free = await cast.admin.delete(f"{URL}/{made['id']}")

    assert (used.status_code, used.json()["code"], free.status_code) == (409, "calendar_in_use", 204)


async def test_only_what_changes_asks_for_judging_anew(cast: Cast, services: Services) -> None:
    made = await create(cast.admin, "calendars", **OFFICE)
    url, asked = f"{URL}/{made['id']}", [await rejudging(services)]
    for request in (
        cast.admin.put(url, json=OFFICE),
        cast.admin.post(URL, json=OFFICE),
        cast.admin.put(url, json=office(zone="UTC")),
        cast.admin.delete(url),
    ):
        await request
        asked.append(await rejudging(services))

    assert asked == [1, 1, 1, 2, 3]


@pytest.mark.parametrize(
    ("wrong", "flaws"),
    [
        pytest.param(
            {"week": {"monday": [{"from": "22:00", "to": "06:00"}]}},
            [("/week/monday/0", "not_after_from")],
            id="a night shift in one",
        ),
        pytest.param(
            {"week": {"monday": [{"from": "09:00", "to": "09:00"}]}},
            [("/week/monday/0", "not_after_from")],
            id="no time at all",
        ),
        pytest.param(
            {"week": {"friday": [{"from": "09:00", "to": "12:00"}, {"from": "11:59", "to": "13:00"}]}},
            [("/week/friday", "overlapping")],
            id="overlapping",
        ),
        pytest.param(
            {"week": {"friday": [{"from": "24:00", "to": "24:00"}]}},
            [("/week/friday/0/from", "string_pattern_mismatch")],
            id="a day that begins at its end",
        ),
        pytest.param(
            {"week": {"friday": [{"from": "9:00", "to": "24:01"}]}},
            [
                ("/week/friday/0/from", "string_pattern_mismatch"),
                ("/week/friday/0/to", "string_pattern_mismatch"),
            ],
            id="no times",
        ),
        pytest.param({"week": {"Monday": []}}, [("/week", "unknown_field")], id="a capital"),
        pytest.param({"week": {}}, [("/week", "never_opens")], id="no hours"),
        pytest.param({"dates": CLOSED_ALL_YEAR}, [("/week", "never_opens")], id="every date closed"),
        pytest.param({"zone": "Mars/Base"}, [("/zone", "unknown_zone")], id="unknown zone"),
        pytest.param(
            {"holidays": {"country": "XX"}}, [("/holidays/country", "unknown_country")], id="unknown country"
        ),
        pytest.param(
            {"holidays": {"country": "PT", "subdivision": "99"}},
            [("/holidays/subdivision", "unknown_subdivision")],
            id="unknown part",
        ),
        pytest.param(
            {"dates": [{"date": "2026-02-29", "name": "x"}]}, [("/dates/0/date", "not_a_date")], id="no date"
        ),
        pytest.param(
            {"dates": [{"date": "02-30", "name": "x"}]},
            [("/dates/0/date", "not_a_date")],
            id="no yearly date",
        ),
        pytest.param(
            {"dates": [{"date": "1899-12-31", "name": "x"}]},
            [("/dates/0/date", "string_pattern_mismatch")],
            id="long ago",
        ),
        pytest.param(
            {"dates": [{"date": "12-24", "name": "x"}, {"date": "12-24", "name": "y"}]},
            [("/dates", "twice")],
            id="a date twice",
        ),
        pytest.param(
            {"dates": [{"date": "12-24", "name": "x", "hours": [{"from": "10:00", "to": "09:00"}]}]},
            [("/dates/0/hours/0", "not_after_from")],
            id="hours of a date",
        ),
        pytest.param({"name": ""}, [("/name", "string_too_short")], id="no name"),
        pytest.param({"open": True}, [("/open", "unknown_field")], id="unknown field"),
    ],
)
async def test_what_is_no_calendar_is_refused_where_it_is_wrong(
    standing: Cast, wrong: Json, flaws: list[tuple[str, str]]
) -> None:
    added = await standing.admin.post(URL, json=office(**wrong))
    tried = await standing.admin.post(
        f"{URL}/preview", json={"calendar": office(**wrong), "from": "2026-12-01"}
    )

    assert found(added) == flaws
    assert [code for _, code in found(tried)] == [code for _, code in flaws]


async def test_a_night_shift_in_one_is_told_how_to_be_two(standing: Cast) -> None:
    shift = {"week": {"monday": [{"from": "22:00", "to": "06:00"}]}}

    answer = await standing.admin.post(URL, json=office(**shift))

    assert "one to 24:00 and one from 00:00" in answer.json()["errors"][0]["detail"]


async def test_an_edit_may_not_close_a_calendar_for_ever_nor_put_a_target_out_of_reach(cast: Cast) -> None:
    made = await create(cast.admin, "calendars", **OFFICE)
    long = [{"name": "resolution", "calendar": made["id"], "targets": [{"target_seconds": 30 * 86_400}]}]
    await create(cast.admin, "policies", name="Gold", clocks=long)
    minute = {"week": {"monday": [{"from": "09:00", "to": "09:01"}]}}

    closed = await cast.admin.put(f"{URL}/{made['id']}", json=office(week={}))
    scarce = await cast.admin.put(f"{URL}/{made['id']}", json=office(**minute))
    unused = await cast.admin.post(URL, json=office(name="Scarce", **minute))

    assert found(closed) == [("/week", "never_opens")]
    assert found(scarce) == [("/week", "out_of_reach")]
    assert unused.status_code == 201


async def test_a_preview_shows_what_is_open_and_why_not(cast: Cast) -> None:
    said = office(
        holidays={"country": "PT", "subdivision": "11"},
        dates=[
            {"date": "12-24", "name": "Christmas Eve", "hours": [{"from": "09:00", "to": "12:00"}]},
            {"date": "12-25", "name": "Open house", "hours": [{"from": "10:00", "to": "11:00"}]},
            {"date": "2027-12-24", "name": "Moving", "hours": []},
        ],
    )
    made = await create(cast.admin, "calendars", **said)

    shown = await read(cast.admin, f"{URL}/{made['id']}/preview?from=2026-12-23&days=4")
    later = await read(cast.admin, f"{URL}/{made['id']}/preview?from=2027-12-24&days=1")
    today = await read(cast.admin, f"{URL}/{made['id']}/preview")

    def spans(day: Json) -> list[tuple[str, str]]:
        return [(each["from"], each["to"]) for each in day["open"]]

    assert [(it["date"], it["open_seconds"], it["note"]) for it in shown["data"]] == [
        ("2026-12-23", 8 * 3600, None),
        ("2026-12-24", 3 * 3600, "Christmas Eve"),
        ("2026-12-25", 3600, "Open house"),
        ("2026-12-26", 0, None),
    ]
    assert spans(shown["data"][0]) == [
        ("2026-12-23T09:00:00Z", "2026-12-23T12:30:00Z"),
        ("2026-12-23T13:30:00Z", "2026-12-23T18:00:00Z"),
    ]
    assert (shown["zone"], shown["open_seconds"], shown["due_at"]) == ("Europe/Lisbon", 12 * 3600, None)
    assert [(it["open"], it["note"]) for it in later["data"]] == [([], "Moving")]
    assert (today["data"][0]["date"], len(today["data"])) == (START.date().isoformat(), 31)


async def test_days_are_those_of_the_calendars_zone_also_when_the_clocks_change(standing: Cast) -> None:
    always = {day: [{"from": "00:00", "to": "24:00"}] for day in WEEKDAYS}

    def body(zone: str, first: str) -> Json:
        return {"calendar": office(week=always, zone=zone), "from": first, "days": 2}

    spring = await standing.admin.post(f"{URL}/preview", json=body("Europe/Lisbon", "2026-03-28"))
    autumn = await standing.admin.post(f"{URL}/preview", json=body("Europe/Lisbon", "2026-10-25"))
    no_midnight = await standing.admin.post(f"{URL}/preview", json=body("America/Havana", "2026-03-08"))

    hours = [
        [each["open_seconds"] / 3600 for each in it.json()["data"]] for it in (spring, autumn, no_midnight)
    ]
    assert hours == [[24, 23], [25, 24], [23, 24]]
    assert autumn.json()["data"][1]["open"] == [
        {"from": "2026-10-26T00:00:00Z", "to": "2026-10-27T00:00:00Z"}
    ]


async def test_a_calendar_can_be_tried_with_work_before_it_is_kept(cast: Cast) -> None:
    body = {
        "calendar": OFFICE,
        "from": "2026-12-04",
        "days": 1,
        "start": "2026-12-04T17:00:00+00:00",
        "work_seconds": 2 * 3600,
    }

    tried = await cast.admin.post(f"{URL}/preview", json=body)

    assert tried.json()["due_at"] == "2026-12-07T10:00:00Z"
    assert (await read(cast.admin, URL))["data"] == []


@pytest.mark.parametrize(
    ("wrong", "pointer", "code"),
    [
        pytest.param({"days": 0}, "/days", "greater_than_equal", id="no days"),
        pytest.param({"days": 401}, "/days", "less_than_equal", id="too many days"),
        pytest.param({"from": "1999-12-31"}, "/from", "out_of_bounds", id="long ago"),
        pytest.param({"from": "2198-01-01"}, "/from", "out_of_bounds", id="far ahead"),
        pytest.param({"start": "2026-12-04T17:00:00Z"}, "", "incomplete", id="start alone"),
        pytest.param({"work_seconds": 1}, "", "incomplete", id="work alone"),
        pytest.param(
            {"start": "2026-12-04T17:00:00", "work_seconds": 1}, "/start", "zone_required", id="no zone"
        ),
        pytest.param(
            {"start": "0001-01-01T00:00:00Z", "work_seconds": 1},
            "/start",
            "out_of_bounds",
            id="at first",
        ),
        pytest.param(
            {"start": "2026-12-04T17:00:00Z", "work_seconds": 315_360_001},
            "/work_seconds",
            "less_than_equal",
            id="too much work",
        ),
        pytest.param(
            {"start": "2026-12-04T17:00:00Z", "work_seconds": 315_360_000},
            "/work_seconds",
            "out_of_reach",
            id="work for decades",
        ),
    ],
)
async def test_a_preview_of_what_cannot_be_is_refused(
    standing: Cast, wrong: Json, pointer: str, code: str
) -> None:
    answer = await standing.admin.post(
        f"{URL}/preview", json={"calendar": OFFICE, "from": "2026-12-01", **wrong}
    )

    assert found(answer) == [(pointer, code)]


async def test_the_most_that_can_be_asked_is_answered(standing: Cast) -> None:
    """Closed on every date but New Year's Eve, 48 spans a day, in the last years that are counted."""
    times = [f"{place // 2:02}:{30 * (place % 2):02}" for place in range(48)]
    spans = [{"from": time, "to": f"{time[:3]}{int(time[3:]) + 29}"} for time in times]
    calendar = office(week=dict.fromkeys(WEEKDAYS, spans), dates=CLOSED_ALL_YEAR[:-1])
    when = {"from": "2197-12-31", "days": 400, "start": "2197-12-01T00:00:00Z", "work_seconds": 60}

    answer = await standing.admin.post(f"{URL}/preview", json={"calendar": calendar, **when})

    assert answer.json()["open_seconds"] == 2 * 48 * 29 * 60
    assert answer.json()["due_at"] == "2197-12-31T00:01:00Z"


async def test_work_beyond_the_years_that_are_counted_is_refused(standing: Cast) -> None:
    when = {"from": "2197-12-31", "start": "2197-12-31T00:00:00Z", "work_seconds": 86_400 * 300}

    answer = await standing.admin.post(f"{URL}/preview", json={"calendar": OFFICE, **when})

    assert (answer.status_code, answer.json()["code"]) == (422, "no_open_hours")


async def test_only_admins_set_calendars_up(cast: Cast) -> None:
    made = await create(cast.admin, "calendars", **OFFICE)
    url = f"{URL}/{made['id']}"

    answers = [
        await cast.alice.get(URL),
        await cast.alice.post(URL, json=OFFICE),
        await cast.alice.get(url),
        await cast.alice.put(url, json=OFFICE),
        await cast.alice.delete(url),
        await cast.alice.get(f"{url}/preview"),
        await cast.alice.post(f"{URL}/preview", json={"calendar": OFFICE, "from": "2026-12-01"}),
    ]

    assert [(it.status_code, it.json()["code"]) for it in answers] == [(403, "scope_missing")] * 7
