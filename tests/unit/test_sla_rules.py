"""The fold of a ticket's events into waiting episodes.

A history is written as words: a letter and a minute (see `sla_oracle.TYPES`).
"""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.policies.definitions import BUILT_IN, Definition
from app.sla.rules import Episode, Fold, Happened, replay, resume
from tests.unit.sla_oracle import ALICE, START, TYPES, histories, history

SHORT = {"first_response": "first", "next_response": "next", "resolution": "solve"}
OWN = (
    Definition("acknowledge", frozenset({"ticket.opened"}), frozenset({"ticket.assigned"})),
    Definition("callback", frozenset({"ticket.noted"}), frozenset({"ticket.noted", "ticket.replied"})),
    Definition("regulator_deadline", frozenset({"ticket.opened"}), frozenset({"ticket.closed"})),
    Definition("second_try", frozenset({"ticket.reopened"}), frozenset({"ticket.resolved"})),
)


def told(episodes: tuple[Episode, ...]) -> list[str]:
    """Tell episodes in words: name, minutes from and to."""

    def minute(at: datetime | None) -> str:
        return "" if at is None else str((at - START) // timedelta(minutes=1))

    return [
        f"{SHORT.get(each.name, each.name)} {minute(each.started_at)}-{minute(each.stopped_at)}"
        for each in episodes
    ]


@pytest.mark.parametrize(
    ("words", "episodes"),
    [
        pytest.param("O0", ["first 0-", "solve 0-"], id="everything waits from the opening"),
        pytest.param("O0 a5", ["first 0-5", "solve 0-"], id="the first answer stops the first response"),
        pytest.param("O0 a5 a9", ["first 0-5", "solve 0-"], id="a second answer stops nothing"),
        pytest.param("O0 n5", ["first 0-", "solve 0-"], id="a note is no answer"),
        pytest.param("O0 c3 a5", ["first 0-5", "solve 0-"], id="more words while the first answer is owed"),
        pytest.param(
            "O0 a5 c9 a12", ["first 0-5", "solve 0-", "next 9-12"], id="words after the answer wait anew"
        ),
        pytest.param(
            "O0 a5 c9 c10 a12 c20", ["first 0-5", "solve 0-", "next 9-12", "next 20-"],
            id="from the first unanswered word on",
        ),
        pytest.param("O0 r8", ["first 0-", "solve 0-8"], id="resolving without an answer answers nothing"),
        pytest.param("O0 r8 a9", ["first 0-9", "solve 0-8"], id="an answer after resolving still counts"),
        pytest.param(
            "O0 a1 r8 R10 r15", ["first 0-1", "solve 0-8", "solve 10-15"],
            id="each reopening is an episode of its own",
        ),
        pytest.param(
            "O0 a1 r8 c10", ["first 0-1", "solve 0-8", "next 10-", "solve 10-"],
            id="a customer's word on a resolved ticket reopens it",
        ),
        pytest.param("O0 a1 R3", ["first 0-1", "solve 0-"], id="reopening the unresolved starts nothing"),
        pytest.param("O0 r8 r9", ["first 0-", "solve 0-8"], id="resolved twice, the first counts"),
        pytest.param("O0 x5 r8", ["first 0-", "solve 0-8"], id="closed before it was resolved"),
        pytest.param("O0 a1 r8 x9", ["first 0-1", "solve 0-8"], id="closing stops nothing"),
        pytest.param("O10 a5", ["first 10-5", "solve 10-"], id="an answer before the opening"),
        pytest.param("O0 r8 c4", ["first 0-", "solve 0-8"], id="late words, said before it was resolved"),
        pytest.param("O0 c9 a5", ["first 0-5", "solve 0-", "next 9-"], id="an answer that comes in late"),
        pytest.param("O0 a5 c5", ["first 0-5", "solve 0-", "next 5-"], id="one instant: the version decides"),
    ],
)  # fmt: skip
def test_a_history_makes_these_episodes(words: str, episodes: list[str]) -> None:
    assert told(replay(history(words)).result()) == episodes


def test_an_answer_before_the_opening_is_inconsistent_and_nothing_else_is() -> None:
    episodes = replay(history("O10 a5 r12")).result()

    assert [(each.name, each.inconsistent) for each in episodes] == [
        ("first_response", True),
        ("resolution", False),
    ]


@pytest.mark.parametrize(
    ("name", "words", "episodes"),
    [
        pytest.param("acknowledge", "O0 s4 u5 s9", ["0-4"], id="opened once, so acknowledged once"),
        pytest.param("callback", "O0 n3 a5 n7 n8", ["3-5", "7-8", "8-"], id="again and again"),
        pytest.param("regulator_deadline", "O0 p1 r5 c7 r8 x9", ["0-9"], id="from opening to closing"),
        pytest.param("second_try", "O0 r5 R7 r8", ["7-8"], id="reopened by an agent"),
        pytest.param("second_try", "O0 r5 c7", ["7-"], id="a customer's word on a resolved ticket reopens"),
        pytest.param("second_try", "O0 r5 x6 c7", ["7-"], id="on a closed one too"),
        pytest.param("second_try", "O0 p5 c7", [], id="on a pending one it does not"),
        pytest.param("second_try", "O0 r5 c7 c8 r9 c10", ["7-9", "10-"], id="once for each reopening"),
    ],
)
def test_a_clock_of_ones_own_runs_from_its_events_to_its_others(
    name: str, words: str, episodes: list[str]
) -> None:
    found = replay(history(words), BUILT_IN + OWN).result()

    assert [line.split()[1] for line in told(found) if line.startswith(name)] == episodes


@pytest.mark.parametrize(
    ("words", "standings"),
    [
        pytest.param("O0 a1 s2 n3", ["active 0"], id="words and hands leave it where it was"),
        pytest.param("O0 p5 a6 s7", ["active 0", "pending 5"], id="an answer leaves it pending"),
        pytest.param("O0 p5 u6", ["active 0", "pending 5", "active 6"], id="taken from its agent it is new"),
        pytest.param("O0 p5 p6", ["active 0", "pending 5"], id="pended twice"),
        pytest.param("O0 p5 c6", ["active 0", "pending 5", "active 6"], id="the customer came back"),
        pytest.param("O0 r5 p6 u7", ["active 0", "resolved 5"], id="what is over is not lifted by hands"),
        pytest.param("O0 x5 r6", ["active 0", "closed 5"], id="resolved after it was closed"),
        pytest.param("O0 r5 x6 R7", ["active 0", "resolved 5", "closed 6", "active 7"], id="all the way"),
        pytest.param("O9 p5 u7", ["active 5", "pending 5", "active 7"], id="what came before the opening"),
    ],
)
def test_a_history_leaves_the_ticket_standing(words: str, standings: list[str]) -> None:
    found = replay(history(words)).standings

    assert [f"{stands} {(at - START) // timedelta(minutes=1)}" for at, stands in found] == standings


def test_an_episode_says_what_stopped_it_and_how_the_ticket_was_then() -> None:
    events = history("O0 !2 p5 r8")
    events[1] = events[1]._replace(priority="urgent")
    first, solve = replay([*events, events[1]._replace(version=9, at=events[-1].at, priority="low")]).result()

    assert (solve.stop_version, solve.agent_id, solve.priority, solve.stood) == (
        4,
        ALICE,
        "urgent",
        "pending",
    )
    assert (first.stop_version, first.agent_id, first.priority) == (None, None, "low")


def test_before_any_event_says_so_the_priority_is_what_the_ticket_had() -> None:
    assert {each.priority for each in replay(history("O0 a5"), priority="high").result()} == {"high"}


@settings(deadline=None)
@given(st.data())
def test_neither_order_nor_repetition_of_events_changes_anything(data: st.DataObject) -> None:
    events = data.draw(histories())
    again = data.draw(st.lists(st.sampled_from(events)))
    shuffled = data.draw(st.permutations([*events, *again]))

    assert replay(shuffled, BUILT_IN + OWN) == replay(events, BUILT_IN + OWN)


@settings(deadline=None)
@given(histories(), st.sampled_from(sorted(set(TYPES) - {"O"})), st.integers(0, 9))
def test_what_comes_after_everything_else_changes_no_finished_episode(
    events: list[Happened], letter: str, later: int
) -> None:
    """After means: in replay order, by instant and then by version."""
    at = max(event.at for event in events) + timedelta(minutes=later)
    before = replay(events).result()

    after = replay([*events, Happened(TYPES[letter], len(events) + 1, at, ALICE)]).result()

    assert [now for now, was in zip(after, before, strict=False) if was.stopped_at] == [
        was for was in before if was.stopped_at
    ]
    assert [(each.name, each.ordinal, each.started_at) for each in after[: len(before)]] == [
        (each.name, each.ordinal, each.started_at) for each in before
    ]


@settings(deadline=None)
@given(histories())
def test_one_first_response_and_at_most_one_running_episode_of_each_name(events: list[Happened]) -> None:
    episodes = replay(events).result()

    for name in SHORT:
        ordinals = [each.ordinal for each in episodes if each.name == name]
        running = [each.ordinal for each in episodes if each.name == name and each.stopped_at is None]
        assert ordinals == list(range(1, len(ordinals) + 1))
        assert running in ([], ordinals[-1:])
    assert [each.name for each in episodes].count("first_response") == 1


def test_without_an_opening_there_is_nothing_to_measure() -> None:
    assert replay(history("a5")).result() == ()
    assert replay([]) == Fold()


def test_a_fold_is_taken_up_where_it_was_left() -> None:
    *events, last = history("O0 a1 c3 p5 r8 R9 r12")
    before = replay(events)
    left = [Episode(each.name, each.ordinal, each.start_version, each.started_at) for each in before.result()
            if each.stopped_at is None]  # fmt: skip

    fold = resume(left, priority="high", ordinals=before.ordinals, standing=before.standings[-1])
    fold.read(last)

    assert told(fold.result()) == ["next 3-", "solve 9-12"]
    assert [(each.ordinal, each.priority) for each in fold.result()] == [(1, "high"), (2, "high")]
    assert fold.stands == "resolved"
    fold.read(last._replace(type="ticket.reopened", version=8))
    assert (fold.ordinals["resolution"], before.ordinals["resolution"]) == (3, 2)
