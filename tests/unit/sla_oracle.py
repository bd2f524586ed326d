"""Histories in words, and what somebody patient makes of one with a tally: second by second.

The oracle shares with the product only how a ticket is written down. It walks: each second it looks whether
the clock on the wall shows an open hour, and makes a stroke for each clock that counts as the ticket stands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from app.sla.rules import Happened

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ALICE = UUID(int=1)
SECOND = timedelta(seconds=1)
TYPES = {
    "O": "ticket.opened", "s": "ticket.assigned", "u": "ticket.unassigned", "a": "ticket.replied",
    "n": "ticket.noted", "c": "ticket.customer_replied", "p": "ticket.pended", "r": "ticket.resolved",
    "R": "ticket.reopened", "x": "ticket.closed", "!": "ticket.changed",
}  # fmt: skip
LATER = sorted(set(TYPES) - {"O"})


def minute(written: str) -> datetime:
    """Read an instant: `90` or `90:05`, minutes and seconds from the start."""
    minutes, _, seconds = written.partition(":")
    return START + timedelta(minutes=int(minutes), seconds=int(seconds or 0))


def history(words: str) -> list[Happened]:
    """Read a history, each word a letter and an instant; versions count in the order written."""
    return [
        Happened(TYPES[word[0]], version, minute(word[1:]), ALICE)
        for version, word in enumerate(words.split(), start=1)
    ]


@st.composite
def histories(draw: Any, earliest: int = -3, latest: int = 12) -> list[Happened]:
    """Histories of an opened ticket: events at any minute, before the opening too, several in one minute."""
    words = st.tuples(st.sampled_from(LATER), st.integers(earliest, latest))
    return history(" ".join(["O0", *(f"{letter}{at}" for letter, at in draw(st.lists(words, max_size=12)))]))


# -------------------------------------------------------------------------------------------- the oracle

Hours = Sequence[tuple[int, int]]
DAYS = 4
LAST = DAYS * 86_400
NINE_TO_SIX_WITH_LUNCH: Hours = ((540, 780), (840, 1080))
NIGHT_SHIFT: Hours = ((0, 360), (1320, 1440))


@dataclass(frozen=True)
class Place:
    """Where and when a team works: hours by weekday, other hours on some dates; when a walk begins."""

    zone: str
    week: Sequence[Hours]
    special: Mapping[date, Hours]
    begins: datetime

    def is_open(self, second: datetime) -> bool:
        """Look at the clock on the wall."""
        wall = second.astimezone(ZoneInfo(self.zone))
        hours = self.special.get(wall.date(), self.week[wall.weekday()])
        return any(opens <= wall.hour * 60 + wall.minute < closes for opens, closes in hours)


@cache
def _open_seconds(place_number: int) -> bytes:
    """Return for each second of some days whether the place is open then; hours are told by the minute."""
    place = PLACES[place_number]
    minutes = (place.begins + timedelta(minutes=number) for number in range(DAYS * 24 * 60))
    return b"".join(bytes([place.is_open(each)]) * 60 for each in minutes)


def _places() -> list[Place]:
    office = (*[NINE_TO_SIX_WITH_LUNCH] * 5, (), ())
    nights = [NIGHT_SHIFT] * 7
    edges = [  # the hour before the clocks change, or before the doors close
        ("Europe/Lisbon", "2026-03-28T22"), ("Europe/Lisbon", "2026-10-24T22"),
        ("Europe/Lisbon", "2026-06-12T16"),
        ("Australia/Lord_Howe", "2026-04-04T13"), ("Australia/Lord_Howe", "2026-10-03T13"),
        ("Asia/Kathmandu", "2026-01-15T11"), ("America/Sao_Paulo", "2017-10-15T01"),
        ("America/Sao_Paulo", "2018-02-18T00"), ("America/Sao_Paulo", "2018-11-04T01"),
        ("America/Sao_Paulo", "2019-02-17T00"),
    ]  # fmt: skip
    places = []
    for zone, hour in edges:
        begins = datetime.fromisoformat(f"{hour}:00+00:00")
        today = begins.astimezone(ZoneInfo(zone)).date()
        for week in (office, nights):
            places.append(Place(zone, week, {}, begins))
            places.append(Place(zone, week, {today + timedelta(days=1): ((600, 615), (1425, 1440))}, begins))
            places.append(Place(zone, week, {today: (), today + timedelta(days=1): ((0, 20),)}, begins))
    return places


PLACES = _places()


@dataclass(frozen=True)
class Told:
    """What the oracle says of an episode, in seconds from the first; `over` is by how much it is late."""

    name: str
    started: int
    stopped: int | None
    counted: int
    due: int | None
    over: int | None


@dataclass(frozen=True)
class Ticket:
    """A ticket to be judged: words at seconds, some with a priority. Without a place it is always open."""

    place: int | None
    words: Sequence[tuple[int, str, str | None]]
    pauses: Mapping[str, frozenset[str]]
    targets: Mapping[str, Mapping[str, int]]
    as_of: int

    @property
    def begins(self) -> datetime:
        """The first second."""
        return START if self.place is None else PLACES[self.place].begins

    def events(self) -> list[Happened]:
        """Return it as the product reads it."""
        return [
            Happened(TYPES[letter], version, self.begins + at * SECOND, ALICE, priority)
            for version, (at, letter, priority) in enumerate(self.words, start=1)
        ]


STARTS = {
    "first_response": "O", "next_response": "c", "resolution": "OcR",
    "acknowledge": "O", "regulator_deadline": "O", "second_try": "R",
}  # fmt: skip
STOPS = {
    "first_response": "a", "next_response": "a", "resolution": "r",
    "acknowledge": "s", "regulator_deadline": "x", "second_try": "r",
}  # fmt: skip


@dataclass
class _Tally:
    """One clock: each stroke is the second at whose end it was made; a `ghost` counts on after the stop."""

    name: str
    started: int
    stopped: int | None = None
    ghost: bool = True
    priority: str = "normal"
    strokes: list[int] = field(default_factory=list)


@dataclass
class _Walk:
    ticket: Ticket
    is_open: bytes
    status: str = "active"
    priority: str = "normal"
    tallies: list[_Tally] = field(default_factory=list)

    def hear(self, at: int, letter: str, priority: str | None) -> None:
        """Stop the clocks that the word stops, start those that it starts."""
        self.priority = priority or self.priority
        for each in self.tallies:
            if each.stopped is None and letter in STOPS[each.name]:
                each.stopped, each.priority, each.ghost = at, self.priority, not self.pauses(each)
        reopens = letter == "c" and self.status in {"resolved", "closed"}
        for name, starts in STARTS.items():
            runs = {each.name for each in self.tallies if each.stopped is None}
            answer_owed = name == "next_response" and "first_response" in runs
            if (letter in starts or (reopens and "R" in starts)) and name not in runs and not answer_owed:
                self.tallies.append(_Tally(name, at))
        self.status = _status_after(self.status, letter)

    def tick(self, seconds: range) -> None:
        """Make a stroke each open second for each clock that counts."""
        strokes = [second + 1 for second in seconds if self.is_open[second]]
        for each in self.tallies:
            if self.counts(each):
                each.strokes += strokes

    def counts(self, tally: _Tally) -> bool:
        """Whether a clock counts; one that stopped does so to see when it would have fallen due."""
        return tally.ghost if tally.stopped is not None else not self.pauses(tally)

    def pauses(self, tally: _Tally) -> bool:
        """Whether a clock pauses where the ticket stands."""
        return self.status in self.ticket.pauses[tally.name]

    def is_done(self) -> bool:
        """Whether all is due that will be."""
        most = {name: max(targets.values()) for name, targets in self.ticket.targets.items()}
        return all(len(each.strokes) >= most[each.name] for each in self.tallies if self.counts(each))


def walk(ticket: Ticket) -> list[Told]:
    """Live through a ticket second by second, and on until all is due that will be."""
    walking = _Walk(ticket, b"\x01" * LAST if ticket.place is None else _open_seconds(ticket.place))
    ends = [*(at for at, _, _ in ticket.words[1:]), ticket.as_of]
    for (at, letter, priority), end in zip(ticket.words, ends, strict=True):
        walking.hear(at, letter, priority)
        walking.tick(range(at, end))
    second = ticket.as_of
    while second < LAST and not walking.is_done():
        walking.tick(range(second, min(second + 600, LAST)))
        second += 600
    return [_told(each, ticket, walking.priority) for each in walking.tallies]


def _status_after(status: str, letter: str) -> str:
    if letter in "cR":
        return "active"
    if letter == "x" or status == "closed":
        return "closed"
    if letter == "r" or status == "resolved":
        return "resolved"
    if letter == "p":
        return "pending"
    return "active" if letter == "u" else status


def _told(tally: _Tally, ticket: Ticket, priority: str) -> Told:
    target = ticket.targets[tally.name][priority if tally.stopped is None else tally.priority]
    due = tally.strokes[target - 1] if len(tally.strokes) >= target else None
    end = ticket.as_of if tally.stopped is None else tally.stopped
    counted = sum(1 for each in tally.strokes if each <= end)
    over = end - due if due is not None and due < end else None
    return Told(tally.name, tally.started, tally.stopped, counted, due, over)


def some_ticket(random: Random) -> Ticket:
    """Make up a ticket of some hours, near where clocks change or doors close."""
    place = None if random.random() < 0.1 else random.randrange(len(PLACES))
    span = random.choice((120, 3_600, 6 * 3_600, 20 * 3_600))
    opened = random.randrange(4 * 3_600)
    spots = [opened + random.randrange(span) for _ in range(random.randrange(9))]
    spots += [at + random.choice((0, 0, 1)) for at in random.sample(spots, min(2, len(spots)))]
    words = [(at, random.choice("sauncprRx!aaccpp"), _some_priority(random)) for at in sorted(spots)]
    statuses = ("pending", "pending", "resolved", "closed")
    pauses = {name: frozenset(random.sample(statuses, random.randrange(3))) for name in STARTS}
    targets = {
        name: {
            each: 1 + random.randrange(random.choice((60, 1_800, 14_400))) for each in ("normal", "urgent")
        }
        for name in STARTS
    }
    last = max([opened, *spots])
    return Ticket(place, [(opened, "O", None), *words], pauses | {"regulator_deadline": frozenset()}, targets,
                  last + random.randrange(span))  # fmt: skip


def _some_priority(random: Random) -> str | None:
    return random.choice(("urgent", "normal")) if random.random() < 0.1 else None
