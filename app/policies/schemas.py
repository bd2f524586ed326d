"""Policies on the wire."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from app.people.schemas import WHOLE, Ref, ShortName
from app.policies.calendar_schemas import MOST_SECONDS
from app.policies.documents import BUILT_IN_NAMES
from app.tickets.schemas import Channel, Kind, Language, Priority, Topic

EventWord = Literal[
    "opened", "assigned", "unassigned", "replied", "noted", "customer_replied", "pended", "resolved",
    "reopened", "closed",
]  # fmt: skip
Standing = Literal["pending", "resolved", "closed"]
Seconds = Annotated[int, Field(ge=1, le=MOST_SECONDS), WHOLE]
ClockName = Annotated[str, Field(max_length=40, pattern="^[a-z][a-z0-9_]{0,39}$")]
T = TypeVar("T", bound=str)


def _as_set(values: list[T]) -> list[T]:
    return sorted(set(values))


Kinds = Annotated[list[Kind], Field(max_length=10), AfterValidator(_as_set)]
Channels = Annotated[list[Channel], Field(max_length=10), AfterValidator(_as_set)]
Priorities = Annotated[list[Priority], Field(max_length=10), AfterValidator(_as_set)]
Languages = Annotated[list[Language], Field(max_length=100), AfterValidator(_as_set)]
Topics = Annotated[list[Topic], Field(max_length=200), AfterValidator(_as_set)]
Segments = Annotated[list[ShortName], Field(max_length=200), AfterValidator(_as_set)]
VIEWS = frozenset({"resolution_first"})
"""What figures call a view of a built-in clock."""
EventWords = Annotated[list[EventWord], Field(max_length=10), AfterValidator(_as_set)]
Standings = Annotated[list[Standing], Field(max_length=10), AfterValidator(_as_set)]

EXAMPLE: JsonDict = {
    "name": "Gold",
    "default": False,
    "rank": 10,
    "applies_to": {"segment": ["gold"]},
    "clocks": [
        {
            "name": "first_response",
            "calendar": None,
            "targets": [
                {"when": {"priority": ["urgent"], "channel": ["chat", "phone"]}, "target_seconds": 900},
                {"target_seconds": 3600},
            ],
            "warnings": [{"fraction": 0.75}, {"before_seconds": 300}],
        },
        {
            "name": "acknowledge",
            "starts_on": ["opened"],
            "stops_on": ["assigned"],
            "targets": [{"target_seconds": 600}],
        },
    ],
}


class AppliesTo(BaseModel):
    """For which tickets a policy is; an empty list is for any."""

    model_config = ConfigDict(extra="forbid")

    kind: Kinds = []
    channel: Channels = []
    segment: Segments = []
    topic: Topics = []
    product: Topics = []
    language: Languages = []
    site: Annotated[list[ShortName], Field(max_length=200, description="Names or ids.")] = []
    source: Annotated[list[ShortName], Field(max_length=200, description="Names or ids.")] = []


class When(BaseModel):
    """For which tickets a target is; an empty list is for any."""

    model_config = ConfigDict(extra="forbid")

    priority: Priorities = []
    channel: Channels = []
    kind: Kinds = []
    segment: Segments = []

    def takes_all_of(self, other: "When") -> bool:
        """Whether every ticket that fits the other one fits this one."""
        lists = ((getattr(self, name), getattr(other, name)) for name in type(self).model_fields)
        return all(not mine or (theirs and set(theirs) <= set(mine)) for mine, theirs in lists)


class TargetIn(BaseModel):
    """How long it may take, for tickets that fit."""

    model_config = ConfigDict(extra="forbid")

    when: When = When()
    target_seconds: Annotated[
        Seconds, Field(description="Counted: open hours of the clock's calendar, without pauses.")
    ]


class WarningIn(BaseModel):
    """When to warn, in counted time: at a fraction of the target, or so long before it, if it has begun."""

    model_config = ConfigDict(extra="forbid")

    fraction: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] | None = None
    before_seconds: Seconds | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.fraction is None) == (self.before_seconds is None):
            raise PydanticCustomError("either_or", "either `fraction` or `before_seconds`")
        return self


def _reachable(targets: list[TargetIn]) -> list[TargetIn]:
    for place, target in enumerate(targets):
        if any(earlier.when.takes_all_of(target.when) for earlier in targets[:place]):
            message = f"no ticket gets as far as target {place + 1}: an earlier one takes all that fit it"
            raise PydanticCustomError("unreachable", message)
    return targets


class ClockTerms(BaseModel):
    """What is promised by a named clock; of the targets the first that fits counts."""

    model_config = ConfigDict(extra="forbid")

    name: ClockName
    starts_on: Annotated[EventWords, Field(description="Of a clock of your own only.")] = []
    stops_on: Annotated[EventWords, Field(description="Of a clock of your own only.")] = []
    targets: Annotated[list[TargetIn], Field(min_length=1, max_length=50), AfterValidator(_reachable)]
    warnings: Annotated[list[WarningIn], Field(max_length=5)] = []


class ClockIn(ClockTerms):
    """A clock of a policy."""

    calendar: Annotated[ShortName, Field(description="Name or id.")] | None = None
    pauses_in: (
        Annotated[Standings, Field(description="By default `pending` for the resolution, else nothing.")]
        | None
    ) = None

    @model_validator(mode="after")
    def _events(self) -> Self:
        if self.name in VIEWS:
            raise PydanticCustomError("reserved", "figures have a view of that name")
        if self.name in BUILT_IN_NAMES and (self.starts_on or self.stops_on):
            raise PydanticCustomError("built_in", "what starts and stops this clock is built in")
        if self.name not in BUILT_IN_NAMES and not (self.starts_on and self.stops_on):
            raise PydanticCustomError("incomplete", "a clock of your own has `starts_on` and `stops_on`")
        if not set(self.starts_on).isdisjoint(self.stops_on):
            raise PydanticCustomError("stops_at_start", "what starts a clock does not stop it too")
        return self

    @model_validator(mode="after")
    def _pauses(self) -> Self:
        if self.pauses_in is None:
            self.pauses_in = ["pending"] if self.name == "resolution" else []
        return self


def _names_once(clocks: list[ClockIn]) -> list[ClockIn]:
    if len({each.name for each in clocks}) < len(clocks):
        raise PydanticCustomError("twice", "a clock stands there twice")
    return clocks


class PolicyIn(BaseModel):
    """What is promised to whom: the lowest rank that fits a new ticket counts, else the default.

    A policy that applies to nothing and is no default counts where a rule names it.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    name: ShortName
    default: Annotated[bool, Field(description="Takes the place of any other default.")] = False
    rank: Annotated[
        int, Field(ge=0, le=1_000_000, description="Of several that apply the lowest counts."), WHOLE
    ] = 100
    applies_to: AppliesTo = AppliesTo()
    clocks: Annotated[list[ClockIn], Field(max_length=20), AfterValidator(_names_once)]

    def document(self) -> dict[str, Any]:
        """Return what is stored, but for what is named by id there."""
        return self.model_dump(mode="json", exclude={"default"})


class ClockOut(ClockTerms):
    """A clock of a policy."""

    calendar: Ref | None
    pauses_in: Sequence[Standing]


class PolicyOut(BaseModel):
    """A policy at a version, and when that was made; whether it is the default is told as of now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-00000000000e",
                    "name": "Gold",
                    "default": False,
                    "rank": 10,
                    "applies_to": {"segment": ["gold"]},
                    "clocks": [
                        {
                            "name": "first_response",
                            "calendar": {
                                "id": "0198c0de-0000-7000-8000-00000000000d",
                                "name": "Lisbon office",
                            },
                            "pauses_in": [],
                            "targets": [{"target_seconds": 3600}],
                            "warnings": [{"fraction": 0.75}],
                        }
                    ],
                    "version": 1,
                    "created_at": "2026-11-01T08:00:00Z",
                }
            ]
        }
    )

    id: UUID
    name: str
    default: bool
    rank: int
    applies_to: AppliesTo
    clocks: list[ClockOut]
    version: int
    created_at: datetime
