"""What a policy would have done, on the wire."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from app.people.schemas import WHOLE
from app.policies.calendar_schemas import EXAMPLE as CALENDAR
from app.policies.calendar_schemas import CalendarIn
from app.policies.schemas import ClockName, PolicyIn
from app.sla.ledger_schemas import Verdict

Origin = Literal["live", "import"]


def _names_once(calendars: list[CalendarIn]) -> list[CalendarIn]:
    if len({each.name for each in calendars}) < len(calendars):
        raise PydanticCustomError("twice", "a calendar stands there twice")
    return calendars


class WhatIfIn(BaseModel):
    """A draft of a policy, with drafts of the calendars it names, and the tickets to try it on."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "policy": {
                        "name": "Gold",
                        "applies_to": {"segment": ["gold"]},
                        "clocks": [
                            {
                                "name": "first_response",
                                "calendar": CALENDAR["name"],
                                "targets": [{"target_seconds": 1800}],
                            }
                        ],
                    },
                    "calendars": [CALENDAR],
                    "days": 30,
                }
            ]
        },
    )

    policy: Annotated[PolicyIn, Field(description="Its name may be that of another: nothing is stored.")]
    calendars: Annotated[
        list[CalendarIn],
        Field(max_length=10, description="They go before what is stored under the same names."),
        AfterValidator(_names_once),
    ] = []
    days: Annotated[int, Field(ge=1, le=366), WHOLE] = 30
    origin: Annotated[list[Origin], Field(min_length=1, max_length=2)] = ["live", "import"]
    clock: Annotated[ClockName | None, Field(description="By default every clock.")] = None


class PromisesKept(BaseModel):
    """How promises were kept, or would have been; `running` are in time, `unjudged` have no target."""

    episodes: int
    met: int
    breached: int
    running: int
    unjudged: int
    attainment: Annotated[float | None, Field(description="met ÷ (met + breached)")]


class ChangedVerdict(BaseModel):
    """An episode whose verdict would change."""

    ticket_id: UUID
    reference: str
    ordinal: int
    then: Verdict
    draft: Verdict
    then_due_at: datetime | None
    draft_due_at: datetime | None


class ClockCompared(BaseModel):
    """A clock as it was judged and as the draft would: how many episodes become better and worse."""

    clock: str
    then: PromisesKept
    draft: PromisesKept
    better: Annotated[int, Field(description="Breached, and would be met or run in time.")]
    worse: Annotated[int, Field(description="Met or in time, and would be breached.")]
    newly_judged: Annotated[int, Field(description="Had no target, or did not run at all.")]
    examples: Annotated[
        list[ChangedVerdict], Field(description="At most 20: the worse first, then the better, then the new.")
    ]


EXAMPLE: JsonDict = {
    "as_of": "2026-11-22T10:00:00Z",
    "from": "2026-10-23T10:00:00Z",
    "to": "2026-11-22T10:00:00Z",
    "tickets": 1,
    "truncated_at": None,
    "data": [
        {
            "clock": "first_response",
            "then": {"episodes": 1, "met": 1, "breached": 0, "running": 0, "unjudged": 0, "attainment": 1.0},
            "draft": {"episodes": 1, "met": 0, "breached": 1, "running": 0, "unjudged": 0, "attainment": 0.0},
            "better": 0,
            "worse": 1,
            "newly_judged": 0,
            "examples": [
                {
                    "ticket_id": "019cadc6-9a80-7000-8000-000000000001",
                    "reference": "H-7F3K9-Q2MX4",
                    "ordinal": 1,
                    "then": "met",
                    "draft": "breached",
                    "then_due_at": "2026-11-20T11:00:00Z",
                    "draft_due_at": "2026-11-20T10:30:00Z",
                }
            ],
        }
    ],
}


class WhatIf(BaseModel):
    """What was, and what would have been: the tickets that opened in [from, to), newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    as_of: datetime
    since: Annotated[datetime, Field(alias="from")]
    until: Annotated[datetime, Field(alias="to")]
    tickets: Annotated[int, Field(description="How many were judged.")]
    truncated_at: Annotated[
        datetime | None,
        Field(description="There were too many: those that opened before this were not looked at."),
    ]
    data: list[ClockCompared]
