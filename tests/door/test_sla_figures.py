"""Promises through the doors: made by a policy, kept or broken at the desk, measured, shown."""

from typing import Any

import pytest

from app.metrics.parameters import sla
from tests.acts import act, read
from tests.cast import Cast, complain, create
from tests.conftest import TestClock
from tests.door.test_metrics import figures, lines

PROMISED: dict[str, Any] = {
    "name": "Gold",
    "default": True,
    "clocks": [
        {"name": "first_response", "targets": [{"target_seconds": 120}]},
        {
            "name": "callback",
            "starts_on": ["replied"],
            "stops_on": ["noted"],
            "targets": [{"target_seconds": 30}],
        },
    ],
}


@pytest.fixture
async def kept(cast: Cast, clock: TestClock) -> Cast:
    """Alice answers at the very instant it is due, Bob a second late; one waits too long, one not yet."""
    await create(cast.admin, "policies", **PROMISED)
    tickets = [(await complain(cast.crm, topic="lift"))["id"] for _ in range(3)]
    clock.advance(seconds=120)
    await act(cast.alice, tickets[0], "reply", text="In time.")
    clock.advance(seconds=1)
    await act(cast.bob, tickets[1], "reply", text="Late.")
    await complain(cast.crm, topic="=1+1")
    return cast


async def test_promises_are_counted_kept_broken_and_running(kept: Cast) -> None:
    found = await figures(kept.admin, "sla")

    assert found == {
        "definition": {"name": "sla", "version": 1},
        "as_of": "2026-03-02T09:02:01Z",
        "from": "2026-01-31T09:02:01Z",
        "to": "2026-03-02T09:02:01.000001Z",
        "tz": "UTC",
        "interval": "none",
        "group_by": [],
        "data": [found["total"]],
        "total": {
            "clock": "first_response", "n": 3, "n_open": 2, "n_inconsistent": 0, "n_unjudged": 0, "met": 1,
            "breached": 2, "overdue": 1, "running": 1, "paused": 0, "due_soon": 1, "attainment": 1 / 3,
            "late_p50_seconds": 1.0, "late_p90_seconds": 1.0, "late_max_seconds": 1.0,
        },
    }  # fmt: skip


async def test_a_promise_is_judged_as_of_an_instant_by_what_was_known_then(kept: Cast) -> None:
    """At 9:02 Bob had not answered: the answer is there all the same, unless only what was known counts."""
    moment = {"as_of": "2026-03-02T09:02:00Z"}
    judged = await figures(kept.admin, "sla", **moment)
    known = await figures(kept.admin, "sla", known_at="2026-03-02T10:02:00+01:00")

    assert (judged["as_of"], "known_at" in judged) == (moment["as_of"], False)
    assert (known["as_of"], known["known_at"]) == (moment["as_of"], moment["as_of"])
    names = ("met", "breached", "overdue", "running", "due_soon")
    # Without `to` it asks for what began by then.
    assert [judged["total"][name] for name in names] == [1, 1, 0, 1, 1]
    assert [known["total"][name] for name in names] == [1, 0, 0, 2, 2]


async def test_a_clock_of_ones_own_has_figures_from_the_day_a_policy_has_it(kept: Cast) -> None:
    found = await figures(kept.admin, "sla", clock="callback", group_by="policy")
    took = await figures(kept.admin, "response-times", clock="callback")
    refused = await kept.admin.get("/v1/metrics/sla?clock=call_back")

    assert [(row["policy"]["name"], row["running"], row["n"]) for row in found["data"]] == [("Gold", 2, 0)]
    assert (took["definition"]["name"], took["total"]["n_open"]) == ("response_time.own", 2)
    assert refused.status_code == 422
    assert [flaw["pointer"] for flaw in refused.json()["errors"]] == ["/query/clock"]


async def test_business_time_is_null_where_a_policy_names_no_calendar(kept: Cast) -> None:
    total = (await figures(kept.admin, "response-times", mode="business", within="60"))["total"]

    assert {name: total[name] for name in ("mode", "n", "n_open", "n_unknown", "max_seconds", "within")} == {
        "mode": "business", "n": 0, "n_open": 2, "n_unknown": 2, "max_seconds": None, "within": {"60": None},
    }  # fmt: skip


async def test_promises_as_csv_have_a_line_a_row(kept: Cast) -> None:
    rows = await lines(kept.admin, "sla", group_by="topic,agent")

    assert [(row["topic"], row["agent"], row["n"], row["attainment"]) for row in rows] == [
        ("'=1+1", "", "0", ""),
        ("lift", "Alice", "1", "1.0"),
        ("lift", "Bob", "1", "0.0"),
        ("lift", "", "1", "0.0"),
    ]


async def test_a_customer_sees_by_when_an_answer_was_promised(kept: Cast) -> None:
    receipt = await complain(kept.crm)
    token = receipt["ticket"]["tracking_token"]
    promised = await read(kept.visitor, f"/v1/track/{token}")
    await act(kept.alice, receipt["id"], "reply", text="Here.")
    answered = await read(kept.visitor, f"/v1/track/{token}")

    assert promised["first_response_due_at"] == "2026-03-02T09:04:01Z"
    assert answered["first_response_due_at"] == promised["first_response_due_at"]


async def test_openapi_describes_what_may_be_asked_of_promises(cast: Cast) -> None:
    described = cast.app.openapi()["paths"]["/v1/metrics/sla"]["get"]

    assert described["parameters"] == sla()
    assert {"clock", "as_of", "known_at", "policy", "segment", "origin"} <= {
        each["name"] for each in described["parameters"]
    }
    assert not {"mode", "within"} & {each["name"] for each in described["parameters"]}
