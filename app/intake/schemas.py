"""What a sender submits, and the receipt it gets."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from app.customers.schemas import CustomerIn
from app.people.schemas import WHOLE
from app.satisfaction.schemas import ScoreIn
from app.tickets.schemas import Channel, Language, Priority, Topic

LARGEST = 2**53 - 1
"""Beyond it a number means different things to different readers."""
ExternalId = Annotated[str, Field(min_length=1, max_length=200)]
AttributeValue = (
    Annotated[str, Field(max_length=1000)]
    | bool
    | Annotated[int, Field(ge=-LARGEST, le=LARGEST)]
    | Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
    | None
)

EXAMPLE: JsonDict = {
    "kind": "complaint",
    "text": "The lift is stuck again.",
    "subject": "Lift",
    "channel": "web",
    "language": "en",
    "topic": "facilities",
    "scores": [{"instrument": "csat", "value": 2}],
}


SCORES: JsonDict = {"required": ["scores"], "properties": {"scores": {"minItems": 1}}}
WORDS: JsonDict = {"required": ["text"], "properties": {"text": {"pattern": r"\S"}}}
IS_SCORE: JsonDict = {"properties": {"kind": {"const": "score"}}}


class Submission(BaseModel):
    """One thing a customer says: words, scores, or both."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [EXAMPLE], "anyOf": [WORDS, SCORES], "if": IS_SCORE, "then": SCORES},
    )

    kind: Literal["complaint", "question", "comment", "score"]
    text: Annotated[str, Field(max_length=20_000)] = ""
    subject: Annotated[str, Field(max_length=300)] = ""
    channel: Annotated[
        Channel | None, Field(description="Unset: web for a site key, api for a secret one.")
    ] = None
    language: Language | None = None
    topic: Topic | None = None
    product: Topic | None = None
    priority: Annotated[Priority | None, Field(description="Secret keys only.")] = None
    customer: CustomerIn | None = None
    source: Annotated[str | None, Field(min_length=1, max_length=200, description="Secret keys only.")] = None
    external_id: Annotated[ExternalId | None, Field(description="Your id of this; secret keys only.")] = None
    occurred_at: Annotated[AwareDatetime | None, Field(description="When it was said; secret keys only.")] = (
        None
    )
    ticket_id: Annotated[
        UUID | None, Field(description="The ticket scores hang on; kind score, secret keys only.")
    ] = None
    delayed_seconds: (
        Annotated[int, Field(ge=0, le=604_800, description="How long it was kept offline."), WHOLE] | None
    ) = None
    scores: Annotated[tuple[ScoreIn, ...], Field(max_length=20)] = ()
    attributes: Annotated[
        dict[Annotated[str, Field(max_length=64)], AttributeValue] | None, Field(max_length=50)
    ] = None
    page_url: Annotated[str | None, Field(max_length=2000)] = None
    submission_id: Annotated[
        UUID | None, Field(description="A random UUIDv4: makes a retry safe, as Idempotency-Key does.")
    ] = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.text.strip() and not self.scores:
            raise PydanticCustomError("says_nothing", "feedback carries text, scores, or both")
        if self.kind == "score" and not self.scores:
            raise PydanticCustomError("says_nothing", "a score needs at least one score")
        return self


RECEIPT: JsonDict = {
    "id": "019cadc6-9a80-7000-8000-000000000001",
    "kind": "complaint",
    "received_at": "2026-11-22T10:00:00Z",
    "duplicate": False,
    "ticket": {
        "id": "019cadc6-9a80-7000-8000-000000000001",
        "reference": "H-7F3K9-Q2MX4",
        "tracking_token": "AZytxpqAcACAAAAAAAAAAQABVOdHqkbH2yFcV1x3T0n5Aw",
        "status_url": "https://heard.example.org/v1/track/AZytxpqAcACAAAAAAAAAAQABVOdHqkbH2yFcV1x3T0n5Aw",
        "first_response_due_at": None,
    },
}


class TicketReceipt(BaseModel):
    """What the sender keeps of the ticket: its reference, and a secret link for the customer."""

    id: UUID
    reference: str
    tracking_token: str
    status_url: str
    first_response_due_at: datetime | None


class Receipt(BaseModel):
    """That it is stored for certain; `duplicate` says it already was."""

    model_config = ConfigDict(json_schema_extra={"examples": [RECEIPT]})

    id: UUID
    kind: str
    received_at: datetime
    duplicate: bool
    ticket: TicketReceipt | None


class BatchItem(BaseModel):
    """What became of one item: a receipt's fields, or a problem."""

    index: int
    status: int
    id: UUID | None = None
    kind: str | None = None
    received_at: datetime | None = None
    duplicate: bool | None = None
    ticket: TicketReceipt | None = None
    problem: Annotated[dict[str, Any] | None, Field(description="As the body of an error has it.")] = None


class BatchOut(BaseModel):
    """One result an item, in order."""

    results: list[BatchItem]
    accepted: int
    rejected: int
