"""Whatever agents, customers and time do, in any order: what is stored agrees with its events.

A state machine against the real embedded database. Each example is one transaction, rolled back at its end;
each step is a savepoint, as under the writer.
"""

import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    initialize,
    multiple,
    precondition,
    rule,
)
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.configuration import store as configuration
from app.db.sqlite import _engine
from app.desk import actions, customer
from app.ids import new_id
from app.models.sla import Clock, Policy
from app.models.tickets import Ticket
from app.people.rules import EVERYTHING
from app.policies import admin
from app.policies.schemas import PolicyIn
from app.sla import clocks
from app.tickets import store as tickets
from app.tickets.change import move
from app.tickets.rules import Move
from app.watch.assigning import assign_waiting
from app.watch.falling_due import say_what_is_due
from app.watch.publishing import publish
from app.watch.rejudging import find_stale, rejudge
from tests import databases
from tests.conftest import START
from tests.flow.agreeing import Agreeing
from tests.flow.crew import hire, open_ticket

MOST_TICKETS = 3
CAPACITY = {"Ana": 2, "Eve": 1, "Ivo": 3}


def promise(minutes: int) -> PolicyIn:
    """Return a policy that promises more to the urgent, pauses, warns, and has a clock of its own."""
    targets = [
        {"when": {"priority": ["urgent"]}, "target_seconds": minutes * 30},
        {"target_seconds": minutes * 60},
    ]
    return PolicyIn.model_validate({
        "name": "Standard",
        "default": True,
        "clocks": [
            {"name": "first_response", "targets": targets, "warnings": [{"fraction": 0.5}]},
            {"name": "next_response", "targets": targets, "pauses_in": ["closed"]},
            {"name": "resolution", "targets": targets, "pauses_in": ["pending"]},
            {"name": "taken", "starts_on": ["opened", "unassigned"], "stops_on": ["assigned"],
             "targets": [{"target_seconds": 60}]},
        ],
    })  # fmt: skip


class Desk(Agreeing):
    """Any sequence of what may happen."""

    opened = Bundle("opened")
    someone = st.sampled_from(sorted(CAPACITY))
    earlier = st.sampled_from([None, None, 0, 3, 30])

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.agents: dict[str, UUID] = {}

    def act(self, action: Callable[..., Any], ticket_id: UUID, who: str, **more: Any) -> None:
        shared = {"agent_id": self.agents[who], "seen_by": EVERYTHING, "now": self.now}
        self.do(lambda session: action(session, ticket_id, **shared, **more))

    @initialize()
    def hire(self) -> None:
        for name, capacity in CAPACITY.items():
            new = partial(hire, name=name, capacity=capacity, status="online", now=self.now)
            self.agents[name] = self.do(new)
        made = self.do(partial(admin.create_policy, new=promise(10), by=None, now=self.now))
        self.policy_id = made.id

    @precondition(lambda self: len(self.rows(Ticket)) < MOST_TICKETS)
    @rule(target=opened, priority=st.sampled_from(["low", "normal", "urgent"]), minutes=st.integers(-60, 5))
    def opens(self, priority: str, minutes: int) -> Any:
        at = self.now + timedelta(minutes=minutes)
        return self.do(
            lambda session: open_ticket(
                session, configuration.load(session), now=self.now, priority=priority, at=at
            )
        )

    def ago(self, minutes: int | None) -> datetime | None:
        return None if minutes is None else self.now - timedelta(minutes=minutes)

    @rule()
    def the_worker_says_what_is_due(self) -> None:
        self.do(partial(say_what_is_due, now=self.now, most=9))
        waiting = [each.next_at for each in self.rows(Clock) if each.next_at is not None]
        assert min(waiting, default=self.now) >= self.now

    @rule(minutes=st.sampled_from([1, 10, 20]))
    def the_promise_changes(self, minutes: int) -> None:
        def change(session: Session) -> None:
            policy = session.get_one(Policy, self.policy_id)
            admin.change_policy(session, policy, new=promise(minutes), by=None, now=self.now)

        self.do(change)

    @rule()
    def the_worker_judges_anew(self) -> None:
        found = self.do(partial(find_stale, after=None, most=9))
        self.do(partial(rejudge, ticket_ids=found.stale, now=self.now))
        running = [each for each in self.rows(Clock) if each.stopped_at is None]
        versions = {each.version for each in self.rows(Policy)}
        assert {each.policy_version for each in running} <= versions

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

    @rule(ticket_id=opened, who=someone, minutes_ago=earlier)
    def reply(self, ticket_id: UUID, who: str, minutes_ago: int | None) -> None:
        self.act(actions.reply, ticket_id, who, text="On our way.", occurred_at=self.ago(minutes_ago))

    @rule(ticket_id=opened, who=someone)
    def note(self, ticket_id: UUID, who: str) -> None:
        self.act(actions.note, ticket_id, who, text="Again.")

    @rule(ticket_id=opened, who=someone, minutes_ago=earlier)
    def pend(self, ticket_id: UUID, who: str, minutes_ago: int | None) -> None:
        self.act(actions.pend, ticket_id, who, occurred_at=self.ago(minutes_ago))

    @rule(ticket_id=opened, who=someone, minutes_ago=earlier)
    def resolve(self, ticket_id: UUID, who: str, minutes_ago: int | None) -> None:
        self.act(actions.resolve, ticket_id, who, occurred_at=self.ago(minutes_ago))

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
            clocks.follow(session, ticket, now=self.now)

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
