"""The rows of one line of history."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.events.store import Happening
from app.ids import new_id, new_reference
from app.intake.history_rules import Fact, standing
from app.intake.history_schemas import HistoryEvent, HistoryLine
from app.policies.terms import Book, Facts
from app.satisfaction import scale
from app.satisfaction.scale import Scored
from app.sla.rows import Opened
from app.sla.rows import past as replayed
from app.sla.rules import Happened
from app.tickets.rules import OPENED, SCORED, searchable
from app.tickets.store import Owner


@dataclass(frozen=True, slots=True)
class Names:
    """Ids of agents and teams by name, and the team of those who have none."""

    agents: Mapping[str, UUID]
    teams: Mapping[str, UUID]
    default_team_id: UUID


@dataclass(frozen=True, slots=True)
class Past:
    """A line about to be written."""

    id: UUID
    line: HistoryLine
    scored: tuple[Scored, ...]
    source_id: UUID
    customer_id: UUID | None
    import_id: UUID
    now: datetime

    @property
    def ordered(self) -> list[HistoryEvent]:
        """The events by time; those of one instant stay in the order they were sent."""
        return sorted(self.line.events, key=lambda event: event.at)


@dataclass(frozen=True, slots=True)
class Clocked:
    """The clocks of a line, and the policy that judged them."""

    policy_id: UUID | None
    clocks: Opened


def clocked(past: Past, names: Names, book: Book) -> Clocked:
    """Replay a line like a live ticket, under the policy of a new ticket like it."""
    line = past.line
    facts = Facts(
        kind=line.kind,
        channel=line.channel,
        priority=line.priority,
        language=line.language,
        segment=line.customer.segment if line.customer else None,
        topic=line.topic,
        product=line.product,
        source_id=past.source_id,
    )
    opened = Happened(OPENED, 1, line.occurred_at)
    later = [
        Happened(f"ticket.{event.type}", version, event.at, _agent(past, event, names))
        for version, event in enumerate(past.ordered, start=2)
    ]
    policy = book.choose(facts)
    return Clocked(policy.id if policy else None, replayed(facts, policy, [opened, *later], now=past.now))


def ticket_row(past: Past, names: Names, clocked: Clocked) -> dict[str, Any]:
    """Return the ticket, standing where its facts leave it, and in nobody's queue."""
    line = past.line
    agent_id = _agent(past, None, names)
    stands = standing((_fact(past, event, names) for event in past.ordered), agent_id=agent_id)
    return _shared(past, names) | {
        "id": past.id,
        "reference": new_reference(),
        "kind": line.kind,
        "external_id": line.external_id,
        "subject": line.subject,
        "text": line.text,
        "search_text": searchable(line.subject, line.text),
        "priority": line.priority,
        "segment": line.customer.segment if line.customer else None,
        "policy_id": clocked.policy_id,
        "promised_at": clocked.clocks.promised_at,
        "next_due_at": clocked.clocks.next_due_at,
        "replayed_version": 1 + len(line.events),
        "replayed_at": max([line.occurred_at, *(event.at for event in line.events)]),
        "replayed_standing": clocked.clocks.standing,
        "status": stands.status,
        "assignee_id": agent_id,
        "resolver_id": stands.resolver_id,
        "claimed": None,
        "attributes": None,
        "page_url": None,
        "delayed_seconds": None,
        "follow_up_of": None,
        "occurred_at": line.occurred_at,
        "queue_at": None,
        "resolved_at": stands.resolved_at,
        "closed_at": stands.closed_at,
        "token_version": 1,
        "version": 1 + len(line.events),
    }


def message_rows(past: Past, names: Names) -> list[dict[str, Any]]:
    """Return what was said, where the history kept it."""
    return [
        {
            "id": new_id(past.now),
            "ticket_id": past.id,
            "author": "customer" if event.type == "customer_replied" else "agent",
            "agent_id": None if event.type == "customer_replied" else _agent(past, event, names),
            "public": event.type != "noted",
            "text": event.text,
            "occurred_at": event.at,
            "received_at": past.now,
        }
        for event in past.ordered
        if event.text
    ]


def clock_rows(past: Past, clocked: Clocked) -> list[dict[str, Any]]:
    """Return the clocks."""
    return [{**row, "id": new_id(past.now), "ticket_id": past.id} for row in clocked.clocks.rows]


def score_rows(
    past: Past, names: Names, hung_on: UUID | None, owners: Mapping[UUID, Owner]
) -> list[dict[str, Any]]:
    """Return the scores: the resolver's where they hang on a ticket, else the line's agent's."""
    owner = owners.get(hung_on) if hung_on else None
    alone = past.line.kind == "score"
    stands = standing(
        (_fact(past, event, names) for event in past.ordered), agent_id=_agent(past, None, names)
    )
    agent_id = _agent(past, None, names) if alone else stands.resolver_id
    shared = _shared(past, names) | {
        "submission_id": past.id,
        "standalone": alone,
        "ticket_id": hung_on if alone else past.id,
        "agent_id": owner.resolver_id if owner else agent_id,
    }
    if owner:
        shared |= owner.dimensions | {
            "import_id": past.import_id,
            "customer_id": past.customer_id or owner.customer_id,
        }
    made = scale.rows(past.scored, shared, comment=past.line.text or None if alone else None)
    for row, score in zip(made, past.line.scores, strict=True):
        row["given_at"] = score.at or stands.resolved_at or past.line.occurred_at
    return made


def happenings(past: Past, names: Names) -> list[Happening]:
    """Return the events, at their own times, all received now."""
    line, data = past.line, {"import_id": str(past.import_id)}
    if line.kind == "score":
        return [Happening("submission", past.id, 1, SCORED, line.occurred_at, past.now, None, data)]
    opened = {
        **data, "kind": line.kind, "channel": line.channel, "priority": line.priority,
        "scores": len(line.scores),
    }  # fmt: skip
    first = Happening("ticket", past.id, 1, OPENED, line.occurred_at, past.now, None, opened)
    return [first] + [
        Happening(
            "ticket",
            past.id,
            version,
            f"ticket.{event.type}",
            event.at,
            past.now,
            _agent(past, event, names),
            data,
        )
        for version, event in enumerate(past.ordered, start=2)
    ]


def _shared(past: Past, names: Names) -> dict[str, Any]:
    line = past.line
    return {
        "channel": line.channel,
        "source_id": past.source_id,
        "site_id": None,
        "team_id": names.teams[line.team] if line.team else names.default_team_id,
        "origin": "import",
        "import_id": past.import_id,
        "language": line.language,
        "topic": line.topic,
        "product": line.product,
        "customer_id": past.customer_id,
        "quarantined_at": None,
        "received_at": past.now,
    }


def _fact(past: Past, event: HistoryEvent, names: Names) -> Fact:
    return Fact(f"ticket.{event.type}", event.at, _agent(past, event, names))


def _agent(past: Past, event: HistoryEvent | None, names: Names) -> UUID | None:
    """Return who did it: the event's agent, else the ticket's; a customer is nobody's agent."""
    if event is not None and event.type == "customer_replied":
        return None
    name = (event.agent if event else None) or past.line.agent
    return names.agents[name] if name else None
