"""The table of moves, the queue order and the searched text."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.sla import rules as sla
from app.tickets.rules import TABLE, Move, Status, after, diagram, queue_at, searchable

ARCHITECTURE = Path(__file__).parents[2] / "docs/ARCHITECTURE.md"
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_every_status_has_a_row_and_every_move_an_answer() -> None:
    assert set(TABLE) == set(Status)
    answers = {(status, move): after(status, move, has_agent=True) for status in Status for move in Move}
    assert {pair for pair, leads_to in answers.items() if leads_to} == {
        (status, move) for status, moves in TABLE.items() for move in moves
    }


def test_every_status_can_be_reached_and_every_move_made() -> None:
    assert {target for moves in TABLE.values() for target in moves.values()} == set(Status)
    assert {move for moves in TABLE.values() for move in moves} == set(Move)


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("move", Move)
def test_no_move_leads_to_open_without_an_agent(status: Status, move: Move) -> None:
    with_agent, without = (after(status, move, has_agent=has) for has in (True, False))

    assert without is not Status.OPEN
    assert without == (Status.NEW if with_agent is Status.OPEN else with_agent)


def test_a_closed_ticket_takes_notes_alone() -> None:
    assert dict(TABLE[Status.CLOSED]) == {Move.NOTE: Status.CLOSED}


def test_whatever_a_customer_says_on_a_settled_or_waiting_ticket_opens_it() -> None:
    for status in (Status.PENDING, Status.RESOLVED):
        assert after(status, Move.CUSTOMER, has_agent=True) is Status.OPEN
        assert after(status, Move.CUSTOMER, has_agent=False) is Status.NEW


def test_the_clocks_read_the_types_that_the_moves_write() -> None:
    read = {kind for moves in sla.STANDINGS.values() for kind in moves}
    assert read <= {move.value for move in Move}


def test_the_diagram_shows_each_move_once_and_stands_in_the_docs() -> None:
    edges = [line.strip() for line in diagram().splitlines()[2:]]
    shown = [
        (edge.split(" --> ")[0], name)
        for edge in edges
        for name in edge.split(": ", maxsplit=1)[1].split(", ")
    ]

    assert sorted(shown) == sorted(
        (status.value, move.value.split(".")[1]) for status, moves in TABLE.items() for move in moves
    )
    assert f"```mermaid\n{diagram()}```" in ARCHITECTURE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("priority", "due", "place"),
    [
        pytest.param("normal", None, timedelta(hours=24), id="unpromised, within a day"),
        pytest.param("high", None, timedelta(hours=23), id="an hour ahead"),
        pytest.param("urgent", None, timedelta(hours=20), id="four hours ahead"),
        pytest.param("low", None, timedelta(hours=28), id="four hours later"),
        pytest.param("high", timedelta(hours=2), timedelta(hours=1), id="an hour before it is due"),
        pytest.param("normal", timedelta(hours=-2), timedelta(), id="due before it was received"),
    ],
)
def test_priority_is_a_head_start_in_the_queue(
    priority: str, due: timedelta | None, place: timedelta
) -> None:
    due_at = AT + due if due is not None else None

    assert queue_at(AT, priority, due_at=due_at) == AT + place


@pytest.mark.parametrize(
    ("text", "found_as"),
    [
        pytest.param("Ångström", "angstrom", id="accents"),
        pytest.param("STRASSE Straße", "strasse strasse", id="sharp s"),
        pytest.param("№ 5", "no 5", id="a sign that holds a capital"),
        pytest.param("ﬁnd", "find", id="a ligature"),
        pytest.param("İstanbul", "istanbul", id="a capital whose dot comes off"),
        pytest.param("ΜΆΪΟΣ μάϊος", "μαιοσ μαιοσ", id="Greek, final sigma"),
        pytest.param("100% a_b", "100% a_b", id="wildcards stay"),
        pytest.param("日本語", "日本語", id="no case at all"),
    ],
)
def test_case_accents_and_forms_are_folded_away(text: str, found_as: str) -> None:
    assert searchable(text) == found_as


@settings(deadline=None)
@given(st.text(max_size=50))
def test_folding_what_is_folded_changes_nothing(text: str) -> None:
    once = searchable(text)

    assert searchable(once) == once


def test_parts_that_are_missing_leave_no_trace() -> None:
    assert searchable(None, "A", "", "B") == "a\nb"
