"""What a policy promises: for which tickets, and for each named clock by when. Pure.

A policy is a value at one version, and so is each calendar in it: what was judged by them can be judged again
by the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from uuid import UUID

from app.policies.calendar import Calendar
from app.policies.definitions import BUILT_IN, Definition


@dataclass(frozen=True, slots=True)
class Facts:
    """What a ticket's promises depend on."""

    kind: str
    channel: str
    priority: str = "normal"
    language: str = "und"
    segment: str | None = None
    topic: str | None = None
    product: str | None = None
    site_id: UUID | None = None
    source_id: UUID | None = None


Conditions = Mapping[str, frozenset[str | UUID]]
"""By the name of a fact: the values it may have. A fact that is not named may have any."""


def fits(facts: Facts, conditions: Conditions) -> bool:
    """Tell whether every named fact has one of its values."""
    for name, values in conditions.items():  # noqa: SIM110  (a third of the time of all() of a generator)
        if getattr(facts, name) not in values:
            return False
    return True


@dataclass(frozen=True, slots=True)
class Warning:  # noqa: A001  (what everybody calls it; Python's own is not used here)
    """When to warn: at a fraction of the target, or so much counted time before it."""

    fraction: float | None = None
    lead: timedelta | None = None

    def after(self, target: timedelta) -> timedelta:
        """Return how much must have been counted; zero or less where that is before the start."""
        return target - self.lead if self.lead is not None else target * (self.fraction or 0)


@dataclass(frozen=True, slots=True)
class Target:
    """How long it may take, for tickets that fit."""

    takes: timedelta
    conditions: Conditions


@dataclass(frozen=True)
class Terms:
    """What a policy says of one named clock. Without a calendar it runs around the clock.

    Of the targets the first that fits counts; where none does, the clock is measured, not judged.
    """

    definition: Definition
    targets: tuple[Target, ...]
    pauses_in: frozenset[str] = frozenset()
    warnings: tuple[Warning, ...] = ()
    calendar: Calendar | None = None
    calendar_id: UUID | None = None
    calendar_version: int | None = None

    def target(self, facts: Facts) -> timedelta | None:
        """Return how long it may take for this ticket."""
        for each in self.targets:
            if fits(facts, each.conditions):
                return each.takes
        return None

    @cached_property
    def marks(self) -> Mapping[timedelta, tuple[timedelta, ...]]:
        """For each target, in order: what must have been counted to warn, and last to be due.

        Who would have to be warned before the start, or when it is too late, is not.
        """
        marks = {}
        for takes in {each.takes for each in self.targets}:
            warnings = {warning.after(takes) for warning in self.warnings}
            marks[takes] = (*sorted(each for each in warnings if timedelta() < each < takes), takes)
        return marks


@dataclass(frozen=True)
class Policy:
    """One version of a policy; `rank` orders those that could apply, the lowest first."""

    id: UUID
    version: int
    name: str
    rank: int
    is_default: bool
    applies_to: Conditions
    clocks: Mapping[str, Terms]

    @cached_property
    def definitions(self) -> tuple[Definition, ...]:
        """The clocks that run under it: those every ticket has, and its own."""
        every_ticket = {each.name for each in BUILT_IN}
        own = tuple(each.definition for name, each in self.clocks.items() if name not in every_ticket)
        return BUILT_IN + own


@dataclass(frozen=True)
class Book:
    """Every policy in force, at its current version, with its calendars at theirs."""

    policies: Mapping[UUID, Policy]

    def choose(self, facts: Facts) -> Policy | None:
        """Return the policy of a new ticket: the first by rank whose conditions fit, else the default."""
        fitting = (each for each in self.in_order if each.applies_to and fits(facts, each.applies_to))
        return next(fitting, self.default)

    @cached_property
    def in_order(self) -> Sequence[Policy]:
        """The policies by rank, then name."""
        return sorted(self.policies.values(), key=lambda each: (each.rank, each.name))

    @cached_property
    def default(self) -> Policy | None:
        """The policy of those no other takes, if there is one."""
        return next((each for each in self.policies.values() if each.is_default), None)


NO_POLICIES = Book({})
