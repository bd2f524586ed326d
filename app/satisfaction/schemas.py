"""Instruments and scores on the wire."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.people.schemas import WHOLE

InstrumentName = Annotated[str, Field(max_length=40, pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Value = Annotated[float, Field(ge=-100_000, le=100_000, allow_inf_nan=False)]


class InstrumentIn(BaseModel):
    """A new instrument, or with a known name its next version."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "stars", "low": 1, "high": 5, "question": "How was your stay?"}]
        },
    )

    name: InstrumentName
    kind: Literal["csat", "nps", "ces", "scale"] = "scale"
    low: Annotated[int, Field(ge=-1000, le=1000), WHOLE]
    high: Annotated[int, Field(ge=-1000, le=1000), WHOLE]
    step: Annotated[float, Field(ge=0.001, lt=1000, allow_inf_nan=False)] = 1
    question: Annotated[str, Field(max_length=500)] = ""

    @model_validator(mode="after")
    def _scale_makes_sense(self) -> Self:
        if self.step != round(self.step, 3):
            raise PydanticCustomError("no_scale", "a step has three decimals at most")
        standard = {"nps": (0, 10), "ces": (1, 7), "csat": (1, 5)}.get(self.kind)
        if self.low >= self.high or self.step > self.high - self.low:
            raise PydanticCustomError("no_scale", "low must lie below high, and a step must fit between them")
        if standard and (self.low, self.high, self.step) != (*standard, 1):
            message = f"{self.kind} runs from {standard[0]} to {standard[1]}; another scale is kind `scale`"
            raise PydanticCustomError("no_scale", message)
        return self


class InstrumentOut(BaseModel):
    """An instrument."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    version: int
    kind: str
    low: int
    high: int
    step: float
    question: str
    created_at: datetime


class ScoreIn(BaseModel):
    """One score: the value given and, where asked, the value expected, perhaps about one dimension."""

    model_config = ConfigDict(extra="forbid")

    instrument: InstrumentName
    value: Value
    expected: Value | None = None
    dimension: Annotated[str, Field(max_length=40, pattern=r"^[a-z][a-z0-9_]{0,39}$")] | None = None
