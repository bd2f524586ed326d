"""Figures on the wire.

The fields of `Keys` are there when they were asked for, else absent: they alone have a default, and answers
are written without what was never set. Everything else is always there, null where it is not known.
"""

from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, Field

RowT = TypeVar("RowT", bound="Keys")


class Named(BaseModel):
    """An id with the name people know it by; null when nothing has that id any more."""

    id: UUID
    name: str | None


class Keys(BaseModel):
    """What a row is about: the start of its bucket, and one property for each dimension of `group_by`."""

    bucket: datetime | None = Field(None, description="Start of the bucket, where an interval was asked for.")
    site: Named | None = None
    channel: str | None = None
    source: Named | None = None
    kind: str | None = None
    team: Named | None = None
    agent: Named | None = None
    priority: str | None = None
    topic: str | None = None
    product: str | None = None
    language: str | None = None
    segment: str | None = None
    policy: Named | None = None


class ResponseTimes(Keys):
    """How long customers waited; all durations in seconds, percentiles by nearest rank."""

    clock: str
    mode: str
    n: int
    n_open: int
    n_inconsistent: int
    n_unknown: int
    p50_seconds: float | None
    p90_seconds: float | None
    p95_seconds: float | None
    p99_seconds: float | None
    mean_seconds: float | None
    max_seconds: float | None
    within: dict[str, float | None] = Field(description="By seconds: which share (0 to 1) took no longer.")


class Sla(Keys):
    """Which promises were kept; lateness in seconds, percentiles by nearest rank."""

    clock: str
    n: int
    n_open: int
    n_inconsistent: int
    n_unjudged: int
    met: int
    breached: int
    overdue: int
    running: int
    paused: int
    due_soon: int
    attainment: float | None
    late_p50_seconds: float | None
    late_p90_seconds: float | None
    late_max_seconds: float | None


class Scores(Keys):
    """What customers gave on one instrument; figures are null, with a reason, for too few answers."""

    instrument: str
    instrument_version: int
    n: int
    n_open: None
    mean: float | None
    distribution: dict[str, int] | None
    reason: str | None


class Csat(Scores):
    """Satisfaction, 1 to 5; the top two are 4 and 5."""

    top_two_share: float | None
    wilson_95: tuple[float, float] | None


class Nps(Scores):
    """Net promoter score, 0 to 10: percent of 9 and 10 minus percent of 0 to 6."""

    promoters: int | None
    passives: int | None
    detractors: int | None
    nps: float | None


class Ces(Scores):
    """Customer effort, 1 to 7; easy are 5 to 7."""

    easy_share: float | None
    wilson_95: tuple[float, float] | None


class Own(Scores):
    """A scale of one's own; `normalised` says from 0 to 100 where the mean lies between its ends."""

    normalised: float | None


class Volume(Keys):
    """How much came in; quarantined submissions are counted apart."""

    n: int
    n_open: None
    quarantined: int


class Defined(BaseModel):
    """Which definition a figure follows; see `GET /v1/metrics/definitions`."""

    name: str
    version: int


class Answer(BaseModel, Generic[RowT]):
    """The rows of one question and their total, which is computed from the facts, never from the rows."""

    definition: Defined
    as_of: datetime
    from_: datetime = Field(serialization_alias="from")
    to: datetime
    tz: str
    interval: str
    group_by: list[str]
    data: list[RowT]
    total: RowT


class SlaAnswer(Answer[Sla]):
    """Which promises were kept; `as_of` is when what still ran was judged."""

    known_at: datetime | None = Field(
        None, description="What was not known by then was left out, where that was asked for."
    )


class DefinitionOut(BaseModel):
    """What a figure means: what it counts, when a fact belongs to a bucket, and what each number says."""

    name: str
    version: int
    title: str
    counts: str
    bucketed_by: str
    figures: dict[str, str]
    rules: list[str]
    dimensions: list[str]


class DefinitionsOut(BaseModel):
    """All definitions in force."""

    data: list[DefinitionOut]
