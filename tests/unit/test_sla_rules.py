"""The fold of a ticket's events into waiting episodes.

A history is written as words: a letter and a minute. O opened, a answered, c the customer said more,
r resolved, R reopened, x closed, n noted.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.sla.clocks import rows_of
from app.sla.rules import Episode, Happened, replay

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ALICE, TICKET = UUID(int=1), UUID(int=7)
TYPES = {
    "O": "ticket.opened", "a": "ticket.replied", "c": "ticket.customer_replied", "r": "ticket.resolved",
    "R": "ticket.reopened", "x": "ticket.closed", "n": "ticket.noted",
}  # fmt: skip
SHORT = {"first_response": "first", "next_response": "next", "resolution": "solve"}


def history(words: str) -> list[Happened]:
    """Read a history; versions count in the order written."""
    return [
        Happened(TYPES[word[0]], version, START + timedelta(minutes=int(word[1:])), ALICE)
        for version, word in enumerate(words.split(), start=1)
    ]


def told(episodes: tuple[Episode, ...]) -> list[str]:
    """Tell episodes in words: name, minutes from and to."""

    def minute(at: datetime | None) -> str:
        return "" if at is None else str((at - START) // timedelta(minutes=1))

    return [f"{SHORT[each.name]} {minute(each.started_at)}-{minute(each.stopped_at)}" for each in episodes]


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
    assert told(replay(history(words))) == episodes


def test_an_answer_before_the_opening_is_inconsistent_and_nothing_else_is() -> None:
    episodes = replay(history("O10 a5 r12"))

    assert [(each.name, each.inconsistent) for each in episodes] == [
        ("first_response", True),
        ("resolution", False),
    ]


def test_the_last_episode_of_each_name_is_marked() -> None:
    rows = rows_of(TICKET, replay(history("O0 a1 r8 R10 r15")), now=START)

    assert [(row["name"], row["ordinal"], row["is_last"]) for row in rows] == [
        ("first_response", 1, True),
        ("resolution", 1, False),
        ("resolution", 2, True),
    ]


@st.composite
def histories(draw: Any) -> list[Happened]:
    """Histories of an opened ticket: events at any minute, before the opening too, several in one minute."""
    later = draw(st.lists(st.tuples(st.sampled_from("acrRxn"), st.integers(-3, 12)), max_size=12))
    return history(" ".join(["O0", *(f"{letter}{minute}" for letter, minute in later)]))


@settings(deadline=None)
@given(st.data())
def test_the_order_in_which_events_come_in_changes_nothing(data: st.DataObject) -> None:
    events = data.draw(histories())
    shuffled = data.draw(st.permutations(events))

    assert replay(shuffled) == replay(events)


@settings(deadline=None)
@given(histories(), st.sampled_from("acrRxn"), st.integers(0, 9))
def test_what_comes_after_everything_else_changes_no_finished_episode(
    events: list[Happened], letter: str, later: int
) -> None:
    """After means: in replay order, by instant and then by version."""
    at = max(event.at for event in events) + timedelta(minutes=later)
    before = replay(events)

    after = replay([*events, Happened(TYPES[letter], len(events) + 1, at, ALICE)])

    assert [now for now, was in zip(after, before, strict=False) if was.stopped_at] == [
        was for was in before if was.stopped_at
    ]
    assert [(each.name, each.ordinal, each.started_at) for each in after[: len(before)]] == [
        (each.name, each.ordinal, each.started_at) for each in before
    ]


@settings(deadline=None)
@given(histories())
def test_one_first_response_and_at_most_one_running_episode_of_each_name(events: list[Happened]) -> None:
    episodes = replay(events)

    for name in SHORT:
        ordinals = [each.ordinal for each in episodes if each.name == name]
        running = [each.ordinal for each in episodes if each.name == name and each.stopped_at is None]
        assert ordinals == list(range(1, len(ordinals) + 1))
        assert running in ([], ordinals[-1:])
    assert [each.name for each in episodes].count("first_response") == 1


def test_without_an_opening_there_is_nothing_to_measure() -> None:
    assert replay(history("a5")) == ()
