"""The door of figures: what came in through the other doors, measured; as JSON and as CSV."""

import csv
import io
from typing import Any

import pytest
from httpx import AsyncClient

from app.metrics.definitions import DEFINITIONS
from app.metrics.parameters import response_times
from tests.cast import Cast, complain, create
from tests.conftest import START, TestClock

ROUTES = ("response-times", "sla", "satisfaction", "volume", "definitions")


async def figures(caller: AsyncClient, route: str, **params: Any) -> dict[str, Any]:
    answer = await caller.get(f"/v1/metrics/{route}", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def lines(caller: AsyncClient, route: str, **params: Any) -> list[dict[str, str]]:
    answer = await caller.get(f"/v1/metrics/{route}", params=params, headers={"accept": "text/csv"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    return list(csv.DictReader(io.StringIO(answer.text, newline=""), strict=True))


async def act(agent: AsyncClient, ticket: str, action: str, **body: Any) -> None:
    answer = await agent.post(f"/v1/tickets/{ticket}/{action}", json=body)
    assert answer.status_code == 200, answer.text


@pytest.fixture
async def answered(cast: Cast, clock: TestClock) -> Cast:
    """Alice answers after 90 s and resolves after 600, Bob answers after 200, nobody later."""
    tickets = [(await complain(cast.crm, topic=topic))["id"] for topic in ("lift", "=SUM(A1)", "lift")]
    for agent, ticket, seconds in ((cast.alice, tickets[0], 90), (cast.bob, tickets[1], 110)):
        clock.advance(seconds=seconds)
        await act(agent, ticket, "claim")
        await act(agent, ticket, "reply", text="On our way.")
    clock.advance(seconds=400)
    await act(cast.alice, tickets[0], "resolve")
    return cast


async def test_an_answer_is_measured_from_the_first_word(answered: Cast) -> None:
    found = await figures(answered.admin, "response-times", within="120")

    assert found == {
        "definition": {"name": "response_time.first_response", "version": 1},
        "as_of": "2026-03-02T09:10:00Z",
        "from": "2026-01-31T09:10:00Z",
        "to": "2026-03-02T09:10:00.000001Z",
        "tz": "UTC",
        "interval": "none",
        "group_by": [],
        "data": [found["total"]],
        "total": {
            "clock": "first_response", "mode": "elapsed", "n": 2, "n_open": 1, "n_inconsistent": 0,
            "n_unknown": 0, "p50_seconds": 90.0, "p90_seconds": 200.0,
            "p95_seconds": 200.0, "p99_seconds": 200.0, "mean_seconds": 145.0, "max_seconds": 200.0,
            "within": {"120": 0.5},
        },
    }  # fmt: skip


async def test_rows_are_told_apart_by_people_and_by_local_days(answered: Cast) -> None:
    asked = {"group_by": ["agent", "topic"], "interval": "day", "tz": "Asia/Kathmandu", "from": "2026-03-01"}
    found = await figures(answered.admin, "response-times", **asked)

    rows = [(row["bucket"], row["agent"], row["topic"], row["n"], row["n_open"]) for row in found["data"]]
    day = "2026-03-01T18:15:00Z"
    assert rows == [
        (day, {"id": answered.ids["alice"], "name": "Alice"}, "lift", 1, 0),
        (day, {"id": answered.ids["bob"], "name": "Bob"}, "=SUM(A1)", 1, 0),
        (day, None, "lift", 0, 1),
    ]
    assert list(found["data"][0])[:3] == ["bucket", "agent", "topic"]


async def test_filters_narrow_by_name_id_and_word(answered: Cast) -> None:
    for asked, n in (
        ({"agent": "Alice"}, 1),
        ({"agent": [answered.ids["alice"], "Bob"]}, 2),
        ({"source": "crm", "channel": "api", "kind": "complaint", "origin": "live"}, 2),
        ({"origin": "import"}, 0),
        ({"topic": "lift"}, 1),
    ):
        assert (await figures(answered.admin, "response-times", **asked))["total"]["n"] == n, asked


async def test_resolution_runs_to_the_last_resolution(answered: Cast) -> None:
    total = (await figures(answered.admin, "response-times", clock="resolution"))["total"]

    assert (total["n"], total["n_open"], total["max_seconds"]) == (1, 2, 600.0)


async def test_volume_counts_what_came_in(answered: Cast) -> None:
    score = {
        "kind": "score",
        "scores": [{"instrument": "csat", "value": 5}, {"instrument": "nps", "value": 9}],
    }
    assert (await answered.crm.post("/v1/feedback", json=score)).status_code == 201

    found = await figures(answered.admin, "volume", group_by="kind")

    assert [(row["kind"], row["n"]) for row in found["data"]] == [("complaint", 3), ("score", 1)]
    assert found["total"] == {"n": 4, "n_open": None, "quarantined": 0}


async def test_satisfaction_is_told_for_one_instrument(cast: Cast) -> None:
    for value in (5, 4, 1):
        score = {"kind": "score", "scores": [{"instrument": "csat", "value": value}]}
        assert (await cast.crm.post("/v1/feedback", json=score)).status_code == 201

    csat = await figures(cast.admin, "satisfaction", instrument="csat", group_by="source")
    nps = await figures(cast.admin, "satisfaction", instrument="nps")

    assert [(row["source"]["name"], row["n"]) for row in csat["data"]] == [("crm", 3)]
    assert csat["total"]["distribution"] == {"1": 1, "2": 0, "3": 0, "4": 1, "5": 1}
    assert csat["total"]["top_two_share"] == 2 / 3
    assert len(csat["total"]["wilson_95"]) == 2
    assert (nps["total"]["n"], nps["total"]["nps"], nps["total"]["reason"]) == (
        0,
        None,
        "fewer than 1 answers",
    )


async def test_each_version_of_an_instrument_has_its_own_figures(cast: Cast) -> None:
    for low, high in ((1, 3), (1, 10)):
        await create(cast.admin, "instruments", name="stars", low=low, high=high)
        score = {"kind": "score", "scores": [{"instrument": "stars", "value": high}]}
        assert (await cast.crm.post("/v1/feedback", json=score)).status_code == 201

    found = [await figures(cast.admin, "satisfaction", instrument="stars", version=each) for each in (1, 2)]
    latest = await figures(cast.admin, "satisfaction", instrument="stars")

    assert [(each["total"]["n"], each["total"]["mean"], each["total"]["normalised"]) for each in found] == [
        (1, 3.0, 100.0),
        (1, 10.0, 100.0),
    ]
    assert latest["total"] == found[1]["total"]


async def test_csv_defuses_formulas_and_leaves_numbers_alone(answered: Cast) -> None:
    rows = await lines(answered.admin, "response-times", group_by="agent,topic", within=["60", "120"])

    assert [
        (row["agent"], row["topic"], row["n"], row["max_seconds"], row["within_120"]) for row in rows
    ] == [
        ("Alice", "lift", "1", "90.0", "1.0"),
        ("Bob", "'=SUM(A1)", "1", "200.0", "0.0"),
        ("", "lift", "0", "", ""),
    ]


async def test_csv_lays_distributions_and_intervals_flat(cast: Cast) -> None:
    for value in (0, 0, 10):
        score = {
            "kind": "score",
            "scores": [{"instrument": "nps", "value": value}, {"instrument": "csat", "value": 5}],
        }
        assert (await cast.crm.post("/v1/feedback", json=score)).status_code == 201

    nps = await lines(cast.admin, "satisfaction", instrument="nps", interval="day", **{"from": "2026-03-01"})
    csat = await lines(cast.admin, "satisfaction")

    assert [(row["bucket"], row["nps"], row["distribution_0"]) for row in nps] == [
        ("2026-03-01T00:00:00Z", "", ""),
        ("2026-03-02T00:00:00Z", str(-100 / 3), "2"),
    ]
    assert (csat[0]["wilson_95_high"], csat[0]["distribution_5"]) == ("1.0", "3")


async def test_csv_without_rows_still_names_its_columns(cast: Cast) -> None:
    answer = await cast.admin.get(
        "/v1/metrics/volume", params={"format": "csv", "group_by": "site", "interval": "day"}
    )

    assert answer.text == "bucket,site,n,n_open,quarantined\r\n"


async def test_a_parameter_decides_the_format_before_the_header_does(cast: Cast) -> None:
    path = "/v1/metrics/volume"
    json = await cast.admin.get(path, params={"format": "json"}, headers={"accept": "text/csv"})
    text = await cast.admin.get(path, params={"format": "csv"})

    assert json.json()["total"]["n"] == 0
    assert text.text == "n,n_open,quarantined\r\n0,,0\r\n"


async def test_definitions_say_what_each_figure_means(cast: Cast) -> None:
    found = await figures(cast.admin, "definitions")

    assert [(each["name"], each["version"]) for each in found["data"]] == [
        (d.name, d.version) for d in DEFINITIONS
    ]


async def test_a_question_that_makes_no_sense_is_a_problem_that_points_at_it(cast: Cast) -> None:
    asked = {"clock": "First", "group_by": "queue", "from": "2026-03-02 09:00", "chanel": "web"}
    answer = await cast.admin.get("/v1/metrics/response-times", params=asked)

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert sorted(flaw["pointer"] for flaw in answer.json()["errors"]) == [
        "/query/chanel",
        "/query/clock",
        "/query/from",
        "/query/group_by",
    ]


@pytest.mark.parametrize("route", ROUTES)
async def test_figures_are_for_keys_that_may_read_them(cast: Cast, anyone: AsyncClient, route: str) -> None:
    answers = {
        who: (await caller.get(f"/v1/metrics/{route}")).status_code
        for who, caller in (
            ("nobody", anyone),
            ("visitor", cast.visitor),
            ("alice", cast.alice),
            ("admin", cast.admin),
        )
    }

    assert answers == {"nobody": 401, "visitor": 403, "alice": 403, "admin": 200}


async def test_openapi_describes_every_parameter(cast: Cast) -> None:
    document = cast.app.openapi()
    described = document["paths"]["/v1/metrics/response-times"]["get"]

    assert described["parameters"] == response_times()
    assert {"clock", "from", "group_by", "within", "agent", "origin", "format"} <= {
        each["name"] for each in described["parameters"]
    }
    row = document["components"]["schemas"]["ResponseTimes"]
    assert {"bucket", "agent"} <= row["properties"].keys()
    assert not {"bucket", "agent"} & set(row["required"])


def test_the_clock_of_these_tests_starts_on_a_monday() -> None:
    assert START.weekday() == 0
