"""What a policy would have done: every episode is counted on both sides, and what changed is told apart."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.policies.definitions import BUILT_IN, Definition
from app.policies.terms import Facts, Policy, Target, Terms
from app.sla import rows
from app.sla.rules import Happened
from app.sla.what_if import MOST_EXAMPLES, Tally
from app.sla.what_if_schemas import ClockCompared
from app.sla.what_if_store import Piece

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OWN = Definition("acknowledge", frozenset({"ticket.opened"}), frozenset({"ticket.assigned"}))
TYPES = {
    "O": "ticket.opened", "s": "ticket.assigned", "a": "ticket.replied", "c": "ticket.customer_replied",
    "p": "ticket.pended", "r": "ticket.resolved", "R": "ticket.reopened", "!": "ticket.changed",
}  # fmt: skip


def policy(pauses: str = "pending", /, **minutes: float) -> Policy:
    """Return a policy by the minutes its clocks may take; half as many for the urgent."""
    known = {each.name: each for each in (*BUILT_IN, OWN)}
    urgent = {"priority": frozenset({"urgent"})}
    clocks = {
        name: Terms(
            known[name],
            (Target(takes * MINUTE / 2, urgent), Target(takes * MINUTE, {})),
            frozenset(pauses.split()),
        )
        for name, takes in minutes.items()
    }
    return Policy(UUID(int=9), 1, "Standard", 100, is_default=True, applies_to={}, clocks=clocks)


def ticket(number: int, priority: str = "normal") -> SimpleNamespace:
    facts = dict.fromkeys(Facts.__slots__) | {"kind": "complaint", "channel": "web"}
    return SimpleNamespace(
        id=UUID(int=number), reference=f"H-{number}", **facts | {"priority": priority, "language": "und"}
    )


def happened(words: str) -> list[Any]:
    """Read a history, each word a letter and a minute, as rows of events."""
    said = {"O": {"priority": "normal"}, "!": {"priority": "urgent"}}
    return [
        SimpleNamespace(
            type=TYPES[word[0]],
            subject_version=version,
            occurred_at=START + int(word[1:]) * MINUTE,
            actor_id=None,
            data=said.get(word[0], {}),
        )
        for version, word in enumerate(words.split(), start=1)
    ]


def compare(
    then: Policy | None, draft: Policy, *histories: str, minutes: int = 60, clock: str | None = None
) -> dict[str, ClockCompared]:
    """Judge tickets by one policy, then by the other."""
    tickets = [ticket(number) for number, _ in enumerate(histories)]
    events = {each.id: happened(words) for each, words in zip(tickets, histories, strict=True)}
    stored = {each.id: [SimpleNamespace(**row) for row in past(then, events[each.id])] for each in tickets}
    tally = Tally(draft, clock, START + minutes * MINUTE)
    for each in tickets:
        tally.take(Piece([each], events, stored, None))  # type: ignore[list-item]
    assert tally.tickets == len(histories)
    return {each.clock: each for each in tally.answer()}


def past(under: Policy | None, events: list[Any]) -> Any:
    told = [Happened(e.type, e.subject_version, e.occurred_at, None, e.data.get("priority")) for e in events]
    return rows.past(Facts("complaint", "web"), under, told, now=START).rows


@pytest.mark.parametrize(
    ("then", "draft", "words", "expected"),
    [
        pytest.param(10, 20, "O0 a15", (1, 0, 0), id="what was late would be in time"),
        pytest.param(20, 10, "O0 a15", (0, 1, 0), id="what was in time would be late"),
        pytest.param(20, 10, "O0 a10", (0, 0, 0), id="answered in the very instant"),
        pytest.param(30, 90, "O0", (1, 0, 0), id="what is overdue would run in time"),
        pytest.param(90, 30, "O0", (0, 1, 0), id="what runs in time would be overdue"),
        pytest.param(90, 60, "O0", (0, 0, 0), id="due in the very instant"),
        pytest.param(None, 10, "O0 a15", (0, 0, 1), id="nothing was promised"),
        pytest.param(None, 10, "O9 a5", (0, 0, 0), id="a slip in the data is never judged"),
        pytest.param(10, None, "O0 a15", (0, 0, 0), id="nothing would be promised"),
        pytest.param(20, 20, "O0 a15", (0, 0, 0), id="the same"),
        pytest.param(20, 10, "O0 p2 c9 a15", (0, 0, 0), id="a pause does not count"),
        pytest.param(40, 24, "O0 !5 a15", (0, 1, 0), id="at the priority it ended with"),
    ],
)  # fmt: skip
def test_a_verdict_changes_for_the_better_for_the_worse_or_is_new(
    then: int | None, draft: int | None, words: str, expected: tuple[int, int, int]
) -> None:
    old = policy(first_response=then) if then else None
    new = policy(first_response=draft) if draft else policy()

    found = compare(old, new, words)["first_response"]

    assert (found.better, found.worse, found.newly_judged) == expected
    assert (found.then.episodes, found.draft.episodes, len(found.examples)) == (1, 1, sum(expected))


def test_an_own_clock_that_did_not_run_is_new_and_one_that_would_not_run_is_gone() -> None:
    acknowledged = policy(acknowledge=5)

    new = compare(policy(first_response=5), acknowledged, "O0 s4", "O0 s6", "O0")["acknowledge"]
    gone = compare(acknowledged, policy(first_response=5), "O0 s4", "O0 s6", "O0")["acknowledge"]

    assert (new.then.episodes, new.draft.episodes, new.newly_judged) == (0, 3, 3)
    assert (new.draft.met, new.draft.breached, new.draft.attainment) == (1, 2, 1 / 3)
    assert (gone.then.episodes, gone.then.attainment) == (3, 1 / 3)
    assert (gone.draft.episodes, gone.draft.attainment) == (0, None)
    assert (gone.better, gone.worse, gone.newly_judged, gone.examples) == (0, 0, 0, [])


def test_of_many_examples_the_worse_come_first() -> None:
    slow, waiting = ["O0 a9"] * 15, ["O0 p1 c8 a12"] * 15
    draft = policy("", first_response=9)

    found = compare(policy(first_response=8), draft, *slow, *waiting)["first_response"]
    new = compare(None, draft, *slow, *waiting)["first_response"]

    assert (found.better, found.worse, new.newly_judged) == (15, 15, 30)
    told = [(each.then, each.draft) for each in found.examples]
    assert told == [("met", "breached")] * 15 + [("breached", "met")] * 5
    assert len(new.examples) == MOST_EXAMPLES


def test_where_no_event_says_a_priority_it_is_the_tickets_own() -> None:
    urgent, events = ticket(1, "urgent"), happened("O0 a15")
    events[0].data = {}
    tally = Tally(policy(first_response=20), None, START + 60 * MINUTE)

    tally.take(Piece([urgent], {urgent.id: events}, {urgent.id: []}, None))  # type: ignore[list-item]

    assert [each.draft.breached for each in tally.answer()] == [1, 0, 0]


def test_one_clock_alone_can_be_asked_for() -> None:
    found = compare(policy(first_response=5), policy(first_response=6), "O0 a9 r20", clock="resolution")

    assert [*found] == ["resolution"]
    assert (found["resolution"].then.unjudged, found["resolution"].draft.unjudged) == (1, 1)


# ------------------------------------------------------------------------------------------------ laws

WORDS = st.lists(st.tuples(st.sampled_from(sorted(set(TYPES) - {"O"})), st.integers(-3, 40)), max_size=10)
HISTORIES = st.lists(
    WORDS.map(lambda said: " ".join(["O0", *(f"{letter}{at}" for letter, at in said)])), max_size=5
)
NAMES = ("first_response", "next_response", "resolution", "acknowledge")
POLICIES = st.fixed_dictionaries(dict.fromkeys(NAMES, st.integers(1, 50))).map(lambda takes: policy(**takes))
many = settings(deadline=None, max_examples=200)


@many
@given(POLICIES, HISTORIES, st.integers(0, 60))
def test_the_policy_they_were_judged_by_changes_nothing(
    under: Policy, histories: list[str], minutes: int
) -> None:
    for each in compare(under, under, *histories, minutes=minutes).values():
        assert each.then == each.draft
        assert (each.better, each.worse, each.newly_judged, each.examples) == (0, 0, 0, [])


@many
@given(POLICIES, POLICIES, HISTORIES, st.integers(0, 60))
def test_what_changed_accounts_for_the_difference(
    then: Policy, draft: Policy, histories: list[str], minutes: int
) -> None:
    for each in compare(then, draft, *histories, minutes=minutes).values():
        assert each.then.episodes == each.draft.episodes
        assert each.draft.breached == each.then.breached - each.better + each.worse
        assert each.newly_judged == 0
        assert len(each.examples) == min(each.better + each.worse, MOST_EXAMPLES)
        assert all((one.then == "breached") != (one.draft == "breached") for one in each.examples)
