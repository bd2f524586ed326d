"""Policies: what is promised to whom, as it is said, kept and shown."""

import asyncio
from typing import Any

import pytest
from httpx import Response

from app.services import Services
from tests.acts import read
from tests.cast import Cast, create
from tests.conftest import TestClock
from tests.door.sla import OFFICE, changes, rejudging

Json = dict[str, Any]
URL = "/v1/policies"
NOBODY = "0198c0de-0000-7000-8000-00000000dead"
FIRST: Json = {"name": "first_response", "targets": [{"target_seconds": 3600}]}
ANYBODY: Json = {"priority": [], "channel": [], "kind": [], "segment": []}
ACKNOWLEDGE: Json = {
    "name": "acknowledge",
    "starts_on": ["opened"],
    "stops_on": ["assigned"],
    "targets": [{"target_seconds": 600}],
}


def gold(*clocks: Json, **other: Any) -> Json:
    return {"name": "Gold", "clocks": list(clocks or (FIRST,)), **other}


def clock(*targets: Json, **other: Any) -> Json:
    return {"name": "first_response", "targets": list(targets or ({"target_seconds": 60},)), **other}


def found(answer: Response) -> list[tuple[str, str]]:
    """Return what was wrong and where."""
    assert answer.status_code == 422, answer.text
    return [(flaw["pointer"], flaw["code"]) for flaw in answer.json()["errors"]]


async def test_a_policy_is_said_by_name_and_shown_by_name(cast: Cast) -> None:
    office = await create(cast.admin, "calendars", **OFFICE)
    targets: list[Json] = [
        {"when": {"priority": ["urgent"], "channel": ["phone", "chat", "chat"]}, "target_seconds": 900},
        {"target_seconds": 3600},
    ]
    warnings = [{"fraction": 0.75}, {"before_seconds": 1800}]
    said = gold(
        clock(*targets, calendar="Lisbon office", warnings=warnings),
        {"name": "resolution", "calendar": office["id"], "targets": [{"target_seconds": 86_400}]},
        ACKNOWLEDGE,
        rank=7,
        applies_to={"kind": ["question", "complaint"], "site": ["shop"], "source": ["crm", "api"]},
    )

    made = await create(cast.admin, "policies", **said)
    answer = await cast.admin.get(f"{URL}/{made['id']}")

    first, resolution, acknowledge = made["clocks"]
    nowhere: Json = {"channel": [], "segment": [], "topic": [], "product": [], "language": []}
    assert made["applies_to"] == nowhere | {
        "kind": ["complaint", "question"],
        "site": ["shop"],
        "source": ["api", "crm"],
    }
    assert first == {
        "name": "first_response",
        "starts_on": [],
        "stops_on": [],
        "calendar": {"id": office["id"], "name": "Lisbon office"},
        "pauses_in": [],
        "targets": [
            {"when": ANYBODY | {"priority": ["urgent"], "channel": ["chat", "phone"]}, "target_seconds": 900},
            {"when": ANYBODY, "target_seconds": 3600},
        ],
        "warnings": [
            {"fraction": 0.75, "before_seconds": None},
            {"fraction": None, "before_seconds": 1800},
        ],
    }
    assert (resolution["pauses_in"], resolution["calendar"]) == (["pending"], first["calendar"])
    assert (acknowledge["pauses_in"], acknowledge["calendar"]) == ([], None)
    assert (made["rank"], made["default"], made["version"]) == (7, False, 1)
    assert (answer.json(), answer.headers["etag"]) == (made, '"1"')


async def test_an_edit_is_a_version_and_the_old_one_can_be_read(
    cast: Cast, clock: TestClock, services: Services
) -> None:
    office = await create(cast.admin, "calendars", **OFFICE)
    said = gold(FIRST | {"calendar": "Lisbon office"})
    made = await create(cast.admin, "policies", **said)
    url = f"{URL}/{made['id']}"
    clock.advance(hours=1)

    same = await cast.admin.put(url, json=gold(FIRST | {"calendar": office["id"]}, rank=100.0))
    other = await cast.admin.put(url, json=gold(FIRST, name="Silver"))
    await cast.admin.delete(f"/v1/calendars/{office['id']}")
    old = await cast.admin.get(url, params={"version": 1})

    assert (same.json(), same.headers["etag"]) == (made, '"1"')
    assert (other.json()["version"], other.json()["created_at"]) == (2, "2026-03-02T10:00:00Z")
    assert (old.json(), old.headers["etag"]) == (made, '"1"')
    assert await read(cast.admin, url) == other.json()
    assert (await cast.admin.get(url, params={"version": 3})).status_code == 404
    assert await changes(services, made["id"]) == [
        ("policy.created", {"version": 1}),
        ("policy.changed", {"version": 2}),
    ]


async def test_there_is_one_default_and_it_moves(cast: Cast, services: Services) -> None:
    gold_one = await create(cast.admin, "policies", **gold(default=True))
    silver = await create(cast.admin, "policies", **gold(name="Silver", default=True))

    def defaults(document: Json) -> dict[str, tuple[bool, int]]:
        return {each["name"]: (each["default"], each["version"]) for each in document["data"]}

    taken = defaults(await read(cast.admin, URL))
    back = await cast.admin.put(f"{URL}/{gold_one['id']}", json=gold(default=True))
    given_back = defaults(await read(cast.admin, URL))
    await cast.admin.put(f"{URL}/{gold_one['id']}", json=gold(default=False))
    none = defaults(await read(cast.admin, URL))

    assert taken == {"Gold": (False, 1), "Silver": (True, 1)}
    assert (back.json()["default"], back.json()["version"]) == (True, 1)
    assert given_back == {"Gold": (True, 1), "Silver": (False, 1)}
    assert none == {"Gold": (False, 1), "Silver": (False, 1)}
    assert services.configuration.current.book.default is None
    assert [kind for kind, _ in await changes(services, gold_one["id"])] == [
        "policy.created",
        "policy.changed",
        "policy.changed",
    ]
    assert [kind for kind, _ in await changes(services, silver["id"])] == ["policy.created"]


async def test_a_deleted_default_makes_room_for_another(cast: Cast) -> None:
    first = await create(cast.admin, "policies", **gold(default=True))
    await cast.admin.delete(f"{URL}/{first['id']}")

    again = await create(cast.admin, "policies", **gold(default=True))

    assert again["default"]
    assert (await read(cast.admin, URL))["data"] == [again]


async def test_policies_are_listed_in_the_order_in_which_they_are_tried(cast: Cast) -> None:
    for name, rank in (("c", 5), ("b", 5), ("a", 100), ("d", 0)):
        await create(cast.admin, "policies", **gold(name=name, rank=rank))

    listed = (await read(cast.admin, URL))["data"]

    assert [each["name"] for each in listed] == ["d", "b", "c", "a"]


async def test_what_was_deleted_is_gone_but_for_what_it_said(cast: Cast, services: Services) -> None:
    made = await create(cast.admin, "policies", **gold())
    url = f"{URL}/{made['id']}"

    deleted = await cast.admin.delete(url)
    gone = [
        await cast.admin.get(url),
        await cast.admin.put(url, json=gold()),
        await cast.admin.delete(url),
        await cast.admin.get(f"{URL}/{NOBODY}?version=1"),
    ]

    assert (deleted.status_code, deleted.content) == (204, b"")
    assert [it.status_code for it in gone] == [404] * 4
    assert await read(cast.admin, f"{url}?version=1") == made
    assert services.configuration.current.book.policies == {}
    assert await changes(services, made["id"]) == [
        ("policy.created", {"version": 1}),
        ("policy.deleted", {"version": 1}),
    ]


async def test_only_what_changes_asks_for_judging_anew(cast: Cast, services: Services) -> None:
    made = await create(cast.admin, "policies", **gold())
    url, asked = f"{URL}/{made['id']}", [await rejudging(services)]
    for request in (
        cast.admin.put(url, json=gold()),
        cast.admin.post(URL, json=gold()),
        cast.admin.put(url, json=gold(rank=1)),
        cast.admin.put(url, json=gold(rank=1, default=True)),
        cast.admin.delete(url),
    ):
        await request
        asked.append(await rejudging(services))

    assert asked == [1, 1, 1, 2, 3, 4]


async def test_an_edit_of_a_version_that_moved_on_is_refused(cast: Cast) -> None:
    url = f"{URL}/{(await create(cast.admin, 'policies', **gold()))['id']}"

    edits = [
        cast.admin.put(url, json=gold(rank=rank), headers={"if-match": '"1"'}) for rank in (1, 2, 3, 4, 5)
    ]
    answers = await asyncio.gather(*edits)

    assert sorted(it.status_code for it in answers) == [200, 412, 412, 412, 412]
    assert (await read(cast.admin, url))["version"] == 2


async def test_names_belong_to_one_policy(cast: Cast) -> None:
    await create(cast.admin, "policies", **gold())
    other = await create(cast.admin, "policies", **gold(name="Silver", default=True))

    taken = [
        await cast.admin.post(URL, json=gold(default=True)),
        await cast.admin.put(f"{URL}/{other['id']}", json=gold()),
    ]

    assert [(it.status_code, it.json()["code"]) for it in taken] == [(409, "name_taken")] * 2
    assert await read(cast.admin, f"{URL}/{other['id']}") == other


async def test_of_many_with_one_name_at_the_same_time_one_wins(cast: Cast) -> None:
    answers = await asyncio.gather(*(cast.admin.post(URL, json=gold(default=True)) for _ in range(5)))

    assert sorted(it.status_code for it in answers) == [201, 409, 409, 409, 409]


async def test_a_clock_means_the_same_everywhere_and_for_ever(cast: Cast) -> None:
    made = await create(cast.admin, "policies", **gold(ACKNOWLEDGE))
    longer = ACKNOWLEDGE | {"targets": [{"target_seconds": 7}], "pauses_in": ["pending"]}
    otherwise = ACKNOWLEDGE | {"stops_on": ["assigned", "noted"]}

    same = await cast.admin.post(URL, json=gold(longer, name="Silver"))
    elsewhere = await cast.admin.post(URL, json=gold(otherwise, name="Bronze"))
    own = await cast.admin.put(f"{URL}/{made['id']}", json=gold(otherwise))
    await cast.admin.put(f"{URL}/{made['id']}", json=gold())
    await cast.admin.delete(f"{URL}/{made['id']}")
    await cast.admin.delete(f"{URL}/{same.json()['id']}")
    long_gone = await cast.admin.post(URL, json=gold(otherwise))

    assert same.status_code == 201
    assert [(it.status_code, it.json()["code"]) for it in (elsewhere, own, long_gone)] == [
        (409, "clock_redefined")
    ] * 3
    assert own.json()["detail"] == "acknowledge starts on opened and stops on assigned"


async def test_a_calendar_is_found_by_name_among_those_there_are(cast: Cast) -> None:
    office = await create(cast.admin, "calendars", **OFFICE)
    await cast.admin.delete(f"/v1/calendars/{office['id']}")

    for named in ("Lisbon office", office["id"], NOBODY):
        refused = await cast.admin.post(URL, json=gold(FIRST, ACKNOWLEDGE | {"calendar": named}))
        assert found(refused) == [("/clocks/1/calendar", "unknown_calendar")]


async def test_no_policy_runs_by_a_calendar_that_is_deleted_meanwhile(cast: Cast) -> None:
    for number in range(5):
        office = await create(cast.admin, "calendars", **(OFFICE | {"name": f"Office {number}"}))
        said = gold(FIRST | {"calendar": office["id"]}, name=f"Gold {number}")

        made, deleted = await asyncio.gather(
            cast.admin.post(URL, json=said), cast.admin.delete(f"/v1/calendars/{office['id']}")
        )

        assert (made.status_code, deleted.status_code) in {(201, 409), (422, 204)}


async def test_a_target_that_its_calendar_cannot_reach_is_refused(cast: Cast) -> None:
    week = {"monday": [{"from": "09:00", "to": "09:01"}]}
    await create(cast.admin, "calendars", **(OFFICE | {"name": "Minute", "week": week}))
    targets: list[Json] = [
        {"when": {"kind": ["comment"]}, "target_seconds": 3600},
        {"target_seconds": 86_400},
    ]

    refused = await cast.admin.post(URL, json=gold(clock(*targets, calendar="Minute")))
    around_the_clock = await cast.admin.post(URL, json=gold(clock({"target_seconds": 315_360_000})))

    assert found(refused) == [("/clocks/0/targets/1", "out_of_reach")]
    assert around_the_clock.status_code == 201


@pytest.mark.parametrize(
    ("wrong", "flaws"),
    [
        pytest.param(
            gold(clock(target_seconds=1)), [("/clocks/0/target_seconds", "unknown_field")], id="field"
        ),
        pytest.param(
            gold(clock({"target_seconds": 0})),
            [("/clocks/0/targets/0/target_seconds", "greater_than_equal")],
            id="no time",
        ),
        pytest.param(
            gold(clock({"target_seconds": 315_360_001})),
            [("/clocks/0/targets/0/target_seconds", "less_than_equal")],
            id="too much time",
        ),
        pytest.param(
            gold({"name": "first_response", "targets": []}),
            [("/clocks/0/targets", "too_short")],
            id="no target",
        ),
        pytest.param(
            gold(clock({"target_seconds": 1}, {"when": {"priority": ["low"]}, "target_seconds": 2})),
            [("/clocks/0/targets", "unreachable")],
            id="after one for all",
        ),
        pytest.param(
            gold(
                clock(
                    {"when": {"priority": ["low", "high"]}, "target_seconds": 1},
                    {"when": {"priority": ["low"], "kind": ["comment"]}, "target_seconds": 2},
                )
            ),
            [("/clocks/0/targets", "unreachable")],
            id="after a wider one",
        ),
        pytest.param(gold(clock(), clock()), [("/clocks", "twice")], id="a clock twice"),
        pytest.param(gold(clock(starts_on=["opened"])), [("/clocks/0", "built_in")], id="a built-in clock"),
        pytest.param(gold(clock(stops_on=["noted"])), [("/clocks/0", "built_in")], id="a built-in stop"),
        pytest.param(gold(ACKNOWLEDGE | {"stops_on": []}), [("/clocks/0", "incomplete")], id="no stop"),
        pytest.param(
            gold(ACKNOWLEDGE | {"name": "resolution_first"}), [("/clocks/0", "reserved")], id="a figure"
        ),
        pytest.param(gold(ACKNOWLEDGE | {"starts_on": []}), [("/clocks/0", "incomplete")], id="no start"),
        pytest.param(
            gold(ACKNOWLEDGE | {"stops_on": ["noted", "opened"]}),
            [("/clocks/0", "stops_at_start")],
            id="stops as it starts",
        ),
        pytest.param(
            gold(ACKNOWLEDGE | {"stops_on": ["erased"]}),
            [("/clocks/0/stops_on/0", "literal_error")],
            id="no such event",
        ),
        pytest.param(
            gold(clock(name="First Response")), [("/clocks/0/name", "string_pattern_mismatch")], id="no code"
        ),
        pytest.param(
            gold(clock(pauses_in=["open"])), [("/clocks/0/pauses_in/0", "literal_error")], id="no pause"
        ),
        pytest.param(
            gold(clock(warnings=[{"fraction": 1}, {"fraction": 0.0}])),
            [
                ("/clocks/0/warnings/0/fraction", "less_than"),
                ("/clocks/0/warnings/1/fraction", "greater_than"),
            ],
            id="fractions",
        ),
        pytest.param(
            gold(clock(warnings=[{}, {"fraction": 0.5, "before_seconds": 1}])),
            [("/clocks/0/warnings/0", "either_or"), ("/clocks/0/warnings/1", "either_or")],
            id="neither and both",
        ),
        pytest.param(
            gold(clock(warnings=[{"fraction": 0.5}] * 6)), [("/clocks/0/warnings", "too_long")], id="warnings"
        ),
        pytest.param(
            gold(applies_to={"site": ["shop", "Nowhere"], "source": ["nobody"]}),
            [("/applies_to/site/1", "unknown_site"), ("/applies_to/source/0", "unknown_source")],
            id="site and source",
        ),
        pytest.param(
            gold(applies_to={"kind": ["score"]}), [("/applies_to/kind/0", "literal_error")], id="no ticket"
        ),
        pytest.param(
            gold(applies_to={"priority": ["low"]}), [("/applies_to/priority", "unknown_field")], id="priority"
        ),
        pytest.param(gold(rank=-1), [("/rank", "greater_than_equal")], id="rank"),
        pytest.param({"name": "Gold"}, [("/clocks", "required")], id="no clocks"),
        pytest.param(gold(name="x" * 201), [("/name", "string_too_long")], id="a long name"),
    ],
)
async def test_what_is_no_policy_is_refused_where_it_is_wrong(
    standing: Cast, wrong: Json, flaws: list[tuple[str, str]]
) -> None:
    assert found(await standing.admin.post(URL, json=wrong)) == flaws


async def test_a_target_nobody_gets_to_is_named_in_words(standing: Cast) -> None:
    refused = await standing.admin.post(
        URL, json=gold(clock({"target_seconds": 1}, {"when": {"kind": ["comment"]}, "target_seconds": 2}))
    )

    detail = refused.json()["errors"][0]["detail"]
    assert detail == "no ticket gets as far as target 2: an earlier one takes all that fit it"


async def test_an_unknown_site_is_pointed_at_where_it_was_written(standing: Cast) -> None:
    refused = await standing.admin.post(URL, json=gold(applies_to={"site": ["shop", "Zurich", "Aarau"]}))

    assert found(refused) == [("/applies_to/site/1", "unknown_site"), ("/applies_to/site/2", "unknown_site")]


async def test_a_policy_may_promise_nothing(cast: Cast) -> None:
    made = await create(
        cast.admin, "policies", name="Friends", applies_to={"segment": ["friends"]}, clocks=[]
    )

    assert made["clocks"] == []


async def test_only_admins_set_policies_up(cast: Cast) -> None:
    url = f"{URL}/{(await create(cast.admin, 'policies', **gold()))['id']}"

    answers = [
        await cast.alice.get(URL),
        await cast.alice.post(URL, json=gold()),
        await cast.alice.get(url),
        await cast.alice.put(url, json=gold()),
        await cast.alice.delete(url),
    ]

    assert [(it.status_code, it.json()["code"]) for it in answers] == [(403, "scope_missing")] * 5
