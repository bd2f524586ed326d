"""A ticket's clocks with their working: what counted when, and what did not and why.

Nothing of it is stored. The events are replayed, and each episode is judged again by the very versions it was
judged by, and at the priority it ended with: so what is over can be explained after every edit.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter, itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.models.sla import Calendar, Policy
from app.models.tickets import Ticket
from app.people import store as people
from app.people.rules import Viewer
from app.policies import book
from app.policies import store as policy_store
from app.policies.calendar import elapsed
from app.policies.definitions import BUILT_IN
from app.policies.terms import Facts, Terms
from app.sla import segments, store
from app.sla.cases import Stored
from app.sla.clocks import facts_of, happened
from app.sla.ledger_schemas import Ledger, Verdict
from app.sla.rows import MICROSECOND
from app.sla.rules import Episode, Fold, replay
from app.sla.segments import Segment
from app.sla.verdicts import NOTHING, Judged, breach, judge, late
from app.tickets import store as tickets


@dataclass(frozen=True, slots=True)
class Kept:
    """What is stored of a ticket's clocks, and by what terms each was judged (by its id); names by id."""

    ticket_id: UUID
    policy_id: UUID | None
    facts: Facts
    clocks: Sequence[Stored]
    events: Sequence[Any]
    terms: Mapping[UUID, Terms | None]
    names: Mapping[UUID, str]


def read(session: Session, *, ticket_id: UUID, seen_by: Viewer) -> Kept:
    """Return what the ledger of a ticket is made of.

    Raises:
        NotFoundError: there is no such ticket, or not for this viewer.
    """
    ticket = tickets.get(session, ticket_id, seen_by=seen_by)
    clocks = store.all_clocks(session, [ticket_id])[ticket_id]
    return Kept(
        ticket_id,
        ticket.policy_id,
        facts_of(ticket),
        clocks,
        store.all_events(session, [ticket_id])[ticket_id],
        _terms(session, clocks),
        _names(session, ticket, clocks),
    )


def _terms(session: Session, clocks: Sequence[Stored]) -> dict[UUID, Terms | None]:
    """Return what each clock was judged by; the same versions are read once."""
    versions = attrgetter("policy_id", "policy_version", "calendar_id", "calendar_version")
    found = {}
    for by in {versions(each) for each in clocks if each.policy_id is not None}:
        policy_id, version, calendar_id, calendar_version = by
        found[by] = book.at(
            session, policy_id, version, {calendar_id: calendar_version} if calendar_id else {}
        ).clocks
    return {each.id: found.get(versions(each), {}).get(each.name) for each in clocks}


def _names(session: Session, ticket: Ticket, clocks: Sequence[Stored]) -> dict[UUID, str]:
    policies = {ticket.policy_id, *(each.policy_id for each in clocks)} - {None}
    calendars = {each.calendar_id for each in clocks} - {None}
    return (
        people.names(session, {each.agent_id for each in clocks}, ())
        | policy_store.names(session, Policy, policies)
        | policy_store.names(session, Calendar, calendars)
    )


def render(kept: Kept, *, as_of: datetime) -> Ledger:
    """Work a ledger out; for a ticket that lived long that takes a while, and needs no database."""
    own = {each.definition.name: each.definition for each in kept.terms.values() if each}
    definitions = {each.name: each for each in BUILT_IN} | own
    told = [happened(event) for event in kept.events]
    fold = replay(told, tuple(definitions.values()), priority=kept.facts.priority)
    found = {(each.name, each.start_version): each for each in fold.result()}
    # An own clock that is over, and that no policy has any longer, stays even if a late word moved its start.
    pairs = [(each, found.get((each.name, each.start_version)) or _as_stored(each)) for each in kept.clocks]
    in_order = sorted(pairs, key=lambda each: (each[1].started_at, each[1].start_version, each[1].name))
    return Ledger.model_validate(
        {
            "ticket_id": kept.ticket_id,
            "as_of": as_of,
            "policy": _named(kept, kept.policy_id),
            "data": [_entry(kept, fold, stored, episode, as_of) for stored, episode in in_order],
        }
    )


def verdict(
    *, target: object, due_at: datetime | None, stopped_at: datetime | None, as_of: datetime
) -> Verdict:
    """Return what became of an episode: one that runs is breached too, once it is past due."""
    if target is None:
        return "none"
    if due_at is not None and due_at < (stopped_at or as_of):
        return "breached"
    return "running" if stopped_at is None else "met"


def _entry(kept: Kept, fold: Fold, stored: Stored, episode: Episode, as_of: datetime) -> dict[str, Any]:
    terms = kept.terms[stored.id]
    judged = judge(episode, fold.standings, terms, kept.facts)
    target, due_at, stopped_at = judged.target, judged.due_at, episode.stopped_at
    # What we were told from a moment ahead of us is past.
    known = stopped_at or max(as_of, judged.meter.until)
    counted = _counted(judged, terms, known)
    breached_at = breach(episode, judged, now=known)
    retroactive = breached_at is not None and breached_at < stored.scheduled_at
    end = known if stopped_at or due_at is None else max(known, due_at)
    shown = segments.newest(episode, fold.standings, terms, known=known, end=end)
    remaining = None if stopped_at or target is None else max(target - counted, NOTHING)
    calendar = terms.calendar if terms else None
    zone = calendar.zone.key if calendar else None
    return {
        "name": episode.name,
        "ordinal": stored.ordinal,
        "state": "stopped" if stopped_at else "running" if judged.meter.counting else "paused",
        "verdict": verdict(target=target, due_at=due_at, stopped_at=stopped_at, as_of=known),
        "target_seconds": _seconds(target),
        "counted_seconds": _seconds(counted),
        "remaining_seconds": _seconds(remaining),
        "started_at": episode.started_at,
        "stopped_at": stopped_at,
        "due_at": due_at,
        "late_seconds": _seconds(late(episode, judged, now=known)) if breached_at else None,
        "elapsed_seconds": None if episode.inconsistent else _seconds(known - episode.started_at),
        "business_seconds": _seconds(counted) if calendar else None,
        "agent": _named(kept, episode.agent_id),
        "priority": episode.priority or kept.facts.priority,
        "inconsistent": episode.inconsistent,
        "retroactive": retroactive,
        "revision": stored.revision,
        "policy": _named(kept, stored.policy_id, version=stored.policy_version),
        "calendar": _named(kept, stored.calendar_id, version=stored.calendar_version, zone=zone),
        "pauses_in": sorted(terms.pauses_in) if terms else [],
        "warnings": [
            {"after_seconds": _seconds(after), "at": at, "said": said >= after and not retroactive}
            for said in [stored.warned * MICROSECOND]
            for after, at in _warnings(episode, fold.standings, terms, kept.facts)
        ],
        "segments": [_segment(each) for each in shown],
        "segments_from": shown[0].start if shown and shown[0].start > episode.started_at else None,
    }


def _as_stored(stored: Stored) -> Episode:
    return Episode(
        stored.name,
        stored.ordinal,
        stored.start_version,
        stored.started_at,
        stored.stopped_at,
        stored.stop_version,
        stored.agent_id,
    )


def _counted(judged: Judged, terms: Terms | None, by: datetime) -> timedelta:
    meter = judged.meter
    if terms is None or not meter.counting:
        return meter.counted
    return meter.counted + elapsed(terms.calendar, meter.until, by)


def _warnings(
    episode: Episode, standings: segments.Standings, terms: Terms | None, facts: Facts
) -> Sequence[tuple[timedelta, datetime | None]]:
    """Return after how much each warning is due, and when that was reached, if it was before any stop."""
    if terms is None or not terms.warnings or episode.inconsistent:
        return ()
    if episode.stopped_at is None:
        return judge(episode, standings, terms, facts).warnings
    stopped_at = episode.stopped_at
    # What came after the stop moves nothing that was reached before it: in a long life that is much to read.
    before = standings[: max(bisect_left(standings, stopped_at, key=itemgetter(0)), 1)]
    as_if_it_went_on = judge(episode._replace(stopped_at=None), before, terms, facts)
    return [(after, at if at and at < stopped_at else None) for after, at in as_if_it_went_on.warnings]


def _segment(segment: Segment) -> dict[str, Any]:
    return {
        "from": segment.start,
        "to": segment.end,
        "counted": segment.reason is None,
        "reason": segment.reason,
        "seconds": _seconds(segment.end - segment.start),
        "projected": segment.projected,
    }


def _named(kept: Kept, subject_id: UUID | None, **more: Any) -> dict[str, Any] | None:
    return {"id": subject_id, "name": kept.names.get(subject_id, ""), **more} if subject_id else None


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()
