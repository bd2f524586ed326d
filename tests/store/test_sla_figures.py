"""Promises and business time from each database, against plain Python, and the bugs others have."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.errors import ValidationError
from app.metrics import measure, query
from app.models.events import Event
from app.models.sla import Clock, Policy, PolicyVersion
from app.models.tickets import Ticket
from app.services import Services
from tests.store.test_metrics import (
    ANA,
    BEN,
    DAY,
    EXAMPLES,
    MICROSECOND,
    NOW,
    SECOND,
    add_people,
    plain,
    response_times,
    ticket_row,
    told,
    volume,
    wire,
)

HOUR = timedelta(hours=1)
BEGAN = NOW - DAY
GOLD, OLD_GOLD = UUID(int=0x60), UUID(int=0x61)


@dataclass(frozen=True)
class Episode:
    """One episode of a clock: how long it took, what was promised, and how late we heard of its two ends."""

    began: datetime = BEGAN
    took: timedelta | None = 60 * SECOND
    due_after: timedelta | None = 120 * SECOND
    target: int | None = 120
    ordinal: int = 1
    heard_of_start: timedelta = timedelta()
    heard_of_end: timedelta = timedelta()
    answerer: UUID | None = ANA
    clock: str = "first_response"
    calendar: bool = False
    counted: timedelta = timedelta()

    @property
    def ended(self) -> datetime | None:
        return None if self.took is None else self.began + self.took

    @property
    def due_at(self) -> datetime | None:
        return None if self.due_after is None else self.began + self.due_after

    def row(self, ticket_id: UUID, *, is_last: bool) -> dict[str, Any]:
        row: dict[str, Any] = dict.fromkeys(column.key for column in Clock.__table__.columns)
        return row | {
            "id": uuid4(), "ticket_id": ticket_id, "name": self.clock, "ordinal": self.ordinal,
            "start_version": 2 * self.ordinal - 1, "started_at": self.began, "stopped_at": self.ended,
            "stop_version": None if self.took is None else 2 * self.ordinal, "is_last": is_last,
            "agent_id": None if self.took is None else self.answerer, "target_seconds": self.target,
            "inconsistent": self.took is not None and self.took < timedelta(), "due_at": self.due_at,
            "policy_id": GOLD if self.target else None, "calendar_id": UUID(int=1) if self.calendar else None,
            "scheduled_at": self.began, "counted": self.counted // MICROSECOND, "counted_until": self.began,
            "counting": self.took is None, "warned": 0, "revision": 0,
        }  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A ticket with the episodes of one clock."""

    episodes: tuple[Episode, ...]
    origin: str = "live"
    channel: str = "web"
    segment: str | None = None
    assignee: UUID | None = BEN
    quarantined: bool = False

    def heard_at(self, at: datetime, after: timedelta) -> datetime:
        return at if self.origin == "import" else at + after

    def events(self, ticket_id: UUID) -> list[dict[str, Any]]:
        ends = [
            (2 * each.ordinal - (of_start), at, late)
            for each in self.episodes
            for of_start, at, late in (
                (1, each.began, each.heard_of_start),
                (0, each.ended, each.heard_of_end),
            )
            if at is not None
        ]
        return [
            {"subject_type": "ticket", "subject_id": ticket_id, "subject_version": version, "type": "x",
             "actor_id": None, "occurred_at": at, "data": {},
             "received_at": NOW if self.origin == "import" else at + late}
            for version, at, late in ends
        ]  # fmt: skip


def one(episode: Episode, **of_ticket: Any) -> Case:
    return Case((episode,), **of_ticket)


def add(session: Session, cases: Sequence[Case]) -> None:
    clocks, events, tickets = [], [], []
    for case in cases:
        ticket = ticket_row(
            case.episodes[0].began, channel=case.channel, origin=case.origin, assignee_id=case.assignee,
            segment=case.segment, quarantined_at=NOW if case.quarantined else None,
        )  # fmt: skip
        tickets.append(ticket)
        clocks += [each.row(ticket["id"], is_last=each is case.episodes[-1]) for each in case.episodes]
        events += case.events(ticket["id"])
    for model, rows in ((Ticket, tickets), (Clock, clocks), (Event, events)):
        if rows:
            session.execute(insert(model), rows)


def add_policy(session: Session, policy_id: UUID = GOLD, *clocks: str, **values: Any) -> None:
    started = {"starts_on": ["replied"], "stops_on": ["customer_replied"]}
    document = {"name": "Gold", "clocks": [{"name": each, **started} for each in clocks]}
    row = {"id": policy_id, "name": "Gold", "version": 1, "is_default": False, "created_at": NOW}
    session.add(Policy(**(row | values)))
    session.flush()
    session.add(PolicyVersion(policy_id=policy_id, version=1, document=document, created_at=NOW))
    session.flush()


def sla(session: Session, **asked: Any) -> dict[str, Any]:
    return wire(measure.sla(session, query.sla(plain(asked), now=NOW)))


async def figures(services: Services, cases: Sequence[Case], **asked: Any) -> dict[str, Any]:
    """Return the total over these cases."""

    def story(session: Session) -> Any:
        add(session, cases)
        return sla(session, **asked)["total"]

    total: dict[str, Any] = await told(services, story)
    return total


def some(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names}


# Any episodes, against plain Python

START = datetime(2024, 4, 1, tzinfo=UTC)
SPAN = (NOW - START) // SECOND


def any_cases(chance: Random, size: int) -> list[Case]:
    """Return cases of one to three episodes, crowded around the turns: due instants, the hour after, now."""

    def episode(began: datetime, ordinal: int, *, is_last: bool) -> Episode:
        due_after = chance.choice([None, 60 * SECOND, HOUR, 2 * DAY, timedelta(0, chance.randrange(10**6))])
        near = (due_after or HOUR) + chance.choice([-SECOND, timedelta(), MICROSECOND, SECOND, DAY])
        took = chance.choice([near, chance.randrange(10**11) * MICROSECOND])
        if chance.random() < 0.05:
            took = -SECOND
        return Episode(
            began=began,
            took=chance.choice([took, None]) if is_last else abs(took),
            due_after=due_after,
            target=chance.choice([60, 60, 60, None]) if due_after else 60,
            ordinal=ordinal,
            heard_of_start=chance.choice([timedelta(), 2 * DAY]),
            heard_of_end=chance.choice([timedelta(), SECOND, 2 * DAY]),
            answerer=chance.choice([ANA, BEN]),
            clock="resolution",
        )

    def case() -> Case:
        episodes: list[Episode] = []
        began = START + chance.choice([chance.randrange(SPAN), SPAN - 60, SPAN - 3600]) * SECOND
        for ordinal in range(1, (number := chance.choice([1, 1, 2, 3])) + 1):
            episodes.append(episode(began, ordinal, is_last=ordinal == number))
            began = (episodes[-1].ended or began) + chance.choice([SECOND, DAY])
        return Case(
            tuple(episodes),
            origin=chance.choice(["live", "import"]),
            channel=chance.choice(["web", "phone"]),
            assignee=chance.choice([ANA, BEN, None]),
            quarantined=chance.random() < 0.1,
        )

    return [case() for _ in range(size)]


@dataclass(frozen=True)
class Seen:
    """An episode as it was known: still running where its end was not."""

    case: Case
    episode: Episode

    @property
    def agent(self) -> UUID | None:
        return self.case.assignee if self.episode.took is None else self.episode.answerer


def seen(cases: Iterable[Case], clock: str, known_at: datetime | None) -> list[Seen]:
    found = []
    for case in cases:
        known = [
            each
            if known_at is None or not each.ended or case.heard_at(each.ended, each.heard_of_end) <= known_at
            else replace(each, took=None)
            for each in case.episodes
            if known_at is None or case.heard_at(each.began, each.heard_of_start) <= known_at
        ]
        chosen = [each for each in known if each.ordinal == 1] if clock == "resolution_first" else known[-1:]
        found += [Seen(case, each) for each in chosen if START <= each.began <= NOW and not case.quarantined]
    return found


def expected(found: Iterable[Seen], as_of: datetime, clock: str) -> dict[str, Any]:
    """Return what plain Python says of these episodes."""
    every = [each.episode for each in found]
    broken = [
        each.episode
        for each in found
        if each.episode.ended and each.episode.ended < max(each.episode.began, each.case.episodes[0].began)
    ]
    judged = [each for each in every if each not in broken and each.target is not None]
    running = [each for each in judged if each.ended is None]
    overdue = [each for each in running if each.due_at and each.due_at < as_of]
    waiting = [each for each in running if each not in overdue]
    late = sorted(
        (each.ended - each.due_at) / SECOND
        for each in judged
        if each.ended and each.due_at and each.ended > each.due_at
    )
    met = len(judged) - len(running) - len(late)
    n = met + len(late) + len(overdue)
    ranked = {p: late[math.ceil(Fraction(p, 100) * len(late)) - 1] if late else None for p in (50, 90)}
    return {
        "clock": clock,
        "n": n,
        "n_open": len(running),
        "n_inconsistent": len(broken),
        "n_unjudged": len(every) - len(broken) - len(judged),
        "met": met,
        "breached": len(late) + len(overdue),
        "overdue": len(overdue),
        "running": len(waiting),
        "paused": sum(each.due_at is None for each in waiting),
        "due_soon": sum(each.due_at is not None and each.due_at <= as_of + HOUR for each in waiting),
        "attainment": met / n if n else None,
        "late_p50_seconds": ranked[50],
        "late_p90_seconds": ranked[90],
        "late_max_seconds": max(late, default=None),
    }


@pytest.mark.parametrize("clock", ["resolution", "resolution_first"])
@pytest.mark.parametrize("days_ago", [None, 0, 3])
async def test_any_episodes_give_the_figures_that_plain_python_gives(
    services: Services, clock: str, days_ago: int | None
) -> None:
    """Judged as of every hour of a day, with all that is known and with what was known some days ago."""
    known_at = None if days_ago is None else NOW - days_ago * DAY

    def story(session: Session) -> None:
        add_people(session)

        @EXAMPLES
        @given(
            seed=st.integers(0, 2**32), size=st.sampled_from([0, 1, 3, 20, 100]), hours=st.integers(-2, 24)
        )
        def holds(seed: int, size: int, hours: int) -> None:
            as_of = NOW - hours * HOUR
            span = {"from": START, "to": NOW + timedelta(microseconds=1)}
            asked: dict[str, Any] = {"clock": clock, **span, "as_of": as_of, "known_at": known_at}
            asked = {name: str(value).replace(" ", "T") for name, value in asked.items() if value is not None}
            cases = any_cases(Random(seed), size)
            with session.begin_nested() as example:
                add(session, cases)
                found = seen(cases, clock, known_at)

                whole = sla(session, **asked)
                grouped = sla(session, **asked, group_by="agent,channel")
                narrowed = sla(session, **asked, agent="Ana", origin="live")

                assert whole["data"] == [whole["total"]] == [expected(found, as_of, clock)]
                assert whole["as_of"] == as_of
                assert whole.get("known_at") == known_at
                groups: dict[Any, list[Seen]] = {}
                for each in found:
                    groups.setdefault((each.agent, each.case.channel), []).append(each)
                rows = {(row["agent"] and row["agent"]["id"], row["channel"]): row for row in grouped["data"]}
                assert {key: {**row, "agent": key[0]} for key, row in rows.items()} == {
                    (agent, channel): {"agent": agent, "channel": channel} | expected(those, as_of, clock)
                    for (agent, channel), those in groups.items()
                }
                assert narrowed["total"] == expected(
                    [each for each in found if each.agent == ANA and each.case.origin == "live"], as_of, clock
                )
                example.rollback()

        holds()

    await services.write(story)


# Verdicts, case by case


@pytest.mark.parametrize(
    ("episode", "verdict"),
    [
        pytest.param(Episode(took=120 * SECOND), "met", id="an answer at the very instant it is due"),
        pytest.param(
            Episode(took=120 * SECOND + MICROSECOND), "breached", id="an answer a microsecond too late"
        ),
        pytest.param(Episode(due_after=None), "met", id="an answer while paused, with something left"),
        pytest.param(Episode(took=None, due_after=DAY), "running", id="due this very instant"),
        pytest.param(Episode(took=None, due_after=DAY - MICROSECOND), "overdue", id="due an instant ago"),
        pytest.param(Episode(took=None, due_after=DAY + HOUR), "due_soon", id="due within the hour"),
        pytest.param(
            Episode(took=None, due_after=DAY + HOUR + MICROSECOND), "running", id="due after the hour"
        ),
        pytest.param(Episode(took=None, due_after=None), "paused", id="paused: nobody knows when"),
        pytest.param(Episode(target=None, due_after=None), "n_unjudged", id="nothing was promised"),
        pytest.param(Episode(took=-SECOND, due_after=None), "n_inconsistent", id="answered before it began"),
    ],
)
async def test_an_episode_has_one_verdict(services: Services, episode: Episode, verdict: str) -> None:
    total = await figures(services, [one(episode)])

    also = {"overdue": {"breached", "n", "n_open"}, "due_soon": {"running", "n_open"}}
    also |= {"paused": {"running", "n_open"}, "running": {"n_open"}, "met": {"n"}, "breached": {"n"}}
    expects = {verdict, *also.get(verdict, ())}
    expects |= {"due_soon"} if episode.due_after == DAY else set()
    assert {name for name, value in total.items() if value == 1 and "seconds" not in name} - {
        "attainment"
    } == expects


async def test_an_answer_a_second_late_between_two_sweeps_is_a_breach_of_one_second(
    services: Services,
) -> None:
    """No worker ever said so: a verdict is read from the instants alone."""
    total = await figures(services, [one(Episode(took=121 * SECOND)), one(Episode()), one(Episode())])

    assert some(total, "n", "met", "breached", "attainment", "late_max_seconds") == {
        "n": 3, "met": 2, "breached": 1, "attainment": 2 / 3, "late_max_seconds": 1.0,
    }  # fmt: skip


async def test_lateness_is_ranked_among_those_that_ended_late(services: Services) -> None:
    """The overdue are in breached, and in no lateness: it is still growing."""
    late = [one(Episode(took=(120 + seconds) * SECOND)) for seconds in (1, 2, 3, 4, 5, 6, 7, 8, 9, 500)]
    rest = [one(Episode(took=None)), one(Episode())]

    total = await figures(services, [*late, *rest])

    names = ("breached", "overdue", "late_p50_seconds", "late_p90_seconds", "late_max_seconds")
    assert [total[name] for name in names] == [11, 1, 5.0, 9.0, 500.0]


async def test_without_a_judged_episode_attainment_is_null_and_never_zero(services: Services) -> None:
    total = await figures(services, [one(Episode(target=None, due_after=None))])

    assert some(total, "n", "n_unjudged", "attainment", "late_max_seconds") == {
        "n": 0, "n_unjudged": 1, "attainment": None, "late_max_seconds": None,
    }  # fmt: skip


async def test_as_of_judges_what_runs_and_leaves_what_has_ended_alone(services: Services) -> None:
    """An answer of tomorrow is already stored: as of today it is judged by itself."""
    ended_late = Episode(took=DAY, due_after=HOUR)
    runs = Episode(took=None, due_after=HOUR)

    earlier = await figures(services, [one(ended_late), one(runs)], as_of=f"{BEGAN:%Y-%m-%dT%H:%M:%SZ}")

    assert some(earlier, "breached", "overdue", "running", "due_soon") == {
        "breached": 1, "overdue": 0, "running": 1, "due_soon": 1,
    }  # fmt: skip


async def test_resolve_reopen_resolve_counts_a_ticket_once(services: Services) -> None:
    first = Episode(took=DAY, due_after=HOUR, clock="resolution", answerer=ANA)
    again = Episode(began=BEGAN + 2 * DAY, due_after=HOUR, clock="resolution", ordinal=2, answerer=BEN)

    def story(session: Session) -> list[dict[str, Any]]:
        add(session, [Case((replace(first, began=BEGAN - 2 * DAY), replace(again, began=BEGAN)))])
        return [sla(session, clock=clock, group_by="agent") for clock in ("resolution", "resolution_first")]

    last, initial = await told(services, story)

    assert [(row["agent"]["name"], row["n"], row["met"]) for row in last["data"]] == [("Ben", 1, 1)]
    assert [(row["agent"]["name"], row["n"], row["breached"]) for row in initial["data"]] == [("Ana", 1, 1)]


async def test_what_was_not_known_yet_was_not_so(services: Services) -> None:
    """A resolution we heard of late, a reopening we heard of later, and history, known when it happened."""
    first = Episode(began=BEGAN - 2 * DAY, took=HOUR, due_after=2 * HOUR, clock="resolution")
    heard_late = replace(first, heard_of_end=DAY)
    again = replace(first, began=BEGAN, took=None, ordinal=2, heard_of_start=HOUR)
    live, imported = Case((heard_late, again)), Case((first, again), origin="import")

    def story(session: Session) -> list[Any]:
        add(session, [live, imported])
        moments = [first.began + 3 * HOUR, BEGAN - HOUR, BEGAN, BEGAN + HOUR]
        return [
            [
                sla(session, clock="resolution", known_at=at.isoformat(), origin=origin)["total"]
                for origin in ("live", "import")
            ]
            for at in moments
        ]

    found = await told(services, story)

    def words(row: dict[str, Any]) -> str:
        return " ".join(name for name in ("met", "overdue", "running") if row[name])

    assert [[words(row) for row in rows] for rows in found] == [
        ["overdue", "met"],
        ["met", "met"],
        ["met", "running"],
        ["running", "running"],
    ]


async def test_episodes_stand_in_the_bucket_in_which_they_began(services: Services) -> None:
    midnight = datetime(2024, 4, 13, 18, 15, tzinfo=UTC)  # of the 14th in Kathmandu

    def story(session: Session) -> dict[str, Any]:
        add(session, [one(Episode(began=midnight - MICROSECOND)), one(Episode(began=midnight, took=None))])
        return sla(session, interval="day", tz="Asia/Kathmandu", from_="2024-04-13", to="2024-04-15")

    assert [(row["bucket"], row["met"], row["overdue"]) for row in (await told(services, story))["data"]] == [
        (midnight - DAY, 1, 0),
        (midnight, 0, 1),
    ]


async def test_quarantined_tickets_are_in_no_promise(services: Services) -> None:
    total = await figures(services, [one(Episode(), quarantined=True), one(Episode())])

    assert some(total, "n", "n_open") == {"n": 1, "n_open": 0}


# Clocks of one's own, policies and segments


async def test_a_clock_is_known_once_a_policy_has_it(services: Services) -> None:
    def story(session: Session) -> list[Any]:
        add_policy(session, GOLD, "first_response", "callback", deleted_at=NOW)
        add(session, [one(Episode(clock="callback"))])
        return [
            sla(session, clock="callback"),
            response_times(session, clock="callback"),
        ]

    promised, took = await told(services, story)

    assert (promised["total"]["met"], took["total"]["n"], took["total"]["max_seconds"]) == (1, 1, 60.0)
    assert took["definition"] == {"name": "response_time.own", "version": 1}
    assert (promised["total"]["clock"], took["total"]["clock"]) == ("callback", "callback")


async def test_a_clock_that_no_policy_has_is_refused(services: Services) -> None:
    def story(session: Session) -> list[str]:
        add_policy(session, GOLD, "callback")
        pointers = []
        for ask in (sla, response_times):
            with pytest.raises(ValidationError) as refused:
                ask(session, clock="call_back")
            pointers += [flaw.pointer for flaw in refused.value.flaws]
        return pointers

    assert await told(services, story) == ["/query/clock", "/query/clock"]


async def test_policies_and_segments_tell_figures_apart(services: Services) -> None:
    """A policy of today may have the name of one that was deleted; the name means both."""

    def story(session: Session) -> list[dict[str, Any]]:
        add_policy(session, OLD_GOLD, deleted_at=NOW)
        add_policy(session, GOLD)
        cases = [one(Episode(), segment="gold"), one(Episode(target=None, due_after=None))]
        add(session, cases)
        session.execute(insert(Ticket), [ticket_row(BEGAN, policy_id=OLD_GOLD, segment="silver")])
        return [
            sla(session, group_by="policy,segment"),
            response_times(session, policy="Gold"),
            response_times(session, segment="gold", group_by="segment"),
            volume(session, policy="Gold", group_by="policy"),
            volume(session, policy=str(GOLD)),
        ]

    promised, by_policy, by_segment, came, none = await told(services, story)

    assert [(row["policy"], row["segment"], row["n"], row["n_unjudged"]) for row in promised["data"]] == [
        ({"id": GOLD, "name": "Gold"}, "gold", 1, 0),
        (None, None, 0, 1),
    ]
    assert by_policy["total"]["n"] == 1
    assert [(row["segment"], row["n"]) for row in by_segment["data"]] == [("gold", 1)]
    assert [(row["policy"], row["n"]) for row in came["data"]] == [({"id": OLD_GOLD, "name": "Gold"}, 1)]
    assert none["total"]["n"] == 0


# Business time


async def test_business_time_is_what_counted_and_null_without_a_calendar(services: Services) -> None:
    spans = (5 * SECOND, 7 * SECOND, MICROSECOND)
    counted = [Episode(took=DAY, calendar=True, counted=each) for each in spans]
    others = [
        Episode(took=DAY, counted=60 * SECOND),  # around the clock
        Episode(took=None, calendar=True, counted=60 * SECOND),
        Episode(took=-SECOND, calendar=True),
    ]

    def story(session: Session) -> list[dict[str, Any]]:
        add(session, [one(each) for each in (*counted, *others)])
        return [response_times(session, mode=mode, within=6)["total"] for mode in ("business", "elapsed")]

    business, elapsed = await told(services, story)

    names = ("mode", "n", "n_open", "n_inconsistent", "n_unknown")
    assert [business[name] for name in names] == ["business", 3, 1, 1, 1]
    assert [business[name] for name in ("p50_seconds", "max_seconds", "within")] == [5.0, 7.0, {"6": 2 / 3}]
    assert business["mean_seconds"] == 12_000_001 / 3_000_000
    assert [elapsed[name] for name in names] == ["elapsed", 4, 1, 1, 0]


async def test_business_time_to_resolution_is_the_sum_of_all_resolutions(services: Services) -> None:
    """The rest between a resolution and a reopening counts for nobody; the first one keeps its own."""
    first = Episode(began=BEGAN - 9 * DAY, took=DAY, calendar=True, counted=8 * HOUR, clock="resolution")
    again = replace(first, began=BEGAN - 5 * DAY, counted=2 * HOUR, ordinal=2)
    runs = replace(again, took=None, ordinal=2)
    unknown = replace(first, calendar=False)

    def story(session: Session) -> list[dict[str, Any]]:
        add(session, [Case((first, again)), Case((first, runs)), Case((unknown, again))])
        return [
            response_times(session, clock=clock, mode="business")["total"]
            for clock in ("resolution", "resolution_first")
        ]

    last, initial = await told(services, story)

    names = ("n", "n_open", "n_unknown", "max_seconds")
    assert [last[name] for name in names] == [1, 1, 1, 36_000.0]
    assert [initial[name] for name in names] == [2, 0, 1, 28_800.0]
