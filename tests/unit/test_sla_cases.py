"""A ticket's stored clocks brought in line, event by event: however it came in, the end is the same."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.policies import terms as promised
from app.policies.definitions import Definition
from app.policies.terms import Book, Facts, Policy, Target, Terms
from app.sla import cases, rows
from app.sla.cases import Case, Outcome
from app.sla.rules import Happened
from app.sla.verdicts import BREACHED, RETRACTED

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ALICE, TICKET, STANDARD = UUID(int=1), UUID(int=7), UUID(int=9)
MINUTE = timedelta(minutes=1)
TYPES = {
    "O": "ticket.opened", "a": "ticket.replied", "c": "ticket.customer_replied", "r": "ticket.resolved",
    "R": "ticket.reopened", "x": "ticket.closed", "n": "ticket.noted", "p": "ticket.pended",
    "t": "ticket.assigned", "u": "ticket.unassigned", "!": "ticket.changed",
}  # fmt: skip
BUILT_IN = {each.name: each for each in rows.definitions(None)}
OWN = Definition("acknowledge", frozenset({"ticket.opened"}), frozenset({"ticket.assigned"}))
FACTS = Facts("complaint", "web")


def terms(name: str, minutes: int, *, pauses: str = "", warnings: Sequence[float] = ()) -> Terms:
    """Return a clock's terms: twice as long for everybody who is not urgent."""
    urgent = Target(minutes * MINUTE, {"priority": frozenset({"urgent"})})
    return Terms(
        BUILT_IN.get(name, OWN),
        (urgent, Target(2 * minutes * MINUTE, {})),
        frozenset(pauses.split()),
        tuple(promised.Warning(fraction=each) for each in warnings),
    )


def policy(version: int = 1, *, minutes: int = 5) -> Policy:
    clocks = {
        "first_response": terms("first_response", minutes, warnings=(0.5,)),
        "next_response": terms("next_response", minutes + 1),
        "resolution": terms("resolution", 2 * minutes, pauses="pending resolved", warnings=(0.5, 0.9)),
        "acknowledge": terms("acknowledge", 1),
    }
    return Policy(STANDARD, version, "Standard", 100, is_default=True, applies_to={}, clocks=clocks)


class Desk:
    """A ticket with its events and stored clocks, kept as the store keeps them."""

    def __init__(self, under: Policy | None, *, is_told: bool = True) -> None:
        self.under, self.is_told = under, is_told
        self.terms = under  # those it began with
        self.events: list[Happened] = []
        self.clocks: dict[UUID, SimpleNamespace] = {}
        self.replayed: tuple[int, datetime, str] | None = None
        self.policy_id: UUID | None = under.id if under else None
        self.priority = "normal"
        self.said: list[cases.Saying] = []
        self.whole = 0

    def happen(self, word: str, *, now: datetime) -> Outcome:
        """Let an event come in that happened at its minute, and bring the clocks in line."""
        priority = "urgent" if word[0] == "!" else None
        if priority is not None:
            self.priority = priority
        at = START + int(word[1:]) * MINUTE
        self.events.append(Happened(TYPES[word[0]], len(self.events) + 1, at, ALICE, priority))
        return self.judge([self.events[-1]], now=now)

    def judge(self, new: Sequence[Happened] = (), *, now: datetime) -> Outcome:
        case = self.case
        stored = sorted(self.clocks.values(), key=lambda each: (each.name, each.ordinal))
        current = [each for each in stored if each.stopped_at is None or each.is_last]
        if cases.needs_replay(case, current, new, self.under):
            self.whole += 1
            outcome = cases.start_over(case, stored, self.events, self.under, self._old_terms, now=now)
        else:
            outcome = cases.step(case, current, new, self.under, now=now)
        self._keep(outcome)
        return outcome

    @property
    def case(self) -> Case:
        facts = Facts("complaint", "web", priority=self.priority)
        return Case(TICKET, facts, self.is_told, self.policy_id, self.replayed)

    def told(self, kind: str) -> list[tuple[str, int]]:
        """Return the clocks and minutes of what was said."""
        return [(each.data["clock"], (each.at - START) // MINUTE) for each in self.said if each.type == kind]

    def plain(self) -> list[dict[str, Any]]:
        """Return what the clocks are, without what was said of them and when it was known."""
        left_out = {"id", "scheduled_at", "counted_until", "warned", "breached_at", "revision", "next_at"}
        kept = [
            {name: value for name, value in vars(each).items() if name not in left_out}
            for each in self.clocks.values()
        ]
        return sorted(kept, key=lambda each: (each["name"], each["ordinal"]))

    def _old_terms(self, stored: Any) -> Terms | None:
        policies = {each.version: each for each in (self.terms, self.under) if each is not None}
        found = policies.get(stored.policy_version) or policy(stored.policy_version)
        return found.clocks.get(stored.name)

    def _keep(self, outcome: Outcome) -> None:
        for row in outcome.added:
            made = SimpleNamespace(**row, id=uuid4())
            self.clocks[made.id] = made
        for clock_id, columns in outcome.changed.items():
            vars(self.clocks[clock_id]).update(columns)
        for clock_id in outcome.gone:
            del self.clocks[clock_id]
        self.replayed, self.policy_id = (len(self.events), *outcome.replayed), outcome.policy_id
        self.said += outcome.sayings


def lived(words: str, *, under: Policy | None = None, is_told: bool = True) -> Desk:
    """Let events come in one by one, each a moment after the latest minute so far."""
    desk = Desk(under or policy(), is_told=is_told)
    latest = 0
    for word in words.split():
        latest = max(latest, int(word[1:]))
        desk.happen(word, now=START + latest * MINUTE)
    return desk


def test_in_order_costs_one_step_and_out_of_order_a_replay() -> None:
    assert lived("O0 t1 a5 c9 p10 c12 a13 r14").whole == 1
    assert lived("O0 t1 a5 c9 p10 r14 a8").whole == 2
    assert lived("O0 !3").whole == 2


@st.composite
def arrivals(draw: Any) -> str:
    """Events of an opened ticket in the order they come in: any minute, also earlier ones."""
    later = draw(st.lists(st.tuples(st.sampled_from("aacrRxnptu!"), st.integers(-2, 30)), max_size=14))
    return " ".join(["O0", *(f"{letter}{minute}" for letter, minute in later)])


@settings(deadline=None, max_examples=300)
@given(arrivals())
def test_whatever_comes_in_the_end_is_that_of_a_replay(words: str) -> None:
    desk = lived(words)

    fresh = rows.past(desk.case.facts, desk.under, desk.events, now=START)

    whole = Desk(desk.under)
    whole._keep(Outcome(None, None, (START, ""), added=fresh.rows))  # noqa: SLF001  (as the store would)
    # A priority that no event after the end knows of counts for what runs alone.
    assert desk.plain() == whole.plain()
    assert desk.replayed is not None
    assert desk.replayed[2] == fresh.standing


@settings(deadline=None, max_examples=300)
@given(arrivals(), st.lists(st.integers(0, 60), max_size=6))
def test_everything_is_said_once_and_taken_back_before_it_is_said_again(words: str, looks: list[int]) -> None:
    desk = lived(words)
    for minute in sorted(looks):
        desk.judge(now=START + (30 + minute) * MINUTE)

    standing = Counter[tuple[str, str]]()
    for each in desk.said:
        key = (each.data.get("clock", ""), each.data.get("due_at", ""))
        standing[key] += {BREACHED: 1, RETRACTED: -1}.get(each.type, 0)
        assert standing[key] >= 0
    # By clock and due instant: an earlier word that comes in late may give another number to an episode.
    assert +standing == Counter(
        (each.name, each.breached_at.isoformat().replace("+00:00", "Z"))
        for each in desk.clocks.values()
        if each.breached_at is not None
    )


def test_a_breach_that_a_late_answer_undoes_is_taken_back() -> None:
    desk = lived("O0")
    desk.judge(now=START + 11 * MINUTE)
    assert desk.told(BREACHED) == [("acknowledge", 2), ("first_response", 10)]

    desk.happen("a9", now=START + 12 * MINUTE)

    assert desk.told(RETRACTED) == [("first_response", 12)]
    again = desk.judge(now=START + 13 * MINUTE)
    assert again.sayings == []


def test_an_earlier_word_that_comes_in_late_moves_the_wait_and_takes_its_breach_back() -> None:
    desk = lived("O0 t0 a1 c10")
    desk.judge(now=START + 23 * MINUTE)
    assert desk.told(BREACHED) == [("resolution", 20), ("next_response", 22)]

    desk.happen("c5", now=START + 24 * MINUTE)

    assert desk.told(RETRACTED) == [("next_response", 24)]
    assert desk.told(BREACHED)[-1] == ("next_response", 17)
    assert desk.said[-1].data.get("retroactive") is True
    (waiting,) = [each for each in desk.clocks.values() if each.name == "next_response"]
    assert (waiting.start_version, waiting.revision) == (5, 1)


def test_a_late_resolution_takes_back_what_was_said_of_the_resolution_alone() -> None:
    desk = lived("O0 t0 a1 c10")
    desk.judge(now=START + 23 * MINUTE)

    desk.happen("r9", now=START + 24 * MINUTE)

    assert desk.told(RETRACTED) == [("resolution", 24)]
    # The word at 10 came after it: that is a reopening with a time of its own.
    running = [(each.name, each.due_at) for each in desk.clocks.values() if each.stopped_at is None]
    assert ("resolution", START + 30 * MINUTE) in running


def test_history_is_judged_and_nobody_is_told() -> None:
    desk = lived("O0 a30", is_told=False)
    desk.judge(now=START + 90 * MINUTE)

    assert desk.said == []
    assert {each.next_at for each in desk.clocks.values()} == {None}
    first = next(each for each in desk.clocks.values() if each.name == "first_response")
    assert first.due_at == START + 10 * MINUTE


def test_an_edit_judges_what_runs_anew_and_leaves_what_is_over() -> None:
    desk = lived("O0 t1 a8")
    desk.under = policy(2, minutes=60)

    desk.judge(now=START + 9 * MINUTE)

    by_name = {each.name: each for each in desk.clocks.values()}
    assert (by_name["first_response"].policy_version, by_name["first_response"].target_seconds) == (1, 600)
    assert (by_name["resolution"].policy_version, by_name["resolution"].target_seconds) == (2, 240 * 60)
    assert desk.said[-1].type == cases.REJUDGED
    assert desk.said[-1].data["due"] == {"resolution": "2026-03-02T13:00:00Z"}
    assert desk.judge(now=START + 9 * MINUTE).changed == {}


def test_a_clock_the_policy_no_longer_has_ends_without_a_trace_and_its_past_stays() -> None:
    desk = lived("O0 t1 a8")
    other = lived("O0 a8")
    without = policy(2)
    without = Policy(
        STANDARD, 2, "Standard", 100, is_default=True, applies_to={},
        clocks={name: each for name, each in without.clocks.items() if name != "acknowledge"},
    )  # fmt: skip
    for each in (desk, other):
        each.under = without
        each.judge(now=START + 9 * MINUTE)

    assert [each.name for each in desk.clocks.values()].count("acknowledge") == 1
    assert [each.name for each in other.clocks.values()].count("acknowledge") == 0
    assert other.told(RETRACTED) == [("acknowledge", 9)]


@pytest.mark.parametrize(
    ("policy_id", "chosen"),
    [
        pytest.param(STANDARD, STANDARD, id="its own while that is in force"),
        pytest.param(UUID(int=404), STANDARD, id="else the one chosen now"),
        pytest.param(None, STANDARD, id="also where it had none"),
    ],
)
def test_the_policy_of_a_ticket(policy_id: UUID | None, chosen: UUID) -> None:
    found = cases.policy_of(Case(TICKET, FACTS, True, policy_id, None), Book({STANDARD: policy()}))
    assert found is not None
    assert found.id == chosen
    assert cases.policy_of(Case(TICKET, FACTS, True, policy_id, None), Book({})) is None


def test_a_ticket_that_is_set_aside_and_let_back_in_hears_of_its_breach_once() -> None:
    desk = lived("O0")
    desk.judge(now=START + 11 * MINUTE)
    for is_told, minute in ((False, 12), (True, 13)):
        desk.is_told = is_told
        desk.judge(now=START + minute * MINUTE)

    assert desk.told(BREACHED) == [("acknowledge", 2), ("first_response", 10)]
    assert desk.told(RETRACTED) == []


def test_a_clock_that_a_policy_loses_and_gets_back_goes_on_counting_its_episodes() -> None:
    again = Definition(
        "taken", frozenset({"ticket.opened", "ticket.unassigned"}), frozenset({"ticket.assigned"})
    )
    own = {"taken": Terms(again, (Target(MINUTE, {}),))}
    built_in = dict(policy().clocks)

    def at(version: int, **clocks: Terms) -> Policy:
        return replace(policy(version), clocks=built_in | clocks)

    desk = lived("O0 a1 t1 u2", under=at(1, **own))
    desk.under = at(2)
    desk.judge(now=START + 3 * MINUTE)
    desk.happen("r4", now=START + 4 * MINUTE)  # nothing runs any more that an edit would look at
    desk.under = at(3, **own)
    desk.happen("u5", now=START + 5 * MINUTE)

    mine = sorted((each.ordinal, each.is_last) for each in desk.clocks.values() if each.name == "taken")
    assert mine == [(1, False), (2, True)]
