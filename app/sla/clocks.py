"""Bring the clocks of tickets in line with what happened to them, and leave an event for what falls due."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.events import store as events
from app.events.store import Happening
from app.ids import new_id
from app.models.tickets import Ticket
from app.policies import book
from app.policies.terms import Book, Facts, Policy, Terms
from app.sla import cases, store
from app.sla.cases import Case, Outcome, Stored
from app.sla.rows import definitions
from app.sla.rules import STANDINGS, Happened
from app.tickets.rules import queue_at

_STANDINGS = frozenset(kind for moves in STANDINGS.values() for kind in moves)


def follow(session: Session, ticket: Ticket, *, now: datetime) -> None:
    """Bring the clocks of one locked ticket in line with its events, and say what fell due by now."""
    _follow(session, ticket, book.current(session), now=now)


def follow_if_it_matters(session: Session, ticket: Ticket, happened: str, *, now: datetime) -> None:
    """Do so if a clock of this ticket may start, stop or pause by that; else it is read the next time."""
    todays = book.current(session)
    policy = cases.policy_of(_case(ticket), todays)
    words = {word for each in definitions(policy) for word in (*each.starts_on, *each.stops_on)}
    if happened in words | _STANDINGS:
        _follow(session, ticket, todays, now=now)


def _follow(session: Session, ticket: Ticket, todays: Book, *, now: datetime) -> None:
    session.flush()
    for values in _judge(session, [ticket], todays, now=now).values():
        for name, value in values.items():
            setattr(ticket, name, value)
    session.flush()


@dataclass(frozen=True, slots=True)
class Seen:
    """How many tickets were looked at, and of how many anything changed."""

    tickets: int
    changed: int


def judge_all(session: Session, ticket_ids: Collection[UUID], *, now: datetime) -> Seen:
    """Bring the clocks of many tickets in line; those in somebody's hand are left to them."""
    found = {each.id: each for each in store.lock_tickets(session, ticket_ids)}
    values = _judge(session, list(found.values()), book.current(session), now=now)
    changed = {
        ticket_id: columns
        for ticket_id, columns in values.items()
        if any(getattr(found[ticket_id], name) != value for name, value in columns.items())
    }
    store.write_tickets(session, changed)
    return Seen(len(found), len(changed))


def _judge(
    session: Session, those: Sequence[Any], todays: Book, *, now: datetime
) -> dict[UUID, dict[str, Any]]:
    """Write the clocks and events of locked tickets, and return what changes of the tickets themselves."""
    if not those:
        return {}
    terms = _OldTerms(session)
    outcomes = _outcomes(session, {each.id: _case(each) for each in those}, todays, terms, now=now)
    clocks: list[dict[str, Any]] = []
    changed: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    gone: list[UUID] = []
    happened: list[Happening] = []
    values: dict[UUID, dict[str, Any]] = {}
    for ticket in those:
        outcome = outcomes[ticket.id]
        clocks += [{**row, "id": new_id(now), "ticket_id": ticket.id} for row in outcome.added]
        for clock_id, columns in outcome.changed.items():
            changed[tuple(columns)].append({**columns, "id": clock_id})
        gone += outcome.gone
        happened += _happenings(ticket, outcome, now=now)
        values[ticket.id] = _values(ticket, outcome)
    store.drop_clocks(session, gone)
    store.change_clocks(session, changed.values())
    store.add_clocks(session, clocks)
    events.record(session, happened)
    return values


def _outcomes(
    session: Session, those: Mapping[UUID, Case], todays: Book, terms: "_OldTerms", *, now: datetime
) -> dict[UUID, Outcome]:
    policies = {each.id: cases.policy_of(each, todays) for each in those.values()}
    stored = store.current_clocks(session, those)
    new = _happened(store.new_events(session, those))
    whole = [
        each
        for each in those.values()
        if cases.needs_replay(each, stored[each.id], new[each.id], policies[each.id])
    ]
    every = {
        each.id: events
        for each in whole
        if (events := cases.since_the_opening(each, stored[each.id], new[each.id], policies[each.id]))
    }
    unknown = [each.id for each in whole if each.id not in every]
    every |= _happened(store.all_events(session, unknown))
    all_stored = {**stored, **store.all_clocks(session, unknown)}
    return {
        ticket_id: cases.start_over(
            case, all_stored[ticket_id], every[ticket_id], policies[ticket_id], terms, now=now
        )
        if ticket_id in every
        else cases.step(case, stored[ticket_id], new[ticket_id], policies[ticket_id], now=now)
        for ticket_id, case in those.items()
    }


def _case(ticket: Any) -> Case:
    replayed = None
    if ticket.replayed_version is not None:
        replayed = (ticket.replayed_version, ticket.replayed_at, ticket.replayed_standing)
    is_told = ticket.origin == "live" and ticket.quarantined_at is None
    return Case(ticket.id, facts_of(ticket), is_told, ticket.policy_id, replayed)


def facts_of(ticket: Any) -> Facts:
    """Return what a ticket's promises depend on."""
    return Facts(
        kind=ticket.kind,
        channel=ticket.channel,
        priority=ticket.priority,
        language=ticket.language,
        segment=ticket.segment,
        topic=ticket.topic,
        product=ticket.product,
        site_id=ticket.site_id,
        source_id=ticket.source_id,
    )


def happened(event: Any) -> Happened:
    """Return what the fold needs of a ticket's event; a resolution is the work of who had the ticket."""
    resolver_id = event.data.get("resolver_id")
    who = UUID(resolver_id) if resolver_id else event.actor_id
    return Happened(event.type, event.subject_version, event.occurred_at, who, event.data.get("priority"))


def _happened(found: Mapping[UUID, Sequence[Any]]) -> dict[UUID, list[Happened]]:
    read: dict[UUID, list[Happened]] = defaultdict(list)
    for ticket_id, those in found.items():
        read[ticket_id] = [happened(event) for event in those]
    return read


def _happenings(ticket: Any, outcome: Outcome, *, now: datetime) -> list[Happening]:
    return [
        Happening("ticket", ticket.id, version, saying.type, saying.at, now, None, saying.data)
        for version, saying in enumerate(outcome.sayings, start=ticket.version + 1)
    ]


def _values(ticket: Any, outcome: Outcome) -> dict[str, Any]:
    """Return the ticket's columns; one that waits is put where its due instant belongs in the queue."""
    version = ticket.version + len(outcome.sayings)
    at, standing = outcome.replayed
    queued = None
    if ticket.queue_at is not None:
        queued = queue_at(ticket.received_at, ticket.priority, due_at=outcome.next_due_at)
    return {
        "version": version,
        "policy_id": outcome.policy_id,
        "next_due_at": outcome.next_due_at,
        "replayed_version": version,
        "replayed_at": at,
        "replayed_standing": standing,
        "queue_at": queued,
    }


@dataclass(frozen=True, slots=True)
class _OldTerms:
    """Finds the terms that a stored clock was judged by; each once, for many clocks share them."""

    session: Session
    known: dict[tuple[Any, ...], Policy] = field(default_factory=dict)

    def __call__(self, stored: Stored) -> Terms | None:
        if stored.policy_id is None:
            return None
        key = (stored.policy_id, stored.policy_version, stored.calendar_id, stored.calendar_version)
        policy = self.known.get(key)
        if policy is None:
            calendars = {stored.calendar_id: stored.calendar_version} if stored.calendar_id else {}
            policy = book.at(self.session, stored.policy_id, stored.policy_version, calendars)
            self.known[key] = policy
        return policy.clocks.get(stored.name)
