"""2,330 real support tickets under the policy they were promised: our verdicts against their labels."""

import csv
from functools import cache
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from app.models.sla import Clock
from app.models.tickets import Ticket
from app.services import Services
from tests.cast import Cast, create
from tests.door.test_real_support_tickets import figures, load
from tests.real_data import real_data

DAY = 86_400
PROMISED: dict[str, Any] = {
    "name": "As promised",
    "default": True,
    "clocks": [
        {
            "name": "first_response",
            "targets": [
                {"when": {"channel": ["chat", "phone"]}, "target_seconds": 120},
                {"target_seconds": 3600},
            ],
        },
        {
            "name": "resolution",
            "targets": [
                {"when": {"channel": ["chat"]}, "target_seconds": DAY},
                {"target_seconds": 2 * DAY},
            ],
            "pauses_in": [],
        },
    ],
}
WITHIN, VIOLATED = "Within SLA", "SLA Violated"
YEAR_END = "2023-12-31T00:00:00Z"
# Answered in time, as their own instants say, and labelled as violated all the same.
MISLABELLED = [
    "1412", "1413", "1420", "1421", "1424", "1425", "1426", "1427", "1428", "1429", "1430", "1432", "1433",
    "1434",
]  # fmt: skip


@cache
def labels(column: str) -> dict[str, str]:
    """Return what the file says of each ticket."""
    with real_data("technical_support_sla.csv").open(encoding="utf-8", newline="") as file:
        return {row["Ticket ID"]: row[column] for row in csv.DictReader(file)}


async def verdicts(services: Services, clock: str) -> dict[str, str]:
    """Return what we say of each ticket's answers, but for those that came before their ticket."""
    query = (
        select(Ticket.external_id, Clock.stopped_at <= Clock.due_at)
        .join(Clock, Clock.ticket_id == Ticket.id)
        .where(Clock.name == clock, Clock.stopped_at.is_not(None), ~Clock.inconsistent)
    )
    found = await services.read(lambda session: session.execute(query).all())
    return {str(ticket): WITHIN if in_time else VIOLATED for ticket, in_time in found}


async def test_the_whole_file_is_judged_as_it_was_labelled_but_where_its_labels_err(
    cast: Cast, services: Services
) -> None:
    await create(cast.admin, "policies", **PROMISED)
    assert (await load(cast.admin, str(uuid4())))["accepted"] == 2330

    answered = (await figures(cast.admin, "sla", clock="first_response"))["total"]
    assert answered | {
        "met": 2031, "breached": 279 + 18, "overdue": 18, "n_inconsistent": 2, "n_unjudged": 0,
    } == answered  # fmt: skip
    of_answers = await verdicts(services, "first_response")
    said = labels("SLA For first response")
    assert sorted(ticket for ticket, ours in of_answers.items() if said[ticket] != ours) == MISLABELLED
    assert {of_answers[ticket] for ticket in MISLABELLED} == {WITHIN}

    resolved = (await figures(cast.admin, "sla", clock="resolution"))["total"]
    assert (resolved["met"], resolved["breached"], resolved["overdue"]) == (1546, 366 + 418, 418)
    of_resolutions = await verdicts(services, "resolution")
    said = labels("SLA For Resolution")
    assert len(of_resolutions) == 1912
    assert of_resolutions == {ticket: said[ticket] for ticket in of_resolutions}


async def test_what_was_in_violation_at_the_end_of_the_year_and_what_was_known_of_it(cast: Cast) -> None:
    """Two tickets fell due after the turn of the year and were resolved late: then they were in time yet."""
    await create(cast.admin, "policies", **PROMISED)
    await load(cast.admin, str(uuid4()))

    judged = await figures(cast.admin, "sla", clock="resolution", as_of=YEAR_END)
    known = await figures(cast.admin, "sla", clock="resolution", known_at=YEAR_END)
    per_channel = await figures(cast.admin, "sla", clock="resolution", known_at=YEAR_END, group_by="channel")

    assert sum(label == VIOLATED for label in labels("SLA For Resolution").values()) == 783
    assert (judged["total"]["breached"], judged["total"]["running"], judged["as_of"]) == (783, 1, YEAR_END)
    assert "known_at" not in judged
    assert (known["total"]["breached"], known["as_of"], known["known_at"]) == (781, YEAR_END, YEAR_END)
    assert sum(row["breached"] for row in per_channel["data"]) == 781
