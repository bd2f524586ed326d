"""The ledger: every segment of every clock, which together are what was counted, to the microsecond."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.policies import terms as promised
from app.policies.calendar import Calendar, SpecialDay, elapsed
from app.policies.definitions import BUILT_IN, Definition
from app.policies.terms import Facts, Policy, Target, Terms
from app.sla import ledger, rows, segments
from app.sla.ledger import Kept
from app.sla.ledger_schemas import EpisodeOut, SegmentOut
from app.sla.rules import Happened

START = datetime(2026, 3, 27, 15, 0, tzinfo=UTC)  # a Friday; on Sunday the clocks of Lisbon go forward
ALICE, TICKET, STANDARD, OFFICE_ID = (UUID(int=number) for number in (1, 7, 9, 11))
MINUTE, MICROSECOND, NOTHING = timedelta(minutes=1), timedelta(microseconds=1), timedelta()
TYPES = {
    "O": "ticket.opened", "a": "ticket.replied", "n": "ticket.noted", "c": "ticket.customer_replied",
    "p": "ticket.pended", "r": "ticket.resolved", "R": "ticket.reopened", "x": "ticket.closed",
    "u": "ticket.unassigned", "!": "ticket.changed",
}  # fmt: skip
FACTS = Facts("complaint", "web")
LUNCH = ((540, 780), (840, 1080))


def _special(year: int) -> Mapping[date, SpecialDay]:
    return {date(year, 3, 30): SpecialDay("Fair"), date(year, 3, 31): SpecialDay("Strike", ((600, 720),))}


OFFICE = Calendar("Europe/Lisbon", (*[LUNCH] * 5, (), ()), _special, key="fair and strike")
NIGHTS = Calendar("America/Sao_Paulo", (((0, 360), (1320, 1440)),) * 7, lambda _year: {}, key="")
OWN = Definition("callback", frozenset({"ticket.customer_replied"}), frozenset({"ticket.noted"}))


def terms(
    name: str,
    target: timedelta,
    *,
    calendar: Calendar | None = None,
    pauses: str = "",
    warnings: Sequence[promised.Warning] = (),
) -> Terms:
    """Return a clock's terms: half as long for the urgent."""
    definition = next((each for each in BUILT_IN if each.name == name), OWN)
    urgent = Target(target / 2, {"priority": frozenset({"urgent"})})
    office = OFFICE_ID if calendar else None
    return Terms(
        definition,
        (urgent, Target(target, {})),
        frozenset(pauses.split()),
        tuple(warnings),
        calendar,
        office,
        3 if office else None,
    )


def policy(*clocks: Terms) -> Policy:
    by_name = {each.definition.name: each for each in clocks}
    return Policy(STANDARD, 2, "Standard", 100, is_default=True, applies_to={}, clocks=by_name)


def history(words: str) -> list[Happened]:
    """Read a history: letters, each with the minute since the start at which it happened."""
    return [
        Happened(TYPES[word[0]], version, START + float(word[1:]) * MINUTE, ALICE, _priority(word[0]))
        for version, word in enumerate(words.split(), start=1)
    ]


def _priority(letter: str) -> str | None:
    return {"!": "urgent", "O": "normal"}.get(letter)


def stored(under: Policy | None, events: Sequence[Happened], **columns: Any) -> list[SimpleNamespace]:
    """Return the clocks of a ticket as they are stored, of one that was loaded just now."""
    made = rows.past(FACTS, under, events, now=START)
    return [SimpleNamespace(**row | columns, id=UUID(int=100 + place)) for place, row in enumerate(made.rows)]


def kept(under: Policy | None, events: Sequence[Happened], clocks: Sequence[SimpleNamespace]) -> Kept:
    found = {each.id: rows.terms_of(under, each.name) for each in clocks}
    names = {ALICE: "Alice", STANDARD: "Standard", OFFICE_ID: "Office"}
    return Kept(TICKET, under.id if under else None, FACTS, clocks, [*map(_row, events)], found, names)


def _row(event: Happened) -> SimpleNamespace:
    data = {"priority": event.priority} if event.priority else {}
    return SimpleNamespace(
        type=event.type,
        subject_version=event.version,
        occurred_at=event.at,
        actor_id=event.actor_id,
        data=data,
    )


def explained(under: Policy | None, events: Sequence[Happened], *, as_of: datetime) -> list[EpisodeOut]:
    return ledger.render(kept(under, events, stored(under, events)), as_of=as_of).data


def exactly(seconds: float) -> timedelta:
    """Return what a number on the wire means: it is exact to the microsecond."""
    return timedelta(microseconds=round(seconds * 1_000_000))


def told(those: Sequence[SegmentOut]) -> list[str]:
    """Tell segments in words: from and to in minutes, why it did not count, ? what is projected."""

    def minute(at: datetime) -> str:
        return f"{(at - START) / MINUTE:g}"

    return [
        f"{minute(each.begins)}-{minute(each.ends)}"
        + ("" if each.counted else f" {each.reason}")
        + ("?" if each.projected else "")
        for each in those
    ]


@pytest.mark.parametrize(
    ("words", "minutes", "expected"),
    [
        pytest.param("O0", 60, ["0-60", "60-120?"], id="it runs"),
        pytest.param("O0", 200, ["0-200"], id="it runs past its due instant"),
        pytest.param("O0 r50", 200, ["0-50"], id="it stopped"),
        pytest.param("O0 p10 c40", 60, ["0-10", "10-40 pending", "40-60", "60-150?"], id="it was paused"),
        pytest.param("O0 p10", 60, ["0-10", "10-60 pending"], id="nobody knows when it will be due"),
        pytest.param("O0 p10 c10 p10 c20", 30, ["0-10", "10-20 pending", "20-30", "30-130?"], id="at once"),
        pytest.param("O0 p10 r20 R30 r50", 60, ["0-10", "10-20 pending"], id="resolved while it was paused"),
        pytest.param("O0 c5 a7 n8", 20, ["0-20", "20-120?"], id="what changes nothing is no edge"),
        pytest.param("O5 p2 c8", 20, ["5-8 pending", "8-20", "20-128?"], id="a pause before the opening"),
        pytest.param("O5 r2", 20, [], id="stopped before it began"),
    ],
)  # fmt: skip
def test_a_history_has_these_segments(words: str, minutes: int, expected: list[str]) -> None:
    under = policy(terms("resolution", 120 * MINUTE, pauses="pending"))

    found = explained(under, history(words), as_of=START + minutes * MINUTE)

    assert told(next(each for each in found if each.name == "resolution").segments) == expected


def test_it_shows_why_an_answer_is_due_on_wednesday() -> None:
    """Friday 15:00 to 18:00 is three hours; after the weekend there is a fair, and then a strike."""
    under = policy(terms("first_response", 6 * 60 * MINUTE, calendar=OFFICE))

    (found, *_) = explained(under, history("O0"), as_of=START + 30 * MINUTE)

    assert [(each.begins.isoformat()[5:16], each.reason, each.projected) for each in found.segments] == [
        ("03-27T15:00", None, False),
        ("03-27T15:30", None, True),
        ("03-27T18:00", "outside hours", True),
        ("03-29T23:00", "holiday: Fair", True),  # it is Monday in Lisbon already: the clocks went forward
        ("03-30T23:00", "holiday: Strike", True),
        ("03-31T09:00", None, True),
        ("03-31T11:00", "holiday: Strike", True),
        ("03-31T23:00", "outside hours", True),
        ("04-01T08:00", None, True),
    ]
    assert found.due_at == datetime(2026, 4, 1, 9, tzinfo=UTC)
    assert (found.verdict, found.counted_seconds, found.remaining_seconds) == ("running", 1800, 19_800)
    assert (found.elapsed_seconds, found.business_seconds) == (1800, 1800)


def test_a_pause_goes_before_hours() -> None:
    under = policy(terms("resolution", 600 * MINUTE, calendar=OFFICE, pauses="pending"))

    found = explained(under, history("O0 p60 c4000"), as_of=START + 4001 * MINUTE)[-1]

    assert [each.reason for each in found.segments if not each.projected] == [
        None,
        "pending",
        "holiday: Fair",
    ]


def test_one_that_was_late_says_by_how_much_and_who_answered() -> None:
    found, resolution = explained(
        policy(terms("first_response", 10 * MINUTE)), history("O0 a10.5 !11 r20"), as_of=START + 60 * MINUTE
    )

    assert (found.state, found.verdict, found.late_seconds) == ("stopped", "breached", 30)
    assert (found.agent and found.agent.name, found.priority) == ("Alice", "normal")
    assert (found.policy and (found.policy.name, found.policy.version), found.calendar) == (
        ("Standard", 2),
        None,
    )
    assert (found.remaining_seconds, found.business_seconds, found.retroactive) == (None, None, False)
    assert (resolution.verdict, resolution.priority, resolution.target_seconds) == ("none", "urgent", None)
    assert told(resolution.segments) == ["0-20 nothing promised"]


def test_where_no_event_says_a_priority_it_is_the_tickets_own() -> None:
    events = [Happened(TYPES["O"], 1, START)]

    found, _ = explained(policy(terms("first_response", 10 * MINUTE)), events, as_of=START)

    assert (found.priority, found.target_seconds) == ("normal", 600)


def test_what_was_due_before_anybody_could_know_is_retroactive() -> None:
    under = policy(terms("first_response", 10 * MINUTE))
    events = history("O0 a30")
    known_late = stored(under, events, scheduled_at=START + 11 * MINUTE)

    found, _ = ledger.render(kept(under, events, known_late), as_of=START + 60 * MINUTE).data

    assert (found.verdict, found.retroactive, found.late_seconds) == ("breached", True, 1200)


@pytest.mark.parametrize(
    ("words", "warned", "expected"),
    [
        pytest.param("O0", 0, [(30, 30, False), (45, 45, False)], id="ahead"),
        pytest.param("O0 p10 c50", 0, [(30, 70, False), (45, 85, False)], id="ahead, after a pause"),
        pytest.param("O0 p35", 30, [(30, 30, True), (45, None, False)], id="paused between them"),
        pytest.param("O0 r40", 30, [(30, 30, True), (45, None, False)], id="stopped between them"),
        pytest.param("O0 p35 r90", 30, [(30, 30, True), (45, None, False)], id="stopped while paused"),
        pytest.param("O0 r45", 30, [(30, 30, True), (45, None, False)], id="stopped in the instant"),
        pytest.param("O5 r2", 0, [], id="stopped before it began"),
    ],
)  # fmt: skip
def test_warnings_tell_when_they_were_due_and_whether_they_were_said(
    words: str, warned: int, expected: list[tuple[int, int | None, bool]]
) -> None:
    warnings = [
        promised.Warning(lead=15 * MINUTE),
        promised.Warning(fraction=0.5),
        promised.Warning(lead=90 * MINUTE),
    ]
    under = policy(terms("resolution", 60 * MINUTE, pauses="pending", warnings=warnings))
    events = history(words)
    clocks = stored(under, events, warned=warned * 60_000_000)

    found = ledger.render(kept(under, events, clocks), as_of=START + 55 * MINUTE).data[-1]

    assert [
        (each.after_seconds / 60, each.at and (each.at - START) / MINUTE, each.said)
        for each in found.warnings
    ] == expected


def test_a_breach_that_nobody_could_be_warned_of_says_so() -> None:
    under = policy(terms("resolution", 60 * MINUTE, warnings=[promised.Warning(fraction=0.5)]))
    clocks = stored(under, history("O0"), warned=3_600_000_000, scheduled_at=START + 61 * MINUTE)

    found = ledger.render(kept(under, history("O0"), clocks), as_of=START + 70 * MINUTE).data[-1]

    assert (found.retroactive, [each.said for each in found.warnings]) == (True, [False])


def test_only_the_newest_thousand_segments_are_shown_and_the_sums_stay_whole() -> None:
    begins = START - timedelta(days=10 * 365)
    events = [Happened("ticket.opened", 1, begins, priority="normal")]
    under = policy(terms("first_response", timedelta(hours=1), calendar=OFFICE))

    found, _ = explained(under, events, as_of=START)

    assert (len(found.segments), found.segments_from) == (segments.MOST, found.segments[0].begins)
    assert found.segments[0].begins > begins
    assert found.segments[-1].ends == START
    assert exactly(found.counted_seconds) == elapsed(OFFICE, begins, START)
    assert found.due_at is not None
    assert found.due_at < begins + timedelta(days=5)


def test_a_ticket_that_lived_through_thousands_of_events_is_told_whole() -> None:
    words = " ".join(["O0", *(f"{'ca'[number % 2]}{number}" for number in range(1, 2001))])
    under = policy(terms("next_response", 5 * MINUTE, pauses="pending"))

    found = explained(under, history(words), as_of=START + 3000 * MINUTE)

    assert [each.verdict for each in found if each.name == "next_response"] == ["met"] * 999 + ["breached"]


def test_an_own_clock_whose_start_a_late_word_moved_is_told_as_it_was_judged() -> None:
    """No policy has it any longer, so what is over stays."""
    under = policy(terms("callback", 10 * MINUTE))
    events = history("O0 c10 n15")
    clocks = stored(under, events)
    late_word = Happened(TYPES["c"], 9, START + 5 * MINUTE, ALICE)

    found = ledger.render(kept(under, [*events, late_word], clocks), as_of=START + 60 * MINUTE).data

    (callback,) = [each for each in found if each.name == "callback"]
    assert (told(callback.segments), callback.verdict, callback.counted_seconds) == (["10-15"], "met", 300)


# ------------------------------------------------------------------------------------------------ laws

CALENDARS = st.sampled_from([None, OFFICE, NIGHTS])
PAUSES = st.sampled_from(["", "pending", "pending resolved", "pending resolved closed"])
INSTANTS = st.timedeltas(timedelta(minutes=-90), timedelta(days=6))
LATER = sorted(set(TYPES) - {"O"})


@st.composite
def tickets(draw: st.DrawFn) -> tuple[Policy, list[Happened]]:
    """Draw a ticket and what it was promised: anything at any instant, before its opening too."""
    names = ("first_response", "next_response", "resolution", "callback")
    targets = st.timedeltas(2 * MICROSECOND, timedelta(days=2))  # half of it for the urgent
    under = policy(
        *(terms(name, draw(targets), calendar=draw(CALENDARS), pauses=draw(PAUSES)) for name in names)
    )
    said = draw(st.lists(st.tuples(st.sampled_from(LATER), INSTANTS), max_size=12))
    events = [Happened(TYPES["O"], 1, START, priority="normal")]
    events += [
        Happened(TYPES[letter], version, START + after, ALICE, _priority(letter))
        for version, (letter, after) in enumerate(said, start=2)
    ]
    return under, events


many = settings(deadline=None, max_examples=150)


@many
@given(tickets(), INSTANTS)
def test_segments_leave_no_gap_and_differ_from_their_neighbours(
    ticket: tuple[Policy, list[Happened]], later: timedelta
) -> None:
    as_of = START + max(later, NOTHING)

    for each in explained(*ticket, as_of=as_of):
        shown = each.segments
        known = max([as_of, *(event.at for event in ticket[1])])
        assert all(one.ends == next_one.begins for one, next_one in pairwise(shown))
        assert all(one.begins < one.ends for one in shown)
        assert all(
            (one.reason, one.projected) != (next_one.reason, next_one.projected)
            for one, next_one in pairwise(shown)
        )
        assert all(one.counted == (one.reason is None) for one in shown)
        assert all(exactly(one.seconds) == one.ends - one.begins for one in shown)
        if each.inconsistent:
            assert shown == []
        elif shown:
            assert shown[0].begins == each.started_at
            if each.stopped_at:
                assert shown[-1].ends == each.stopped_at
            else:
                assert max(as_of, each.due_at or as_of) <= shown[-1].ends <= max(known, each.due_at or known)
        else:
            assert each.stopped_at == each.started_at or each.started_at >= as_of


@many
@given(tickets(), INSTANTS)
def test_what_counted_is_the_sum_of_the_segments_and_what_is_stored(
    ticket: tuple[Policy, list[Happened]], later: timedelta
) -> None:
    under, events = ticket
    clocks = stored(under, events)
    as_of = START + max(later, NOTHING)

    found = ledger.render(kept(under, events, clocks), as_of=as_of).data

    assert sorted((each.name, each.ordinal) for each in found) == [
        (each.name, each.ordinal) for each in sorted(clocks, key=lambda each: (each.name, each.ordinal))
    ]
    for each in found:
        (row,) = [it for it in clocks if (it.name, it.ordinal) == (each.name, each.ordinal)]
        counted = exactly(each.counted_seconds)
        past = [one.ends - one.begins for one in each.segments if one.counted and not one.projected]
        still = row.counting and row.counted_until < as_of
        since = elapsed(under.clocks[each.name].calendar, row.counted_until, as_of) if still else NOTHING
        assert sum(past, NOTHING) == counted
        assert counted == row.counted * MICROSECOND + (NOTHING if row.stopped_at else since)
        assert (each.due_at, each.stopped_at) == (row.due_at, row.stopped_at)
        assert (each.state == "paused") == (row.stopped_at is None and not row.counting)


@many
@given(tickets(), INSTANTS)
def test_it_falls_due_where_the_sum_reaches_the_target(
    ticket: tuple[Policy, list[Happened]], later: timedelta
) -> None:
    for each in explained(*ticket, as_of=START + max(later, NOTHING)):
        if each.target_seconds is None:
            assert (each.verdict, each.due_at) == ("none", None)
            continue
        target = exactly(each.target_seconds)
        sums = NOTHING
        reached = None
        for one in each.segments:
            if one.counted and reached is None and sums + (one.ends - one.begins) >= target:
                reached = one.begins + (target - sums)
            if one.counted:
                sums += one.ends - one.begins
        if each.stopped_at is None:
            assert each.due_at == reached
        else:  # as if it had not stopped
            assert reached in {each.due_at, None}
            assert reached is not None or each.due_at is None or each.due_at > each.stopped_at
        past = [one.ends for one in each.segments if not one.projected]
        is_late = bool(reached and past and reached < past[-1])
        assert (each.verdict == "breached", each.late_seconds is not None) == (is_late, is_late)
