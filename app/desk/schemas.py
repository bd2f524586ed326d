"""What a customer adds to a ticket."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.satisfaction.schemas import ScoreIn
from app.tickets.schemas import Words


class CustomerSays(BaseModel):
    """What the customer adds: words, scores, or both."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"text": "It stopped again."}]})

    text: Words | None = None
    scores: Annotated[list[ScoreIn], Field(max_length=20)] = []
