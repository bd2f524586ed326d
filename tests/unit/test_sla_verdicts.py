"""What was counted of an episode, when it fell due, and what is said of it.

A history is written as words, a letter and a minute (see `sla_oracle.TYPES`); `p30@50` happened at 30 and
came in at 50. The desk opens when the history begins, has lunch from 240 to 300 and closes at 540.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from random import Random, SystemRandom
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.policies.calendar import Calendar, SpecialDay, elapsed
from app.policies.definitions import BUILT_IN, Definition
from app.policies.terms import Facts, Target, Terms
from app.policies.terms import Warning as Warn
from app.sla.rules import Episode, Fold, Happened, in_replay_order, replay, resume
from app.sla.verdicts import (
    BREACHED,
    NOTHING,
    RETRACTED,
    WARNED,
    Judged,
    Meter,
    Notice,
    Settled,
    Told,
    breach,
    judge,
    late,
    settle,
)
from tests.unit import sla_oracle
from tests.unit.sla_oracle import ALICE, LATER, PLACES, START, TYPES, histories, history, minute

MINUTE = timedelta(minutes=1)
FACTS = Facts("complaint", "web")
OFFICE = (((540, 780), (840, 1080)),) * 5 + ((), ())
DESK = Calendar("Europe/Lisbon", OFFICE, lambda _: {}, key="desk")
OWN = (
    Definition("acknowledge", frozenset({"ticket.opened"}), frozenset({"ticket.assigned"})),
    Definition("regulator_deadline", frozenset({"ticket.opened"}), frozenset({"ticket.closed"})),
    Definition("second_try", frozenset({"ticket.reopened"}), frozenset({"ticket.resolved"})),
)
ALL = BUILT_IN + OWN
PENDING = frozenset({"pending"})


def terms(
    takes: float | None = 60,
    *,
    name: str = "first_response",
    calendar: Calendar | None = None,
    pauses: Iterable[str] = PENDING,
    warnings: Sequence[Warn] = (),
    urgent: float | None = None,
) -> Terms:
    """Return terms with a target in minutes."""
    targets = [] if takes is None else [Target(takes * MINUTE, {})]
    if urgent is not None:
        targets.insert(0, Target(urgent * MINUTE, {"priority": frozenset({"urgent"})}))
    definition = next(each for each in ALL if each.name == name)
    return Terms(definition, tuple(targets), frozenset(pauses), tuple(warnings), calendar)


def at(instant: datetime | None) -> str:
    """Tell an instant as it is written."""
    if instant is None:
        return "-"
    minutes, rest = divmod(instant - START, MINUTE)
    return f"{minutes}:{rest.seconds:02}" if rest else str(minutes)


def verdict(words: str, of: Terms, *, now: str = "1000", ordinal: int = 1) -> str:
    """Tell in words how the episode of the terms' clock stands."""
    fold = replay(history(words), ALL)
    named = {(each.name, each.ordinal): each for each in fold.result()}
    episode = named[of.definition.name, ordinal]
    found = judge(episode, fold.standings, of, FACTS)
    missed = breach(episode, found, now=minute(now))
    met = "running" if episode.stopped_at is None else "met"
    said = f"late {at(START + late(episode, found, now=minute(now)))}" if missed else met
    return f"due {at(found.due_at)}, counted {at(START + found.meter.counted)}, {said}"


AROUND, AT_THE_DESK = terms(), terms(calendar=DESK)
SOLVE = terms(name="resolution")


@pytest.mark.parametrize(
    ("words", "of", "told"),
    [
        pytest.param("O0 a60:01", AROUND, "due 60, counted 60:01, late 0:01", id="a second late"),
        pytest.param("O0 a60", AROUND, "due 60, counted 60, met", id="answered exactly when due"),
        pytest.param("O0 a59", AROUND, "due 60, counted 59, met", id="answered in time"),
        pytest.param("O0", AROUND, "due 60, counted 0, late 940", id="never answered, as of now"),
        pytest.param("O0 a5", terms(None), "due -, counted 5, met", id="measured without a target"),
        pytest.param(
            "O0 p10 c10:20 p10:30 c10:50 a61", AROUND, "due 60:40, counted 60:20, late 0:20",
            id="two pauses in one minute",
        ),
        pytest.param(
            "O0 p10:10 c10:13 a60:03", AROUND, "due 60:03, counted 60, met", id="a pause of three seconds"
        ),
        pytest.param("O0 p10 u20 p20 c30", AROUND, "due 80, counted 10, late 920", id="a pause on a pause"),
        pytest.param("O0 p10", AROUND, "due -, counted 10, running", id="paused with something left"),
        pytest.param("O0 p10 a500", AROUND, "due -, counted 10, met", id="answered while it was paused"),
        pytest.param("O0 p60 a500", AROUND, "due 60, counted 60, late 440", id="paused when all was used up"),
        pytest.param("O0 p70 a80", AROUND, "due 60, counted 70, late 20", id="a pause after it was due"),
        pytest.param(
            "O0 p10 r20 R30 a90", AROUND, "due 70, counted 80, late 20", id="resolved is no pause here"
        ),
        pytest.param(
            "O0 p10 a10", AROUND, "due -, counted 10, met", id="paused, then answered in one instant"
        ),
        pytest.param(
            "O0 p9 a10 c10", AROUND, "due -, counted 9, met", id="answered, then unpaused in one instant"
        ),
        pytest.param(
            "O0 p9 c10 a10", AROUND, "due 61, counted 9, met", id="unpaused, then answered in one instant"
        ),
        pytest.param("O0 p0", AROUND, "due -, counted 0, running", id="paused from the first instant on"),
        pytest.param("O10 p5 a75", AROUND, "due -, counted 0, met", id="pending before it was opened"),
        pytest.param("O10 a5", AROUND, "due -, counted 0, met", id="inconsistent"),
        pytest.param(
            "O0 a200", AT_THE_DESK, "due 60, counted 200, late 140", id="at the desk, the same hour"
        ),
        pytest.param(
            "O0 a1450", terms(540, calendar=DESK), "due 1500, counted 490, met", id="lunch and a night"
        ),
        pytest.param(
            "O0 a541", terms(480, calendar=DESK), "due 540, counted 480, late 1", id="due at closing time"
        ),
        pytest.param("O0 a540", terms(480, calendar=DESK), "due 540, counted 480, met", id="at closing time"),
        pytest.param(
            "O0 p530 c1450 a1500", terms(480, calendar=DESK), "due 1460, counted 520, late 40",
            id="a pause across closing time",
        ),
        pytest.param(
            "O0 p250 c290 a301", terms(300, calendar=DESK), "due 360, counted 241, met",
            id="a pause within lunch",
        ),
        pytest.param("O0 r50 R500 r520", SOLVE, "due 60, counted 50, met", id="what was resolved is over"),
    ],
)  # fmt: skip
def test_an_episode_stands(words: str, of: Terms, told: str) -> None:
    assert verdict(words, of) == told


def test_resolved_reopened_and_resolved_again_counts_each_on_its_own() -> None:
    words = "O0 r50 R500 p510 c520 r571"

    assert verdict(words, SOLVE, ordinal=1) == "due 60, counted 50, met"
    assert verdict(words, SOLVE, ordinal=2) == "due 570, counted 61, late 1"


@pytest.mark.parametrize(
    ("words", "name", "told"),
    [
        pytest.param("O0 p5 s70", "acknowledge", "due 60, counted 70, late 10", id="acknowledged late"),
        pytest.param("O0 p5 r9 x50", "regulator_deadline", "due 60, counted 50, met", id="never paused"),
        pytest.param(
            "O0 r9 c20 r70", "second_try", "due 80, counted 50, met", id="from the customer's word on"
        ),
    ],
)
def test_a_clock_of_ones_own_stands(words: str, name: str, told: str) -> None:
    assert verdict(words, terms(name=name, pauses=())) == told


def test_without_terms_a_clock_is_known_and_not_judged() -> None:
    fold = replay(history("O0 a5"))

    assert [judge(each, fold.standings, None, FACTS) for each in fold.result()] == [
        Judged(None, Meter(NOTHING, minute("5"), counting=False)),
        Judged(None, Meter(NOTHING, minute("0"), counting=True)),
    ]


def test_a_new_priority_has_its_target_from_the_start_and_what_stopped_before_keeps_the_old() -> None:
    events = history("O0 a40 !45 r50")
    events[2] = events[2]._replace(priority="urgent")
    fold = replay(events)
    first, solve = fold.result()

    assert judge(first, fold.standings, terms(urgent=30), FACTS).due_at == minute("60")
    assert judge(solve, fold.standings, terms(urgent=30, name="resolution"), FACTS).due_at == minute("30")
    assert judge(first._replace(priority=None), fold.standings, terms(urgent=30), FACTS).due_at == minute(
        "60"
    )


HALF, TEN_BEFORE = Warn(fraction=0.5), Warn(lead=10 * MINUTE)


def test_warnings_are_told_once_each_in_counted_time_and_only_between_start_and_target() -> None:
    ladder = (TEN_BEFORE, HALF, Warn(lead=30 * MINUTE), Warn(lead=60 * MINUTE), Warn(fraction=1.0))
    fold = replay(history("O0 p40 c100"))

    found = judge(fold.result()[0], fold.standings, terms(warnings=ladder), FACTS)

    assert found.warnings == ((30 * MINUTE, minute("30")), (50 * MINUTE, minute("110")))


# ----------------------------------------------------------------------------------------- what is said


@dataclass
class Clocks:
    """One ticket's clocks as they are kept: what runs, the meters, and what was said."""

    by_name: Mapping[str, Terms]
    events: list[Happened] = field(default_factory=list)
    fold: Fold = field(default_factory=lambda: Fold(ALL))
    judged: dict[tuple[str, int], Judged] = field(default_factory=dict)
    settled: dict[tuple[str, int], Settled] = field(default_factory=dict)
    said: list[tuple[str, Notice]] = field(default_factory=list)

    def hear(self, event: Happened, *, now: datetime) -> None:
        """Take in an event: one step if it comes last and leaves the priority, else all anew."""
        last = in_replay_order([*self.events, event])[-1] is event
        self.events.append(event)
        if last and event.priority is None and len(self.events) > 1:
            self.step([event], now=now)
        else:
            self.start_over(now=now)

    def step(self, events: Sequence[Happened], *, now: datetime) -> None:
        """Fold events into what is kept, and of running episodes that is little."""
        running = [
            Episode(each.name, each.ordinal, each.start_version, each.started_at)
            for each in self.fold.result()
            if each.stopped_at is None
        ]
        self.fold = resume(
            running,
            ALL,
            priority=self.fold.priority,
            ordinals=self.fold.ordinals,
            standing=self.fold.standings[-1],
        )
        for event in events:
            self.fold.read(event)
        so_far = {(each.name, each.start_version): each for each in running}
        self._judge({key: self.judged[key].meter for key in so_far}, now=now)

    def start_over(self, *, now: datetime) -> None:
        """Read all events again."""
        self.fold = replay(self.events, ALL)
        self._judge({}, now=now)

    def _judge(self, so_far: Mapping[tuple[str, int], Meter], *, now: datetime) -> None:
        for episode in self.fold.result():
            key = episode.name, episode.start_version
            found = judge(
                episode, self.fold.standings, self.by_name.get(episode.name), FACTS, so_far=so_far.get(key)
            )
            told = self.settled[key].told if key in self.settled else Told(None, now)
            self.judged[key], self.settled[key] = found, settle(episode, found, told, now=now)
            self.said += [(episode.name, notice) for notice in self.settled[key].notices]

    def next_at(self) -> datetime | None:
        """Return when somebody has to look again."""
        return min((each.next_at for each in self.settled.values() if each.next_at), default=None)


def arrivals(words: str) -> list[tuple[datetime, Happened | None]]:
    """Read what comes in and when; `w20` is a look at 20."""
    read: list[tuple[datetime, Happened | None]] = []
    for version, word in enumerate(words.split(), start=1):
        happened, _, arrived = word[1:].partition("@")
        event = None if word[0] == "w" else Happened(TYPES[word[0]], version, minute(happened), ALICE)
        read.append((minute(arrived or happened), event))
    return read


def live(words: str, of: Terms) -> list[str]:
    """Live through what comes in, and tell what is said."""
    clocks = Clocks({of.definition.name: of})
    for now, event in arrivals(words):
        if event is None:
            clocks.step([], now=now)
        else:
            clocks.hear(event, now=now)
    return [
        f"{notice.kind.removeprefix('sla.').removeprefix('breach_')} {at(notice.at)}"
        + (f" for {at(notice.due_at)}" if notice.due_at != notice.at else "")
        + (" retroactive" if notice.retroactive else "")
        + (f" #{notice.revision}" if notice.revision else "")
        for _, notice in clocks.said
    ]


LADDER = terms(warnings=(HALF, TEN_BEFORE))


@pytest.mark.parametrize(
    ("comes", "said"),
    [
        pytest.param("O0 w10 w20", [], id="nothing while nothing is up"),
        pytest.param("O0 w30", ["warned 30 for 60"], id="in the very instant"),
        pytest.param("O0 w31 w32 w40", ["warned 30 for 60"], id="once"),
        pytest.param("O0 w60", ["warned 30 for 60", "warned 50 for 60"], id="not late at the due instant"),
        pytest.param(
            "O0 w500", ["warned 30 for 60", "warned 50 for 60", "breached 60"],
            id="after a long sleep each at its own instant, in order",
        ),
        pytest.param("O0 a60 w99", [], id="answered when due, and nobody looked"),
        pytest.param("O0 a60:01 w99", ["breached 60"], id="a second late, and nobody looked"),
        pytest.param("O0 p40 w45 w500", ["warned 30 for 60"], id="reached before a pause, seen after it"),
        pytest.param("O0 p30 w45 w500", ["warned 30 for 60"], id="reached in the instant of a pause"),
        pytest.param(
            "O0 w35 p40 c100 w105", ["warned 30 for 60"], id="said before a pause, and not twice after it"
        ),
        pytest.param(
            "O0 w35 p40 c100 w111", ["warned 30 for 60", "warned 110 for 120"],
            id="the next one is later by the pause",
        ),
        pytest.param(
            "O0 w61 p20@70 w75 c100 w200",
            [
                "warned 30 for 60", "warned 50 for 60", "breached 60", "retracted 70 for 60 #1",
                "warned 110 for 140 #1", "warned 130 for 140 #1", "breached 140 #1",
            ],
            id="a late pause takes the breach back, and it falls due anew",
        ),
        pytest.param(
            "O0 w61 a50@70 w80",
            ["warned 30 for 60", "warned 50 for 60", "breached 60", "retracted 70 for 60 #1"],
            id="a late answer takes the breach back",
        ),
        pytest.param(
            "O0 w61 p20@70 c25@71 w80",
            [
                "warned 30 for 60", "warned 50 for 60", "breached 60", "retracted 70 for 60 #1",
                "breached 65 retroactive #1",
            ],
            id="breached at another instant, which nobody could know",
        ),
        pytest.param("O0@90 w95", ["breached 60 retroactive"], id="due before it came in: nobody is warned"),
        pytest.param(
            "O0@40 w41", ["warned 30 for 60"], id="half of it gone when it came in: said, it is not too late"
        ),
        pytest.param("O0 p40@20 w45", ["warned 30 for 60"], id="an event from ahead of us is past"),
        pytest.param("O0 p5@40 w45", [], id="a warning that never was due, for all we know now"),
        pytest.param(
            "O0 p35 s1@40 w45", ["warned 30 for 60"], id="paused, and nothing that matters comes late"
        ),
        pytest.param("O9 a5@20 w99", [], id="inconsistent"),
        pytest.param(
            "O9 w70 a5@80",
            ["warned 39 for 69", "warned 59 for 69", "breached 69", "retracted 80 for 69 #1"],
            id="turned out inconsistent",
        ),
    ],
)  # fmt: skip
def test_it_is_said(comes: str, said: list[str]) -> None:
    assert live(comes, LADDER) == said


def test_a_target_that_is_taken_away_takes_its_breach_back() -> None:
    clocks = Clocks({"first_response": LADDER})
    clocks.hear(history("O0")[0], now=minute("0"))
    clocks.step([], now=minute("61"))
    clocks.by_name = {"first_response": terms(None)}

    clocks.start_over(now=minute("70"))
    clocks.by_name = {}
    clocks.start_over(now=minute("71"))

    assert clocks.said[-1] == (
        "first_response",
        Notice(RETRACTED, minute("70"), minute("60"), revision=1),
    )
    assert clocks.settled["first_response", 1] == Settled(
        Told(None, minute("70"), warned=NOTHING, revision=1), (), None
    )


def test_nothing_is_said_of_a_warning_while_no_due_instant_was_ever_known() -> None:
    clocks = Clocks({"first_response": LADDER}, events=history("O0 p40"))

    clocks.start_over(now=minute("45"))

    assert clocks.said == []
    assert clocks.settled["first_response", 1].told.warned == 30 * MINUTE


# ------------------------------------------------------------------------------------------------ laws


@st.composite
def promises(draw: Any) -> dict[str, Terms]:
    """Terms for every clock, of few minutes, with and without a calendar, pauses and warnings."""
    warnings = st.lists(st.sampled_from([HALF, Warn(fraction=0.9), Warn(lead=2 * MINUTE)]), unique=True)
    return {
        each.name: terms(
            draw(st.one_of(st.none(), st.integers(1, 12))),
            name=each.name,
            calendar=draw(st.sampled_from([None, QUARTERS])),
            pauses=draw(st.sets(st.sampled_from(["pending", "resolved", "closed"]))),
            warnings=draw(warnings),
            urgent=draw(st.one_of(st.none(), st.integers(1, 12))),
        )
        for each in draw(st.lists(st.sampled_from(ALL), unique=True))
    }


QUARTERS = Calendar("UTC", (((540, 544), (546, 550), (600, 603)),) * 7, lambda _: {}, key="quarters")


def verdicts(events: Iterable[Happened], by_name: Mapping[str, Terms]) -> dict[tuple[str, int], Judged]:
    """Judge every episode of a history."""
    fold = replay(events, ALL)
    return {
        (each.name, each.start_version): judge(each, fold.standings, by_name.get(each.name), FACTS)
        for each in fold.result()
    }


@settings(deadline=None)
@given(st.data(), histories(), promises())
def test_neither_order_nor_repetition_of_events_changes_a_verdict(
    data: st.DataObject, events: list[Happened], by_name: dict[str, Terms]
) -> None:
    again = data.draw(st.lists(st.sampled_from(events)))
    shuffled = data.draw(st.permutations([*events, *again]))

    assert verdicts(shuffled, by_name) == verdicts(events, by_name)


@settings(deadline=None)
@given(st.data(), histories(earliest=0), promises())
def test_splitting_a_pause_in_two_changes_nothing(
    data: st.DataObject, events: list[Happened], by_name: dict[str, Terms]
) -> None:
    pended = Happened(TYPES["p"], 100, minute(str(data.draw(st.integers(1, 12)))), ALICE)
    split = pended.at + data.draw(st.integers(0, 3)) * MINUTE
    between = [each for each in events if pended.at < each.at <= split]
    whole = [each for each in events if each not in between] + [pended]
    halves = [*whole, Happened(TYPES["u"], 101, split, ALICE), Happened(TYPES["p"], 102, split, ALICE)]
    found, once = verdicts(halves, by_name), verdicts(whole, by_name)
    # Unless it was pending there is no pause to split.
    if replay([each for each in whole if each.at <= split], ALL).stands != "pending":
        return

    assert {key: (each.due_at, each.meter.counted) for key, each in found.items()} == {
        key: (each.due_at, each.meter.counted) for key, each in once.items()
    }


@settings(deadline=None)
@given(histories(), promises(), st.sampled_from(LATER), st.integers(0, 9))
def test_what_comes_after_everything_else_changes_no_finished_verdict(
    events: list[Happened], by_name: dict[str, Terms], letter: str, later: int
) -> None:
    last = max(event.at for event in events) + later * MINUTE
    over = {(each.name, each.start_version) for each in replay(events, ALL).result() if each.stopped_at}
    before = verdicts(events, by_name)

    after = verdicts([*events, Happened(TYPES[letter], len(events) + 1, last, ALICE, "urgent")], by_name)

    assert {key: after[key] for key in over} == {key: before[key] for key in over}


@settings(deadline=None)
@given(st.data(), histories(), promises())
def test_steps_come_to_what_a_full_replay_comes_to(
    data: st.DataObject, events: list[Happened], by_name: dict[str, Terms]
) -> None:
    """For what runs, and for what stopped in the step; what was over before is not looked at."""
    waiting = in_replay_order(events)
    clocks = Clocks(by_name, events=[waiting.pop(0)])
    clocks.start_over(now=START)
    while waiting:
        count = data.draw(st.integers(1, 3))
        stepped, waiting = waiting[:count], waiting[count:]
        clocks.events += stepped
        running = {name: each.start_version for name, each in clocks.fold.running.items()}
        clocks.step(stepped, now=stepped[-1].at)
        whole, all_anew = replay(clocks.events, ALL), verdicts(clocks.events, by_name)

        found = {(each.name, each.start_version): each for each in clocks.fold.result()}
        started = set(running.items()) | {
            (each.name, each.start_version)
            for each in whole.result()
            if each.start_version in {event.version for event in stepped}
        }
        assert found == {
            (each.name, each.start_version): each
            for each in whole.result()
            if (each.name, each.start_version) in started
        }
        for key in found:
            now, anew = clocks.judged[key], all_anew[key]
            assert (now.target, now.meter) == (anew.target, anew.meter)
            assert now.warnings == anew.warnings[len(anew.warnings) - len(now.warnings) :]
        clocks.fold.standings[:] = clocks.fold.standings[-1:]
        if data.draw(st.booleans()):  # an event's instant may be kept instead of when the standing began
            clocks.fold.standings[0] = stepped[-1].at, clocks.fold.stands


@settings(deadline=None)
@given(histories(earliest=0), promises(), st.lists(st.integers(0, 30 * 60), max_size=6))
def test_what_is_said_does_not_depend_on_when_anybody_looks(
    events: list[Happened], by_name: dict[str, Terms], looks: list[int]
) -> None:
    """Save that what stopped before anybody looked is no longer warned of."""
    end = minute("40")
    some, always = Clocks(by_name), Clocks(by_name)
    moments: list[tuple[datetime, Happened | None]] = [(each.at, each) for each in in_replay_order(events)]
    moments += [(START + timedelta(seconds=each), None) for each in looks] + [(end, None)]
    for now, event in sorted(moments, key=lambda each: each[0]):
        while (due := always.next_at()) and due < now:
            always.step([], now=due + timedelta(microseconds=1))
        if event is None:
            some.step([], now=now)
        else:
            some.hear(event, now=now)
            always.hear(event, now=now)
    while (due := always.next_at()) and due < end:
        always.step([], now=due + timedelta(microseconds=1))

    stopped = {(each.name, each.stopped_at) for each in replay(events, ALL).result() if each.stopped_at}
    unseen = set(always.said) - set(some.said)
    assert _by_clock([each for each in always.said if each not in unseen]) == _by_clock(some.said)
    assert len(some.said) == len(set(some.said))
    for name, notice in unseen:
        assert notice.kind == WARNED
        assert any(each == name and notice.at <= stop for each, stop in stopped)


def _by_clock(said: Iterable[tuple[str, Notice]]) -> dict[str, list[Notice]]:
    told: dict[str, list[Notice]] = {}
    for name, notice in said:
        told.setdefault(name, []).append(notice)
    return told


@settings(deadline=None)
@given(st.data(), histories(), promises())
def test_however_late_events_come_in_what_was_said_adds_up_to_what_is_true(
    data: st.DataObject, events: list[Happened], by_name: dict[str, Terms]
) -> None:
    opening, *rest = events
    clocks = Clocks(by_name)
    now = START
    clocks.hear(opening, now=now)
    for event in data.draw(st.permutations(rest)):
        priority = data.draw(st.sampled_from([None, None, "urgent", "normal"]))
        now = max(now, event.at) + data.draw(st.integers(0, 9)) * MINUTE
        clocks.hear(event._replace(priority=priority), now=now)
    clocks.start_over(now=now)

    fold = replay(clocks.events, ALL)
    for episode in fold.result():
        key = episode.name, episode.start_version
        found = judge(episode, fold.standings, by_name.get(episode.name), FACTS)
        told = clocks.settled[key].told
        assert told.due_at == found.due_at
        assert told.breached_at == breach(episode, found, now=now)
        assert settle(episode, found, told, now=now).notices == ()
    counts = {kind: sum(1 for _, each in clocks.said if each.kind == kind) for kind in (BREACHED, RETRACTED)}
    standing = sum(1 for each in clocks.settled.values() if each.told.breached_at is not None)
    assert counts[BREACHED] - counts[RETRACTED] == standing


# ---------------------------------------------------------------------------------- the second opinion

CASES = int(os.environ.get("HEARD_ORACLE_CASES", "300"))


@cache
def calendar(place_number: int) -> Calendar:
    """Return the hours of a place as the product reads them."""
    place = PLACES[place_number]
    special = {day: SpecialDay("special", tuple(hours)) for day, hours in place.special.items()}
    return Calendar(
        place.zone, tuple(tuple(each) for each in place.week), lambda _: special, key=place_number
    )


def product(ticket: sla_oracle.Ticket) -> list[sla_oracle.Told]:
    """Judge a ticket as the product does, in the oracle's words."""
    open_hours = None if ticket.place is None else calendar(ticket.place)
    as_of, last = (ticket.begins + each * sla_oracle.SECOND for each in (ticket.as_of, sla_oracle.LAST))
    fold = replay(ticket.events(), ALL)

    def second(instant: datetime | None) -> int | None:
        return None if instant is None else (instant - ticket.begins) // sla_oracle.SECOND

    def told(episode: Episode) -> sla_oracle.Told:
        targets = tuple(
            Target(seconds * sla_oracle.SECOND, {"priority": frozenset({priority})})
            for priority, seconds in ticket.targets[episode.name].items()
        )
        definition = next(each for each in ALL if each.name == episode.name)
        of = Terms(definition, targets, ticket.pauses[episode.name], calendar=open_hours)
        found = judge(episode, fold.standings, of, FACTS)
        more = elapsed(open_hours, found.meter.until, as_of) if found.meter.counting else NOTHING
        missed = breach(episode, found, now=as_of)
        return sla_oracle.Told(
            episode.name,
            second(episode.started_at) or 0,
            second(episode.stopped_at),
            (found.meter.counted + more) // sla_oracle.SECOND,
            second(found.due_at) if found.due_at and found.due_at <= last else None,
            None if missed is None else late(episode, found, now=as_of) // sla_oracle.SECOND,
        )

    return sorted((told(each) for each in fold.result()), key=lambda each: (each.name, each.started))


def test_to_the_second_it_is_what_a_patient_person_counts() -> None:
    """`HEARD_ORACLE_CASES` lets more cases be looked at; one of them is found again by its seed."""
    first = SystemRandom().randrange(2**32)
    for seed in range(first, first + CASES):
        ticket = sla_oracle.some_ticket(Random(seed))
        counted = sorted(sla_oracle.walk(ticket), key=lambda each: (each.name, each.started))

        assert product(ticket) == counted, f"seed {seed}: {ticket}"
