"""Figures from both databases, against plain Python over the same facts, and against the bugs others have."""

import csv
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.errors import ValidationError
from app.metrics import measure, query
from app.metrics.rules import PERCENTILES
from app.models.people import Agent, Team
from app.models.satisfaction import Instrument, Score
from app.models.sla import Clock
from app.models.tickets import Ticket
from app.services import Services
from tests.real_data import real_data

NOW = datetime(2024, 4, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)
ANA, BEN = UUID(int=0xA), UUID(int=0xB)
SECOND_LINE = UUID(int=0x5)
AGENTS = {ANA: "Ana", BEN: "Ben"}
EXAMPLES = settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    database=None,
)


@dataclass(frozen=True)
class Episode:
    """A ticket with one episode of one clock, which began when the ticket opened unless it says otherwise."""

    began: datetime = NOW - DAY
    took: timedelta | None = 60 * SECOND
    clock: str = "first_response"
    ordinal: int = 1
    is_last: bool = True
    opened: datetime | None = None
    answerer: UUID | None = ANA
    assignee: UUID | None = BEN
    channel: str = "web"
    topic: str | None = None
    origin: str = "live"
    quarantined: bool = False
    inconsistent: bool = False

    @property
    def counts(self) -> bool:
        """Whether its duration is known and means something."""
        return self.took is not None and not self.is_broken

    @property
    def is_broken(self) -> bool:
        return self.inconsistent or (self.took is not None and self.took < timedelta())

    @property
    def agent(self) -> UUID | None:
        return self.assignee if self.took is None else self.answerer


def ticket_row(opened: datetime, **values: Any) -> dict[str, Any]:
    number = uuid4()
    row: dict[str, Any] = dict.fromkeys(column.key for column in Ticket.__table__.columns)
    return row | {
        "id": number, "reference": number.hex[:12], "kind": "question", "channel": "web", "origin": "live",
        "subject": "", "text": "", "search_text": "", "language": "en", "priority": "normal", "version": 1,
        "team_id": SECOND_LINE, "status": "open", "occurred_at": opened, "received_at": opened,
        "token_version": 1, **values,
    }  # fmt: skip


def clock_row(ticket_id: UUID, episode: Episode) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(column.key for column in Clock.__table__.columns)
    return row | {
        "id": uuid4(), "ticket_id": ticket_id, "name": episode.clock, "ordinal": episode.ordinal,
        "start_version": episode.ordinal, "started_at": episode.began,
        "stopped_at": None if episode.took is None else episode.began + episode.took,
        "agent_id": episode.answerer if episode.took is not None else None, "inconsistent": episode.is_broken,
        "is_last": episode.is_last, "scheduled_at": episode.began, "counted": 0,
        "counted_until": episode.began,
        "counting": episode.took is None, "warned": 0, "revision": 0,
    }  # fmt: skip


def score_row(value: float, instrument: UUID, at: datetime = NOW - DAY, **values: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(column.key for column in Score.__table__.columns)
    return row | {
        "id": uuid4(), "submission_id": uuid4(), "standalone": True, "instrument_id": instrument,
        "value": value, "channel": "web", "language": "en", "origin": "live",
        "given_at": at, "received_at": at, **values,
    }  # fmt: skip


def add_episodes(session: Session, episodes: Sequence[Episode]) -> None:
    tickets = [
        ticket_row(
            each.opened or each.began, channel=each.channel, topic=each.topic, origin=each.origin,
            assignee_id=each.assignee, quarantined_at=NOW if each.quarantined else None,
        )
        for each in episodes
    ]  # fmt: skip
    if episodes:
        session.execute(insert(Ticket), tickets)
        session.execute(
            insert(Clock), [clock_row(t["id"], e) for t, e in zip(tickets, episodes, strict=True)]
        )


def add_people(session: Session) -> None:
    session.add_all(
        Agent(
            id=number, name=name, email=None, capacity=1, languages=[], zone="UTC", skills={}, created_at=NOW
        )
        for number, name in AGENTS.items()
    )
    session.add(Team(id=SECOND_LINE, name="Second line", strategy="pull", is_default=False, created_at=NOW))
    session.flush()


def add_instrument(
    session: Session, kind: str, *, low: int, high: int, step: float = 1, version: int = 7
) -> UUID:
    """Add a version that is later than what every installation starts with."""
    made = Instrument(
        id=uuid4(),
        name=kind,
        version=version,
        kind=kind,
        low=low,
        high=high,
        step=step,
        question="",
        created_at=NOW,
    )
    session.add(made)
    session.flush()
    return made.id


def response_times(session: Session, **asked: Any) -> dict[str, Any]:
    return wire(measure.response_times(session, query.response_times(plain(asked), now=NOW), now=NOW))


def satisfaction(session: Session, *, min_n: int = 1, **asked: Any) -> dict[str, Any]:
    return wire(
        measure.satisfaction(session, query.satisfaction(plain(asked), now=NOW), now=NOW, min_n=min_n)
    )


def volume(session: Session, **asked: Any) -> dict[str, Any]:
    return wire(measure.volume(session, query.volume(plain(asked), now=NOW), now=NOW))


def plain(asked: dict[str, Any]) -> dict[str, list[str]]:
    """Write arguments as a query string does: `from_` is `from`, and everything is a list of strings."""
    several = {name.rstrip("_"): each if isinstance(each, list) else [each] for name, each in asked.items()}
    return {name: [str(each) for each in values] for name, values in several.items()}


def wire(answer: Any) -> dict[str, Any]:
    shown: dict[str, Any] = answer.model_dump(by_alias=True, exclude_unset=True)
    return shown


# Any episodes, against plain Python

ASKED: dict[str, Any] = {
    "from_": "2024-03-10",
    "to": "2024-04-10",
    "tz": "Europe/Lisbon",
    "within": [0, 60, 120, 86_400],
}
START, END = datetime(2024, 3, 10, tzinfo=UTC), datetime(2024, 4, 9, 23, tzinfo=UTC)
APRIL = datetime(2024, 3, 31, 23, tzinfo=UTC)
WEEKS = [START, *(datetime(2024, 3, day, tzinfo=UTC) for day in (11, 18, 25)), APRIL, APRIL + 7 * DAY, END]
TOPICS = {"=1+1": 0, "zoo": 1, "Zürich": 2, None: 3}


def any_episodes(chance: Random, size: int) -> list[Episode]:
    """Return episodes that crowd where rules turn, on edges of buckets and thresholds, and anywhere else."""
    edges = [edge + step for edge in WEEKS for step in (-MICROSECOND, timedelta(), MICROSECOND)]
    round_times = [
        *(seconds * SECOND for seconds in (-2, 0, 1, 60, 61, 120, 121, 86_400)),
        120 * SECOND + MICROSECOND,
    ]
    anywhere = START - DAY, (END - START + 2 * DAY) // MICROSECOND

    def episode() -> Episode:
        return Episode(
            began=chance.choice(
                [*edges, *[anywhere[0] + chance.randrange(anywhere[1]) * MICROSECOND] * len(edges)]
            ),
            took=chance.choice([None, chance.choice(round_times), chance.randrange(10**13) * MICROSECOND]),
            answerer=chance.choice([ANA, BEN, None]),
            assignee=chance.choice([ANA, BEN, None]),
            channel=chance.choice(["web", "phone", "email"]),
            topic=chance.choice(list(TOPICS)),
            origin=chance.choice(["live", "import"]),
            quarantined=chance.random() < 0.1,
            inconsistent=chance.random() < 0.1,
        )

    return [episode() for _ in range(size)]


def expected(episodes: Iterable[Episode]) -> dict[str, Any]:
    """Return what plain Python says of these episodes."""
    every = list(episodes)
    took = sorted((each.took or timedelta()) // MICROSECOND for each in every if each.counts)
    n = len(took)
    ranked = {
        percent: took[math.ceil(Fraction(percent, 100) * n) - 1] if n else None for percent in PERCENTILES
    }
    return {
        "clock": "first_response",
        "mode": "elapsed",
        "n": n,
        "n_open": sum(each.took is None and not each.is_broken for each in every),
        "n_inconsistent": sum(each.is_broken for each in every),
        "n_unknown": 0,
        **{f"p{percent}_seconds": None if at is None else at / 10**6 for percent, at in ranked.items()},
        "mean_seconds": float(Fraction(sum(took), n * 10**6)) if n else None,
        "max_seconds": took[-1] / 10**6 if n else None,
        "within": {
            str(w): sum(each <= w * 10**6 for each in took) / n if n else None for w in ASKED["within"]
        },
    }


def compare_the_total(session: Session, seen: Sequence[Episode]) -> None:
    found = response_times(session, **ASKED)

    assert found["data"] == [found["total"]] == [expected(seen)]


def compare_the_weeks(session: Session, seen: Sequence[Episode]) -> None:
    found = response_times(session, **ASKED, interval="week")

    assert found["total"] == expected(seen)
    assert found["data"] == [
        {"bucket": begins} | expected(each for each in seen if begins <= each.began < ends)
        for begins, ends in pairwise(WEEKS)
    ]


def compare_the_groups(session: Session, seen: Sequence[Episode]) -> None:
    found = response_times(session, **ASKED, group_by="agent,topic", interval="month")

    rows: dict[Any, list[Episode]] = {}
    for each in seen:
        rows.setdefault((APRIL if each.began >= APRIL else START, each.agent, each.topic), []).append(each)
    order = sorted(rows, key=lambda key: (key[0], AGENTS.get(key[1], "~"), TOPICS[key[2]]))
    assert found["data"] == [
        {"bucket": month, "agent": agent and {"id": agent, "name": AGENTS[agent]}, "topic": topic}
        | expected(rows[month, agent, topic])
        for month, agent, topic in order
    ]


def compare_what_is_filtered(session: Session, seen: Sequence[Episode]) -> None:
    found = response_times(session, **ASKED, agent=["Ana", BEN], channel=["web", "phone"], origin="live")

    kept = [
        each for each in seen if each.agent and each.channel in {"web", "phone"} and each.origin == "live"
    ]
    assert found["total"] == expected(kept)


@pytest.mark.parametrize(
    "compare", [compare_the_total, compare_the_weeks, compare_the_groups, compare_what_is_filtered]
)
async def test_any_episodes_give_the_figures_that_plain_python_gives(
    services: Services, compare: Callable[[Session, Sequence[Episode]], None]
) -> None:
    def story(session: Session) -> None:
        add_people(session)

        @EXAMPLES
        @given(seed=st.integers(0, 2**32), size=st.sampled_from([0, 1, 2, 20, 60, 200]))
        def holds(seed: int, size: int) -> None:
            episodes = any_episodes(Random(seed), size)
            with session.begin_nested() as example:
                add_episodes(session, episodes)
                compare(session, [e for e in episodes if START <= e.began < END and not e.quarantined])
                example.rollback()

        holds()

    await services.write(story)


# Bugs that others have, by name


async def told(services: Services, story: Callable[[Session], Any]) -> Any:
    """Run a story after the people came in, and return what it found."""

    def whole(session: Session) -> Any:
        add_people(session)
        return story(session)

    return await services.write(whole)


async def test_late_answers_are_in_averages_and_percentiles(services: Services) -> None:
    def story(session: Session) -> dict[str, Any]:
        add_episodes(
            session,
            [*(Episode(took=60 * SECOND) for _ in range(8)), *(Episode(took=9 * DAY) for _ in range(2))],
        )
        return response_times(session, within=120)

    total = (await told(services, story))["total"]

    assert (total["n"], total["p50_seconds"], total["p90_seconds"]) == (10, 60.0, 9 * 86_400.0)
    assert (total["max_seconds"], total["mean_seconds"]) == (777_600.0, 155_568.0)
    assert total["within"] == {"120": 0.8}


async def test_resolve_reopen_resolve_counts_a_ticket_once(services: Services) -> None:
    """The time of a reopened ticket is its whole time, and the first resolution keeps its own."""
    opened = NOW - 10 * DAY

    def story(session: Session) -> list[dict[str, Any]]:
        ticket = ticket_row(opened)
        session.execute(insert(Ticket), ticket)
        first = Episode(began=opened, took=1 * DAY, clock="resolution", is_last=False, answerer=ANA)
        again = Episode(began=opened + 3 * DAY, took=1 * DAY, clock="resolution", ordinal=2, answerer=BEN)
        session.execute(insert(Clock), [clock_row(ticket["id"], each) for each in (first, again)])
        return [
            response_times(session, clock=clock, group_by="agent")
            for clock in ("resolution", "resolution_first")
        ]

    last, first = await told(services, story)

    assert [(row["agent"]["name"], row["n"], row["max_seconds"]) for row in last["data"]] == [
        ("Ben", 1, 4 * 86_400.0)
    ]
    assert [(row["agent"]["name"], row["n"], row["max_seconds"]) for row in first["data"]] == [
        ("Ana", 1, 86_400.0)
    ]


async def test_a_reopened_ticket_is_open_again_and_stays_in_its_bucket(services: Services) -> None:
    opened = datetime(2024, 4, 1, tzinfo=UTC)

    def story(session: Session) -> list[dict[str, Any]]:
        ticket = ticket_row(opened, assignee_id=BEN)
        session.execute(insert(Ticket), ticket)
        first = Episode(began=opened, took=1 * DAY, clock="resolution", is_last=False)
        again = Episode(began=opened + 8 * DAY, took=None, clock="resolution", ordinal=2)
        session.execute(insert(Clock), [clock_row(ticket["id"], each) for each in (first, again)])
        asked = {"interval": "week", "group_by": "agent", "from_": "2024-04-01"}
        return [response_times(session, clock=clock, **asked) for clock in ("resolution", "resolution_first")]

    last, first = await told(services, story)

    assert [(row["bucket"], row["agent"]["name"], row["n"], row["n_open"]) for row in last["data"]] == [
        (opened, "Ben", 0, 1)
    ]
    assert [(row["bucket"], row["agent"]["name"], row["n"], row["n_open"]) for row in first["data"]] == [
        (opened, "Ana", 1, 0)
    ]


async def test_an_answer_before_its_ticket_is_kept_out_of_every_duration(services: Services) -> None:
    """Also where the clock alone looks sound, but ended before the ticket was opened."""
    opened = NOW - DAY

    def story(session: Session) -> list[dict[str, Any]]:
        sound = Episode(took=100 * SECOND)
        broken = [replace(sound, took=-5 * SECOND), replace(sound, inconsistent=True)]
        before = Episode(began=opened - 2 * DAY, took=DAY, opened=opened)
        add_episodes(session, [sound, *broken, before, replace(before, clock="resolution")])
        return [response_times(session)["total"], response_times(session, clock="resolution")["total"]]

    first_response, resolution = await told(services, story)

    assert (first_response["n"], first_response["n_open"], first_response["n_inconsistent"]) == (1, 0, 3)
    assert (
        first_response["p50_seconds"]
        == first_response["mean_seconds"]
        == first_response["max_seconds"]
        == 100.0
    )
    assert (resolution["n"], resolution["n_inconsistent"], resolution["max_seconds"]) == (0, 1, None)


async def test_nothing_found_is_null_and_not_zero(services: Services) -> None:
    def story(session: Session) -> dict[str, Any]:
        return response_times(session, within=120, interval="day", from_="2024-04-13")

    found = await told(services, story)

    empty = {
        "clock": "first_response", "mode": "elapsed", "n": 0, "n_open": 0, "n_inconsistent": 0,
        "n_unknown": 0, "p50_seconds": None, "p90_seconds": None,
        "p95_seconds": None, "p99_seconds": None, "mean_seconds": None, "max_seconds": None,
        "within": {"120": None},
    }  # fmt: skip
    assert found["total"] == empty
    assert found["data"] == [{"bucket": datetime(2024, 4, day, tzinfo=UTC)} | empty for day in (13, 14, 15)]


async def test_a_thousand_buckets_each_get_what_is_theirs(services: Services) -> None:
    start = datetime(2021, 7, 1, tzinfo=UTC)

    def story(session: Session) -> dict[str, Any]:
        add_episodes(session, [Episode(began=start + n * DAY, took=n * SECOND) for n in range(1000)])
        return response_times(session, interval="day", from_="2021-07-01", to=(start + 1000 * DAY).date())

    found = await told(services, story)

    rows = [(row["bucket"], row["n"], row["max_seconds"]) for row in found["data"]]
    assert rows == [(start + n * DAY, 1, n) for n in range(1000)]


async def test_groups_nothing_is_in_have_no_row(services: Services) -> None:
    found = await told(services, lambda session: response_times(session, group_by="channel", interval="day"))

    assert (found["data"], found["total"]["n"]) == ([], 0)


async def test_sums_past_64_bits_of_microseconds_are_exact(services: Services) -> None:
    """Four hundred waits of eight hundred years: as long as a million tickets wait a few months each."""
    wait = timedelta(days=800 * 365, microseconds=1)

    def story(session: Session) -> dict[str, Any]:
        began = datetime(1950, 1, 1, tzinfo=UTC)
        add_episodes(session, [Episode(began=began, took=wait) for _ in range(400)])
        return response_times(session, from_="1950-01-01")

    total = (await told(services, story))["total"]

    assert total["mean_seconds"] == total["max_seconds"] == wait / SECOND


# Names


async def test_filters_take_ids_and_names_and_refuse_names_nobody_has(services: Services) -> None:
    def story(session: Session) -> list[dict[str, Any]]:
        add_episodes(session, [Episode(answerer=ANA), Episode(answerer=BEN), Episode(answerer=None)])
        with pytest.raises(ValidationError) as refused:
            response_times(session, agent=["Ana", "Zoe"], team="Nobody")
        assert [flaw.pointer for flaw in refused.value.flaws] == ["/query/agent", "/query/team"]
        unknown = UUID(int=0xFFFF)
        return [response_times(session, agent=[who])["total"] for who in ("Ana", str(BEN), unknown)]

    assert [total["n"] for total in await told(services, story)] == [1, 1, 0]


async def test_an_id_whose_owner_is_gone_is_shown_without_a_name(services: Services) -> None:
    gone = UUID(int=0xDEAD)

    def story(session: Session) -> dict[str, Any]:
        add_episodes(session, [Episode(answerer=gone), Episode(answerer=None), Episode(answerer=ANA)])
        return response_times(session, group_by="agent")

    assert [row["agent"] for row in (await told(services, story))["data"]] == [
        {"id": gone, "name": None},
        {"id": ANA, "name": "Ana"},
        None,
    ]


# Satisfaction


@pytest.mark.parametrize(
    ("which", "values", "figures"),
    [
        pytest.param(
            "csat", [5, 5, 4, 3, 1],
            {"mean": 3.6, "top_two_share": 0.6, "distribution": {"1": 1, "2": 0, "3": 1, "4": 1, "5": 2}},
            id="csat",
        ),
        pytest.param(
            "nps", [10, 9, 8, 7, 6, 0, 0, 0],
            {"mean": 5.0, "promoters": 2, "passives": 2, "detractors": 4, "nps": -25.0}, id="nps",
        ),
        pytest.param("ces", [7, 5, 4, 1], {"mean": 4.25, "easy_share": 0.5}, id="ces"),
    ],
)  # fmt: skip
async def test_each_kind_of_instrument_has_its_figures(
    services: Services, which: str, values: list[float], figures: dict[str, Any]
) -> None:
    scale = {"csat": (1, 5), "nps": (0, 10), "ces": (1, 7)}[which]

    def story(session: Session) -> dict[str, Any]:
        instrument = add_instrument(session, which, low=scale[0], high=scale[1])
        session.execute(insert(Score), [score_row(value, instrument) for value in values])
        return satisfaction(session, instrument=which)

    found = await told(services, story)

    row = found["data"][0]
    assert row == found["total"]
    assert row | figures == row
    assert (row["n"], row["n_open"], row["reason"]) == (len(values), None, None)
    assert (row["instrument"], row["instrument_version"]) == (which, 7)
    assert ("wilson_95" in row) == (which != "nps")
    assert found["definition"] == {"name": f"satisfaction.{which}", "version": 1}


async def test_a_scale_of_ones_own_with_half_steps_is_exact(services: Services) -> None:
    values = [0.5, 1.1, 2.2, 3.3, 5.0] * 3

    def story(session: Session) -> dict[str, Any]:
        instrument = add_instrument(session, "scale", low=0, high=10, step=0.1)
        session.execute(insert(Score), [score_row(value, instrument) for value in values])
        return satisfaction(session, instrument="scale")

    total = (await told(services, story))["total"]

    assert (total["n"], total["mean"], total["normalised"]) == (15, 2.42, pytest.approx(24.2, rel=1e-15))
    assert {value: count for value, count in total["distribution"].items() if count} == dict.fromkeys(
        ("0.5", "1.1", "2.2", "3.3", "5"), 3
    )


async def test_skipped_and_quarantined_answers_and_other_versions_are_in_no_part_of_nps(
    services: Services,
) -> None:
    def story(session: Session) -> list[dict[str, Any]]:
        old = add_instrument(session, "nps", low=0, high=10, version=6)
        new = add_instrument(session, "nps", low=0, high=10, version=7)
        add_episodes(session, [Episode() for _ in range(5)])  # asked, and silent
        rows = [
            score_row(0, old),
            score_row(0, new, quarantined_at=NOW),
            *(score_row(value, new) for value in (10, 9, 3)),
        ]
        session.execute(insert(Score), rows)
        return [satisfaction(session, instrument="nps", version=version)["total"] for version in (6, 7)]

    earlier, latest = await told(services, story)

    assert (latest["n"], latest["nps"]) == (3, 100 / 3)
    assert (earlier["n"], earlier["nps"]) == (1, -100.0)


async def test_too_few_answers_tell_their_number_and_nothing_else(services: Services) -> None:
    def story(session: Session) -> dict[str, Any]:
        instrument = add_instrument(session, "csat", low=1, high=5)
        scores = [score_row(value, instrument, agent_id=who) for value, who in ((5, ANA), (4, ANA), (1, BEN))]
        session.execute(insert(Score), scores)
        return satisfaction(session, group_by="agent", min_n=2)

    found = await told(services, story)

    assert [(row["agent"]["name"], row["n"], row["top_two_share"]) for row in found["data"]] == [
        ("Ana", 2, 1.0),
        ("Ben", 1, None),
    ]
    silent = found["data"][1]
    assert silent["reason"] == "fewer than 2 answers"
    assert [silent[name] for name in ("mean", "distribution", "wilson_95")] == [None, None, None]
    assert (found["total"]["n"], found["total"]["mean"]) == (3, 10 / 3)


async def test_scores_stand_in_the_bucket_in_which_they_were_given(services: Services) -> None:
    midnight = datetime(2024, 4, 13, 18, 15, tzinfo=UTC)  # of the 14th in Kathmandu

    def story(session: Session) -> dict[str, Any]:
        instrument = add_instrument(session, "csat", low=1, high=5)
        session.execute(
            insert(Score),
            [score_row(1, instrument, midnight - MICROSECOND), score_row(5, instrument, midnight)],
        )
        return satisfaction(
            session, interval="day", from_="2024-04-13", tz="Asia/Kathmandu", group_by="instrument"
        )

    found = await told(services, story)

    assert [(row["bucket"], row["instrument"], row["mean"]) for row in found["data"]] == [
        (midnight - DAY, "csat", 1.0),
        (midnight, "csat", 5.0),
    ]


async def test_an_instrument_or_version_that_is_not_there_is_refused(services: Services) -> None:
    def story(session: Session) -> list[str]:
        pointers = []
        for asked in ({"instrument": "stars"}, {"instrument": "csat", "version": 99}):
            with pytest.raises(ValidationError) as refused:
                satisfaction(session, **asked)
            pointers += [flaw.pointer for flaw in refused.value.flaws]
        return pointers

    assert await told(services, story) == ["/query/instrument", "/query/version"]


# Volume


async def test_volume_counts_each_submission_once_and_quarantine_apart(services: Services) -> None:
    def story(session: Session) -> list[dict[str, Any]]:
        instrument = add_instrument(session, "csat", low=1, high=5)
        together: dict[str, Any] = {"submission_id": uuid4(), "channel": "phone"}
        on_ticket = ticket_row(NOW - DAY)
        tickets = [
            on_ticket,
            ticket_row(NOW - DAY, channel="phone"),
            ticket_row(NOW - DAY, quarantined_at=NOW),
        ]
        session.execute(insert(Ticket), tickets)
        scores = [
            *(score_row(value, instrument, **together) for value in (1, 2, 3)),
            score_row(4, instrument, quarantined_at=NOW),
            score_row(5, instrument, standalone=False, ticket_id=on_ticket["id"]),
        ]
        session.execute(insert(Score), scores)
        asked: list[dict[str, Any]] = [
            {},
            {"group_by": ["kind", "channel"]},
            {"kind": "score", "interval": "month"},
        ]
        return [volume(session, **each) for each in asked]

    whole, grouped, monthly = await told(services, story)

    assert whole["data"] == [whole["total"]] == [{"n": 3, "n_open": None, "quarantined": 2}]
    assert [(row["kind"], row["channel"], row["n"], row["quarantined"]) for row in grouped["data"]] == [
        ("question", "phone", 1, 0),
        ("question", "web", 1, 1),
        ("score", "phone", 1, 0),
        ("score", "web", 0, 1),
    ]
    assert grouped["total"] == whole["total"]
    assert [(row["n"], row["quarantined"]) for row in monthly["data"]] == [(0, 0), (1, 1)]


# A real help desk


async def test_a_years_tickets_of_a_real_help_desk_give_the_figures_known_of_it(services: Services) -> None:
    with real_data("technical_support_sla.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    year: dict[str, Any] = {"from_": "2023-01-01", "to": "2024-01-01"}

    def story(session: Session) -> list[dict[str, Any]]:
        for clock, column in (("first_response", "First response time"), ("resolution", "Resolution time")):
            add_episodes(session, [real_episode(line, clock, column) for line in lines])
        return [
            response_times(session, **year, group_by="channel"),
            response_times(session, **year, clock="resolution"),
        ]

    answered, resolved = await told(services, story)

    assert [(row["channel"], row["n"], round(row["p50_seconds"] / 60, 4)) for row in answered["data"]] == [
        ("chat", 846, 1.2454),
        ("email", 1220, 32.1603),
        ("phone", 244, 1.2336),
    ]
    total = answered["total"]
    assert (total["n"], total["n_open"], total["n_inconsistent"]) == (2310, 18, 2)
    assert total["p50_seconds"] == 330.153
    assert round(total["mean_seconds"] / 60, 3) == 26.827
    assert (resolved["total"]["n"], resolved["total"]["n_open"]) == (1912, 418)
    assert round(resolved["total"]["mean_seconds"] / 3600, 3) == 33.238


def real_episode(line: dict[str, str], clock: str, column: str) -> Episode:
    began = datetime.fromisoformat(line["Created time"]).replace(tzinfo=UTC)
    ended = datetime.fromisoformat(line[column]).replace(tzinfo=UTC) if line[column] else None
    took = None if ended is None else ended - began
    return Episode(began=began, took=took, clock=clock, channel=line["Source"].lower())
