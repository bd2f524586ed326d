"""History as a loader sends it: one ticket or score a line, its facts at their own times."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from app.customers.schemas import CustomerIn
from app.intake.schemas import ExternalId
from app.satisfaction.schemas import ScoreIn
from app.tickets.schemas import Channel, Language, Priority, Topic, Words

Who = Annotated[
    str, Field(min_length=1, max_length=200, description="An agent's name; an unknown one is created.")
]
EXAMPLE: JsonDict = {
    "source": "legacy",
    "external_id": "1012",
    "kind": "question",
    "channel": "email",
    "occurred_at": "2023-01-02T00:58:36Z",
    "subject": "Feature request",
    "priority": "low",
    "team": "1st line support",
    "agent": "Kristos Westoll",
    "events": [
        {"type": "replied", "at": "2023-01-02T01:03:17.432Z"},
        {"type": "resolved", "at": "2023-01-04T00:31:51.694Z"},
    ],
    "scores": [{"instrument": "csat", "value": 3, "at": "2023-01-04T04:02:59.013Z"}],
}


class HistoryEvent(BaseModel):
    """Something that happened to the ticket; without an agent, the ticket's agent did it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["replied", "customer_replied", "noted", "pended", "resolved", "reopened", "closed"]
    at: AwareDatetime
    agent: Who | None = None
    text: Words | None = None


class HistoryScore(ScoreIn):
    """A score and when it was given; unset, when the ticket was resolved, else when it was opened."""

    at: AwareDatetime | None = None


class HistoryLine(BaseModel):
    """One ticket, or with kind score a score alone or on an earlier ticket of the same source."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [EXAMPLE]})

    source: Annotated[str, Field(min_length=1, max_length=200, description="An unknown source is created.")]
    external_id: ExternalId
    kind: Literal["complaint", "question", "comment", "score"]
    channel: Channel = "api"
    occurred_at: AwareDatetime
    subject: Annotated[str, Field(max_length=300)] = ""
    text: Annotated[str, Field(max_length=20_000)] = ""
    language: Language = "und"
    topic: Topic | None = None
    product: Topic | None = None
    priority: Priority = "normal"
    team: (
        Annotated[str, Field(min_length=1, max_length=200, description="An unknown team is created.")] | None
    ) = None
    agent: Who | None = None
    ticket: Annotated[
        ExternalId | None, Field(description="The external id of the ticket a score hangs on.")
    ] = None
    customer: CustomerIn | None = None
    events: Annotated[tuple[HistoryEvent, ...], Field(max_length=1000)] = ()
    scores: Annotated[tuple[HistoryScore, ...], Field(max_length=20)] = ()

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.kind == "score" and (not self.scores or self.events):
            raise PydanticCustomError("not_its_kind", "a score has scores, and no events")
        if self.kind != "score" and self.ticket is not None:
            raise PydanticCustomError("not_its_kind", "only a score hangs on another ticket")
        return self


class ImportItem(BaseModel):
    """What became of one line: 201 loaded, 200 there already, else refused with a problem."""

    index: int
    status: int
    id: UUID | None = None
    problem: dict[str, Any] | None = None


class ImportOut(BaseModel):
    """One result a line, in order."""

    import_id: UUID
    results: list[ImportItem]
    accepted: int
    unchanged: int
    rejected: int


class UndoneOut(BaseModel):
    """How many tickets and lone scores an undone import took with it."""

    import_id: UUID
    removed: int
