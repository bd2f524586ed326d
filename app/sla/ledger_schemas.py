"""The clocks of a ticket on the wire, with their working."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.people.schemas import Ref
from app.policies.schemas import Standing
from app.tickets.schemas import Priority

Verdict = Literal["met", "breached", "running", "none"]
State = Literal["running", "paused", "stopped"]


class PolicyAt(Ref):
    """A policy at the version by which a clock was judged."""

    version: int


class CalendarAt(Ref):
    """A calendar at the version by which a clock counts."""

    version: int
    zone: str


class WarningTold(BaseModel):
    """A warning: after how much counted time, when that was or will be, and whether it was said."""

    after_seconds: float
    at: Annotated[datetime | None, Field(description="Null where the clock stopped, or stands, before it.")]
    said: bool


class SegmentOut(BaseModel):
    """A span of time that counted, or did not, and why."""

    begins: Annotated[datetime, Field(alias="from")]
    ends: Annotated[datetime, Field(alias="to")]
    counted: bool
    reason: Annotated[
        str | None,
        Field(
            description="`outside hours`, `holiday: …`, `pending`, `resolved`, `closed`, `nothing promised`"
            " where no policy says how to count; null where it counted."
        ),
    ]
    seconds: float
    projected: Annotated[bool, Field(description="It lies ahead: so it will be if nothing happens.")]


class EpisodeOut(BaseModel):
    """One span of waiting by one clock: what it was judged by, what came of it, and every segment of it."""

    name: str
    ordinal: int
    state: State
    verdict: Annotated[
        Verdict, Field(description="A clock that runs past its due instant is breached; `none`: no target.")
    ]
    target_seconds: float | None
    counted_seconds: Annotated[float, Field(description="Up to its end, or `as_of`.")]
    remaining_seconds: Annotated[float | None, Field(description="Of a running clock with a target.")]
    started_at: datetime
    stopped_at: datetime | None
    due_at: Annotated[
        datetime | None, Field(description="Null while it is paused; of one that stopped, as if it had not.")
    ]
    late_seconds: Annotated[float | None, Field(description="Null where it was not late.")]
    elapsed_seconds: Annotated[float | None, Field(description="By the clock on the wall.")]
    business_seconds: Annotated[float | None, Field(description="Open time; null without a calendar.")]
    agent: Annotated[Ref | None, Field(description="Who stopped it.")]
    priority: Priority
    inconsistent: Annotated[bool, Field(description="It ended before it began, and is not measured.")]
    retroactive: Annotated[bool, Field(description="It was due before anybody could know, and breached.")]
    revision: Annotated[int, Field(description="How often a breach was taken back.")]
    policy: PolicyAt | None
    calendar: Annotated[CalendarAt | None, Field(description="Null: around the clock.")]
    pauses_in: list[Standing]
    warnings: list[WarningTold]
    segments: list[SegmentOut]
    segments_from: Annotated[
        datetime | None, Field(description="Where older segments are left out: from when on they are shown.")
    ]


class Ledger(BaseModel):
    """Every clock of a ticket, in the order they started, with its working."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "ticket_id": "019cadc6-9a80-7000-8000-000000000001",
                    "as_of": "2026-11-20T16:40:00Z",
                    "policy": {"id": "0198c0de-0000-7000-8000-00000000000e", "name": "Gold"},
                    "data": [
                        {
                            "name": "first_response",
                            "ordinal": 1,
                            "state": "running",
                            "verdict": "running",
                            "target_seconds": 3600,
                            "counted_seconds": 600,
                            "remaining_seconds": 3000,
                            "started_at": "2026-11-20T16:30:00Z",
                            "stopped_at": None,
                            "due_at": "2026-11-23T09:30:00Z",
                            "late_seconds": None,
                            "elapsed_seconds": 600,
                            "business_seconds": 600,
                            "agent": None,
                            "priority": "normal",
                            "inconsistent": False,
                            "retroactive": False,
                            "revision": 0,
                            "policy": {
                                "id": "0198c0de-0000-7000-8000-00000000000e",
                                "name": "Gold",
                                "version": 2,
                            },
                            "calendar": {
                                "id": "0198c0de-0000-7000-8000-00000000000d",
                                "name": "Lisbon office",
                                "version": 1,
                                "zone": "Europe/Lisbon",
                            },
                            "pauses_in": [],
                            "warnings": [
                                {"after_seconds": 2700, "at": "2026-11-23T09:15:00Z", "said": False}
                            ],
                            "segments": [
                                {
                                    "from": "2026-11-20T16:30:00Z",
                                    "to": "2026-11-20T16:40:00Z",
                                    "counted": True,
                                    "reason": None,
                                    "seconds": 600,
                                    "projected": False,
                                },
                                {
                                    "from": "2026-11-20T16:40:00Z",
                                    "to": "2026-11-20T17:00:00Z",
                                    "counted": True,
                                    "reason": None,
                                    "seconds": 1200,
                                    "projected": True,
                                },
                                {
                                    "from": "2026-11-20T17:00:00Z",
                                    "to": "2026-11-23T09:00:00Z",
                                    "counted": False,
                                    "reason": "outside hours",
                                    "seconds": 230400,
                                    "projected": True,
                                },
                                {
                                    "from": "2026-11-23T09:00:00Z",
                                    "to": "2026-11-23T09:30:00Z",
                                    "counted": True,
                                    "reason": None,
                                    "seconds": 1800,
                                    "projected": True,
                                },
                            ],
                            "segments_from": None,
                        }
                    ],
                }
            ]
        }
    )

    ticket_id: UUID
    as_of: datetime
    policy: Ref | None
    data: list[EpisodeOut]
