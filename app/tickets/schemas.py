"""Tickets on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from app.people.schemas import Ref

Kind = Literal["complaint", "question", "comment"]
Channel = Literal["web", "phone", "email", "chat", "social", "api", "in_person"]
Priority = Literal["low", "normal", "high", "urgent"]
StatusName = Literal["new", "open", "pending", "resolved", "closed"]
SlaName = Literal["breached", "warning", "ok", "none"]
Words = Annotated[str, Field(min_length=1, max_length=20_000, pattern=r"\S")]
"""What somebody says: not blank, for a blank answer would stop the clocks."""
Topic = Annotated[str, Field(min_length=1, max_length=200)]
Language = Annotated[str, Field(max_length=35, pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]


class CustomerOut(BaseModel):
    """Who spoke: a customer we know, else what a public form claimed."""

    id: UUID | None
    name: str | None
    claimed: dict[str, Any] | None


TICKET: JsonDict = {
    "id": "019cadc6-9a80-7000-8000-000000000001",
    "reference": "H-7F3K9-Q2MX4",
    "kind": "complaint",
    "channel": "web",
    "status": "open",
    "priority": "high",
    "subject": "Lift",
    "topic": "facilities",
    "product": "hotel",
    "language": "en",
    "origin": "live",
    "team": {"id": "0198c0de-0000-7000-8000-00000000000a", "name": "Billing"},
    "assignee": {"id": "0198c0de-0000-7000-8000-00000000000b", "name": "Ana Silva"},
    "customer": {"id": "0198c0de-0000-7000-8000-00000000000c", "name": "Ana", "claimed": None},
    "occurred_at": "2026-11-22T10:00:00Z",
    "received_at": "2026-11-22T10:00:00Z",
    "resolved_at": None,
    "closed_at": None,
    "segment": "gold",
    "policy": {"id": "0198c0de-0000-7000-8000-00000000000d", "name": "Gold"},
    "next_due_at": "2026-11-22T11:00:00Z",
    "sla": "ok",
    "version": 3,
}


class TicketOut(BaseModel):
    """A ticket as agents and their tools see it in a list."""

    model_config = ConfigDict(json_schema_extra={"examples": [TICKET]})

    id: UUID
    reference: str
    kind: Kind
    channel: Channel
    status: StatusName
    priority: Priority
    subject: str
    topic: str | None
    product: str | None
    language: str
    origin: Literal["live", "import"]
    team: Ref
    assignee: Ref | None
    customer: CustomerOut
    occurred_at: datetime
    received_at: datetime
    resolved_at: datetime | None
    closed_at: datetime | None
    segment: str | None
    policy: Ref | None
    next_due_at: Annotated[
        datetime | None,
        Field(description="The earliest due instant of the clocks that run; overdue if past."),
    ]
    sla: Annotated[
        SlaName,
        Field(
            description="breached: a clock of it ran past its due instant, also one that stopped since;"
            " warning: one that runs was warned of; ok: something was promised; none: nothing was."
        ),
    ]
    version: int


class TicketDetail(TicketOut):
    """One ticket, whole."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **TICKET,
                    "text": "The lift is stuck again.",
                    "external_id": "1001",
                    "attributes": {"order": "A-77"},
                    "page_url": None,
                    "follow_up_of": None,
                    "erased_at": None,
                }
            ]
        }
    )

    text: str
    external_id: str | None
    attributes: dict[str, Any] | None
    page_url: str | None
    follow_up_of: UUID | None
    erased_at: datetime | None


class TicketPage(BaseModel):
    """A page of tickets."""

    data: list[TicketOut]
    next_cursor: str | None


class TicketPatch(BaseModel):
    """A merge patch: absent stays, null clears what may be empty."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"priority": "high", "topic": "billing"}]}
    )

    subject: Annotated[str, Field(max_length=300)] | None = None
    topic: Topic | None = None
    product: Topic | None = None
    language: Language | None = None
    priority: Priority | None = None

    def fields(self) -> dict[str, str | None]:
        """Return the fields to write; what may not be empty falls back to its default when cleared."""
        defaults = {"subject": "", "language": "und", "priority": "normal"}
        given = self.model_dump(exclude_unset=True)
        return {name: defaults.get(name) if value is None else value for name, value in given.items()}


class TimelineEntry(BaseModel):
    """One thing that happened, with what was said."""

    version: int
    type: str
    at: datetime
    by: Ref | None
    text: str | None
    data: dict[str, Any]


class Decision(BaseModel):
    """Who got a ticket, by whose decision, and why; no agent: it was given back to the queue."""

    agent: Ref | None
    by: str
    reason: dict[str, Any]
    decided_at: datetime


class Decisions(BaseModel):
    """All decisions about who has a ticket, in order."""

    data: list[Decision]


class AssignTo(BaseModel):
    """Who gets the ticket."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"agent_id": "0198c0de-0000-7000-8000-000000000001"}]}
    )

    agent_id: UUID


class Timeline(BaseModel):
    """All that happened to a ticket, in order."""

    data: list[TimelineEntry]


class Claiming(BaseModel):
    """Who acts; a key bound to an agent needs no `agent_id`, any other must give one."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{}]})

    agent_id: UUID | None = None


class Acting(Claiming):
    """Who acted, and when; without `occurred_at` it happens now."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{}]})

    occurred_at: Annotated[
        AwareDatetime | None,
        Field(
            description="When it was done, in the word of software that reports it: at most 7 days back and"
            " 5 minutes ahead. A key bound to an agent can't say."
        ),
    ] = None


class Said(Acting):
    """What the agent says."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"text": "On our way."}]})

    text: Words


class TrackedMessage(BaseModel):
    """A public message, as the customer sees it."""

    by: Literal["you", "us"]
    text: str
    at: datetime


class FollowUp(BaseModel):
    """The ticket that goes on where a closed one ended, with the token by which the customer sees it."""

    reference: str
    tracking_token: str


TRACKED: JsonDict = {
    "reference": "H-7F3K9-Q2MX4",
    "kind": "complaint",
    "status": "open",
    "subject": "Lift",
    "received_at": "2026-11-22T10:00:00Z",
    "first_response_due_at": "2026-11-22T11:00:00Z",
    "messages": [
        {"by": "you", "text": "The lift is stuck again.", "at": "2026-11-22T10:00:00Z"},
        {"by": "us", "text": "On our way.", "at": "2026-11-22T10:04:30Z"},
    ],
    "follow_up": None,
}


class Tracked(BaseModel):
    """What a customer sees of a ticket by its token."""

    model_config = ConfigDict(json_schema_extra={"examples": [TRACKED]})

    reference: str
    kind: Kind
    status: StatusName
    subject: str
    received_at: datetime
    first_response_due_at: Annotated[
        datetime | None, Field(description="As promised today: an edit of the policy may have moved it.")
    ]
    messages: list[TrackedMessage]
    follow_up: FollowUp | None
