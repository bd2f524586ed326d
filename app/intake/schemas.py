"""What a sender submits, and the receipt it gets."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from app.customers.schemas import CustomerIn
from app.satisfaction.schemas import ScoreIn
from app.tickets.schemas import Channel, Language, Priority, Topic

ExternalId = Annotated[str, Field(min_length=1, max_length=200)]
AttributeValue = (
    Annotated[str, Field(max_length=1000)] | bool | int | Annotated[float, Field(allow_inf_nan=False)] | None
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


class Submission(BaseModel):
    """One thing a customer says: words, scores, or both."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [EXAMPLE]})

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
    delayed_seconds: Annotated[
        int | None, Field(ge=0, le=604_800, description="How long it was kept offline.")
    ] = None
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
            message = "feedback carries text, scores, or both"
            raise ValueError(message)
        if self.kind == "score" and not self.scores:
            message = "a score needs at least one score"
            raise ValueError(message)
        return self


class TicketReceipt(BaseModel):
    """What the sender keeps of the ticket: its reference, and a secret link for the customer."""

    id: UUID
    reference: str
    tracking_token: str
    status_url: str
    first_response_due_at: datetime | None


class Receipt(BaseModel):
    """That it is stored for certain; `duplicate` says it already was."""

    id: UUID
    kind: str
    received_at: datetime
    duplicate: bool
    ticket: TicketReceipt | None


class BatchItem(BaseModel):
    """What became of one item: a receipt's fields, or a problem."""

    model_config = ConfigDict(extra="allow")

    index: int
    status: int
    problem: dict[str, Any] | None = None


class BatchOut(BaseModel):
    """One result an item, in order."""

    results: list[BatchItem]
    accepted: int
    rejected: int
