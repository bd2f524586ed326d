"""Whatever agents, customers and time do, in any order: what is stored agrees with its events.

A state machine against the real embedded database. Each example is one transaction, rolled back at its end;
each step is a savepoint, as under the writer.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)
from sqlalchemy import Connection, Engine, select
from sqlalchemy.orm import Session

from app.configuration import store as configuration
from app.db.sqlite import _engine
from app.desk import actions, customer
from app.desk.actions import TakenError
from app.errors import ValidationError
from app.ids import new_id
from app.models.events import Event, Outbox, StreamEntry
from app.models.people import AgentLoad
from app.models.tickets import Clock, Ticket
from app.people.rules import EVERYTHING
from app.sla.clocks import rows_of
from app.sla.rules import Happened, replay
from app.tickets import store as tickets
from app.tickets.change import MoveRefusedError, move
from app.tickets.rules import TABLE, Move, Status, queue_at
from app.watch.assigning import assign_waiting
from app.watch.publishing import publish
from tests import databases
from tests.conftest import START
from tests.flow.crew import hire, open_ticket

Refused = (MoveRefusedError, TakenError, ValidationError)
MOST_TICKETS = 3
CAPACITY = {"Ana": 2, "Eve": 1, "Ivo": 3}


class Desk(RuleBasedStateMachine):
    """Any sequence of what may happen."""

    engine: ClassVar[Engine]
    opened = Bundle("opened")
    someone = st.sampled_from(sorted(CAPACITY))

    def __init__(self) -> None:
        super().__init__()
        self.connection: Connection = self.engine.connect()
        self.whole = self.connection.begin()
        self.now = START
        self.agents: dict[str, UUID] = {}
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

    def act(self, action: Callable[..., Any], ticket_id: UUID, who: str, **more: Any) -> None:
        shared = {"agent_id": self.agents[who], "seen_by": EVERYTHING, "now": self.now}
        self.do(lambda session: action(session, ticket_id, **shared, **more))

    @initialize()
    def hire(self) -> None:
        for name, capacity in CAPACITY.items():
            new = partial(hire, name=name, capacity=capacity, status="online", now=self.now)
            self.agents[name] = self.do(new)

    @precondition(lambda self: len(self.rows(Ticket)) < MOST_TICKETS)
    @rule(target=opened, priority=st.sampled_from(["low", "normal", "urgent"]), minutes=st.integers(-60, 5))
    def opens(self, priority: str, minutes: int) -> Any:
        at = self.now + timedelta(minutes=minutes)
        return self.do(
            lambda session: open_ticket(
                session, configuration.load(session), now=self.now, priority=priority, at=at
            )
        )

    @rule(seconds=st.sampled_from([-30, -1, 1, 600]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(ticket_id=opened, who=someone)
    def claim(self, ticket_id: UUID, who: str) -> None:
        self.act(actions.claim, ticket_id, who)

    @rule(ticket_id=opened, who=someone, to=someone)
    def assign(self, ticket_id: UUID, who: str, to: str) -> None:
        self.act(actions.assign, ticket_id, who, to=self.agents[to])

    @rule(ticket_id=opened, who=someone)
    def give_back(self, ticket_id: UUID, who: str) -> None:
        self.act(actions.give_back, ticket_id, who)

    @rule(ticket_id=opened, who=someone)
    def reply(self, ticket_id: UUID, who: str) -> None:
        self.act(actions.reply, ticket_id, who, text="On our way.")

    @rule(ticket_id=opened, who=someone)
    def note(self, ticket_id: UUID, who: str) -> None:
        self.act(actions.note, ticket_id, who, text="Again.")

    @rule(ticket_id=opened, who=someone)
    def pend(self, ticket_id: UUID, who: str) -> None:
        self.act(actions.pend, ticket_id, who)

    @rule(ticket_id=opened, who=someone)
    def resolve(self, ticket_id: UUID, who: str) -> None:
        self.act(actions.resolve, ticket_id, who)

    @rule(ticket_id=opened, who=someone)
    def reopen(self, ticket_id: UUID, who: str) -> None:
        self.act(actions.reopen, ticket_id, who)

    @rule(ticket_id=opened, priority=st.sampled_from(["low", "high"]))
    def change(self, ticket_id: UUID, priority: str) -> None:
        def edit(session: Session) -> None:
            ticket = tickets.lock(session, ticket_id, seen_by=EVERYTHING)
            actions.change(session, ticket, {"priority": priority}, agent_id=None, now=self.now)

        self.do(edit)

    @rule(target=opened, ticket_id=opened)
    def the_customer_speaks(self, ticket_id: UUID) -> Any:
        """A word on a closed ticket may open a follow-up, which then takes part."""

        def say(session: Session) -> UUID | None:
            customer.say(
                session, ticket_id, 1, text="And?", scored=(), message_id=new_id(self.now), now=self.now
            )
            follow_up = tickets.find_follow_up(session, ticket_id)
            return follow_up.id if follow_up else None

        follow_up_id = self.do(say)
        return multiple() if follow_up_id is None else follow_up_id

    @rule(ticket_id=opened)
    def close(self, ticket_id: UUID) -> None:
        def end(session: Session) -> None:
            ticket = tickets.lock(session, ticket_id, seen_by=EVERYTHING)
            move(session, ticket, Move.CLOSE, by=None, now=self.now)

        self.do(end)

    @rule()
    def the_worker_assigns(self) -> None:
        before = self.loads()
        self.do(lambda session: assign_waiting(session, now=self.now))
        capacity = {self.agents[name]: most for name, most in CAPACITY.items()}
        gained = {agent_id for agent_id, load in self.loads().items() if load > before[agent_id]}
        assert [agent_id for agent_id in gained if self.loads()[agent_id] > capacity[agent_id]] == []

    @rule()
    def the_worker_publishes(self) -> None:
        self.do(publish)

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
            happened = histories[ticket.id]
            assert [event.subject_version for event in happened] == list(range(1, ticket.version + 1))
            received = [event.received_at for event in happened]
            assert received == sorted(received)

    @invariant()
    def clocks_are_what_a_replay_of_the_events_gives(self) -> None:
        clocks = self.rows(Clock)
        for ticket_id, happened in _by_ticket(self.rows(Event)).items():
            fresh = rows_of(ticket_id, replay(map(_as_fact, happened)), now=START)
            mine = [each for each in clocks if each.ticket_id == ticket_id]
            assert _plain(vars(each) for each in mine) == _plain(fresh)

    @invariant()
    def statuses_follow_the_table(self) -> None:
        for happened in _by_ticket(self.rows(Event)).values():
            status = Status.NEW
            for event in happened[1:]:
                target = TABLE[status][Move(event.type)]
                status = Status(event.data["status"])
                assert status is target or (target is Status.OPEN and status is Status.NEW)

    @invariant()
    def a_ticket_waits_in_the_queue_if_and_only_if_it_is_new(self) -> None:
        for ticket in self.rows(Ticket):
            place = queue_at(ticket.received_at, ticket.priority)
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


def _as_fact(event: Event) -> Happened:
    resolver_id = event.data.get("resolver_id")
    who = UUID(resolver_id) if resolver_id else event.actor_id
    return Happened(event.type, event.subject_version, event.occurred_at, who)


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
    )
    plain = [{name: row[name] for name in names} for row in rows]
    return sorted(plain, key=lambda row: (row["name"], row["ordinal"]))


@pytest.fixture
def embedded() -> Any:
    """The writer's own engine over a fresh database."""
    databases.prepare("sqlite")
    path = databases.scratch() / "any_sequence.db"
    shutil.copy(databases.scratch() / "empty.db", path)
    engine = _engine(path, writable=True)
    yield engine
    engine.dispose()


def test_in_any_sequence_what_is_stored_agrees_with_the_events(embedded: Engine) -> None:
    Desk.engine = embedded
    machine: Any = Desk.TestCase
    machine.settings = settings(
        max_examples=8, stateful_step_count=40, deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )  # fmt: skip
    machine().runTest()
