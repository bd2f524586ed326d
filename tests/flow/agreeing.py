"""What agrees after every step of any sequence: tickets, clocks, loads, queue and stream with the events."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from hypothesis.stateful import RuleBasedStateMachine, invariant
from sqlalchemy import Connection, Engine, select
from sqlalchemy.orm import Session

from app.desk.actions import TakenError
from app.errors import ValidationError
from app.models.events import Event, Outbox, StreamEntry
from app.models.people import AgentLoad
from app.models.sla import Clock
from app.models.tickets import Ticket
from app.policies import book
from app.sla import rows
from app.sla.clocks import facts_of, happened
from app.sla.verdicts import BREACHED, RETRACTED
from app.tickets.change import MoveRefusedError
from app.tickets.rules import TABLE, Move, Status, queue_at
from tests.conftest import START

Refused = (MoveRefusedError, TakenError, ValidationError)


class Agreeing(RuleBasedStateMachine):
    """A database in one transaction, undone at the end, in which everything agrees after each step."""

    engine: ClassVar[Engine]
    policy_id: UUID

    def __init__(self) -> None:
        super().__init__()
        self.connection: Connection = self.engine.connect()
        self.whole = self.connection.begin()
        self.known: dict[type[Any], list[Any]] = {}

    def teardown(self) -> None:
        """Undo all of it."""
        self.whole.rollback()
        self.connection.close()

    def do(self, act: Callable[[Session], Any]) -> Any:
        """Act in a savepoint; a refusal undoes itself and changes nothing."""
        self.known.clear()
        try:
            with (
                Session(self.connection, join_transaction_mode="create_savepoint") as session,
                session.begin(),
            ):
                return act(session)
        except Refused:
            return None

    def loads(self) -> dict[UUID, int]:
        return {each.agent_id: each.open for each in self.rows(AgentLoad)}

    def rows(self, model: type[Any]) -> list[Any]:
        """Return all rows, read once a step."""
        if model not in self.known:
            with Session(self.connection, join_transaction_mode="create_savepoint") as session:
                self.known[model] = list(session.scalars(select(model)))
        return self.known[model]

    @invariant()
    def versions_count_the_events_and_their_instants_never_turn_back(self) -> None:
        histories = _by_ticket(self.rows(Event))
        for ticket in self.rows(Ticket):
            mine = histories[ticket.id]
            assert [event.subject_version for event in mine] == list(range(1, ticket.version + 1))
            received = [event.received_at for event in _moves(mine)]
            assert received == sorted(received)

    @invariant()
    def clocks_are_what_a_replay_of_the_events_gives(self) -> None:
        """Each under the terms it was judged by last."""
        histories = _by_ticket(self.rows(Event))
        for ticket in self.rows(Ticket):
            mine = [each for each in self.rows(Clock) if each.ticket_id == ticket.id]
            for version in {each.policy_version for each in mine}:
                policy = self.do(partial(book.at, policy_id=self.policy_id, version=version, calendars={}))
                facts = [happened(event) for event in _moves(histories[ticket.id])]
                fresh = rows.past(facts_of(ticket), policy, facts, now=START).rows
                theirs = _plain(vars(each) for each in mine if each.policy_version == version)
                ours = {(each.name, each.ordinal) for each in mine if each.policy_version == version}
                assert theirs == _plain(row for row in fresh if (row["name"], row["ordinal"]) in ours)

    @invariant()
    def a_breach_is_said_once_and_stands_or_was_taken_back(self) -> None:
        for mine in _by_ticket(self.rows(Event)).values():
            standing = Counter[tuple[str, str]]()
            for event in mine:
                change = {BREACHED: 1, RETRACTED: -1}.get(event.type, 0)
                if change:
                    standing[event.data["clock"], event.data["due_at"]] += change
            stored = Counter(
                (each.name, _written(each.breached_at))
                for each in self.rows(Clock)
                if each.ticket_id == mine[0].subject_id and each.breached_at is not None
            )
            assert +standing == stored
            assert min(standing.values(), default=0) >= 0

    @invariant()
    def statuses_follow_the_table(self) -> None:
        for mine in _by_ticket(self.rows(Event)).values():
            status = Status.NEW
            for event in _moves(mine)[1:]:
                target = TABLE[status][Move(event.type)]
                status = Status(event.data["status"])
                assert status is target or (target is Status.OPEN and status is Status.NEW)

    @invariant()
    def a_ticket_waits_in_the_queue_if_and_only_if_it_is_new(self) -> None:
        for ticket in self.rows(Ticket):
            place = queue_at(ticket.received_at, ticket.priority, due_at=ticket.next_due_at)
            assert ticket.queue_at == (place if ticket.status == "new" else None)
            assert (ticket.assignee_id is None) or ticket.status != "new"
            assert ticket.assignee_id is not None or ticket.status != "open"

    @invariant()
    def resolved_and_closed_tickets_alone_have_a_resolver_and_the_instants(self) -> None:
        for ticket in self.rows(Ticket):
            settled = ticket.status in {"resolved", "closed"}
            assert (ticket.resolver_id is not None, ticket.resolved_at is not None) == (settled, settled)
            assert (ticket.closed_at is not None) == (ticket.status == "closed")

    @invariant()
    def an_agents_load_is_the_number_of_tickets_it_has_open(self) -> None:
        counted = Counter(each.assignee_id for each in self.rows(Ticket) if each.status == "open")
        assert self.loads() == {agent_id: counted[agent_id] for agent_id in self.loads()}

    @invariant()
    def every_event_is_in_the_outbox_or_in_the_stream_once(self) -> None:
        entries = sorted(self.rows(StreamEntry), key=lambda each: each.sequence)
        told = [each.event_id for each in entries]
        assert [each.sequence for each in entries] == list(range(1, len(entries) + 1))
        assert told == sorted(told)
        waiting = [each.event_id for each in self.rows(Outbox)]
        assert sorted([*told, *waiting]) == sorted(each.id for each in self.rows(Event))


def _by_ticket(happened: Iterable[Event]) -> dict[UUID, list[Event]]:
    found: dict[UUID, list[Event]] = {}
    for event in sorted(happened, key=lambda each: each.subject_version):
        if event.subject_type == "ticket":
            found.setdefault(event.subject_id, []).append(event)
    return found


def _moves(happened: Iterable[Event]) -> list[Event]:
    """Return what happened to a ticket, without what was said of its clocks."""
    return [event for event in happened if not event.type.startswith("sla.")]


def _written(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _plain(rows: Iterable[Any]) -> list[dict[str, Any]]:
    """Return clocks as they mean, without the ids they happen to have."""
    names = (
        "name",
        "ordinal",
        "start_version",
        "started_at",
        "stopped_at",
        "agent_id",
        "inconsistent",
        "is_last",
        "target_seconds",
        "due_at",
        "counted",
        "counting",
    )
    plain = [{name: row[name] for name in names} for row in rows]
    return sorted(plain, key=lambda row: (row["name"], row["ordinal"]))
