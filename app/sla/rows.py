"""The rows of a ticket's clocks, made of episodes and verdicts. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.policies.definitions import BUILT_IN, Definition
from app.policies.terms import Facts, Policy, Terms
from app.sla.rules import ACTIVE, Episode, Fold, Happened, replay
from app.sla.verdicts import Judged, Told, judge
from app.tickets.rules import OPENED

MICROSECOND = timedelta(microseconds=1)
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Opened:
    """The clocks of a ticket that is not stored yet: rows without ids, due instants, where it stands."""

    rows: Sequence[Row]
    standing: str

    @property
    def next_due_at(self) -> datetime | None:
        """When the first of the running clocks falls due."""
        return next_due(self.rows)

    @property
    def promised_at(self) -> datetime | None:
        """When an answer is due, as it is promised to the customer."""
        return next((row["due_at"] for row in self.rows if row["name"] == "first_response"), None)


NO_CLOCKS = Opened((), ACTIVE)


def opening(facts: Facts, policy: Policy | None, opened_at: datetime, *, now: datetime) -> Opened:
    """Return the clocks of a ticket that is opened live.

    Nothing is said of them here, even if they fell due before they came: the watch does, at once.
    """
    opened = Happened(OPENED, 1, opened_at, priority=facts.priority)
    return _fresh(replay([opened], definitions(policy)), facts, policy, is_told=True, now=now)


def past(facts: Facts, policy: Policy | None, events: Sequence[Happened], *, now: datetime) -> Opened:
    """Return the clocks of a ticket of history: judged like any other, but nobody is told."""
    fold = replay(events, definitions(policy), priority=facts.priority)
    return _fresh(fold, facts, policy, is_told=False, now=now)


def definitions(policy: Policy | None) -> tuple[Definition, ...]:
    """Return the clocks that run on a ticket under a policy, or under none."""
    return policy.definitions if policy else BUILT_IN


def terms_of(policy: Policy | None, name: str) -> Terms | None:
    """Return what a policy says of a clock, if anything."""
    return policy.clocks.get(name) if policy else None


def judged_by(policy: Policy | None, name: str) -> Row:
    """Return the columns that say by what a clock is judged."""
    terms = terms_of(policy, name)
    return {
        "policy_id": policy.id if policy else None,
        "policy_version": policy.version if policy else None,
        "calendar_id": terms.calendar_id if terms else None,
        "calendar_version": terms.calendar_version if terms else None,
    }


def row(episode: Episode, judged: Judged, told: Told, *, is_last: bool, next_at: datetime | None) -> Row:
    """Return the columns of a clock, without its ids and by what it was judged."""
    meter = judged.meter
    return {
        "name": episode.name,
        "ordinal": episode.ordinal,
        "start_version": episode.start_version,
        "started_at": episode.started_at,
        "stopped_at": episode.stopped_at,
        "stop_version": episode.stop_version,
        "agent_id": episode.agent_id,
        "inconsistent": episode.inconsistent,
        "is_last": is_last,
        "target_seconds": None if judged.target is None else judged.target // timedelta(seconds=1),
        "due_at": judged.due_at,
        "scheduled_at": told.scheduled_at,
        "counted": meter.counted // MICROSECOND,
        "counted_until": meter.until,
        "counting": meter.counting,
        "warned": told.warned // MICROSECOND,
        "breached_at": told.breached_at,
        "revision": told.revision,
        "next_at": next_at,
    }


def next_due(rows: Sequence[Mapping[str, Any]]) -> datetime | None:
    """Return the earliest due instant of the clocks that run."""
    return min((row["due_at"] for row in rows if row["stopped_at"] is None and row["due_at"]), default=None)


def _fresh(fold: Fold, facts: Facts, policy: Policy | None, *, is_told: bool, now: datetime) -> Opened:
    rows = []
    for episode in fold.result():
        judged = judge(episode, fold.standings, terms_of(policy, episode.name), facts)
        ahead = [judged.due_at, *(at for _, at in judged.warnings)] if is_told else []
        next_at = min((at for at in ahead if at is not None), default=None)
        is_last = episode.ordinal == fold.ordinals[episode.name]
        told = Told(judged.due_at, scheduled_at=now)
        made = row(episode, judged, told, is_last=is_last, next_at=next_at)
        rows.append(made | judged_by(policy, episode.name))
    return Opened(rows, fold.stands)
