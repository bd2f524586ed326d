"""Figures from both databases, against plain Python over the same facts, and against the bugs others have."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.metrics import measure, query
from app.metrics.rules import PERCENTILES
from app.models.access import Site
from app.models.people import Agent, Team
from app.models.satisfaction import Instrument, Score
from app.models.tickets import Clock, Ticket
from app.services import Services

NOW = datetime(2024, 4, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)
ANA, BEN = UUID(int=0xA), UUID(int=0xB)
SUPPORT = UUID(int=0x5)
AGENTS = {ANA: "Ana", BEN: "Ben"}
EXAMPLES = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    database=None,
)


@dataclass(frozen=True)
class Episode:
    """A ticket with one episode of one clock; the ticket opened when the episode began, unless it says otherwise."""

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
        "subject": "", "text": "", "search_text": "", "language": "en", "priority": "normal", "status": "open",
        "team_id": SUPPORT, "occurred_at": opened, "received_at": opened, "token_version": 1, "version": 1, **values,
    }  # fmt: skip


def clock_row(ticket_id: UUID, episode: Episode) -> dict[str, Any]:
    return {
        "id": uuid4(), "ticket_id": ticket_id, "name": episode.clock, "ordinal": episode.ordinal, "start_version": 1,
        "started_at": episode.began, "stopped_at": None if episode.took is None else episode.began + episode.took,
        "agent_id": episode.answerer if episode.took is not None else None, "inconsistent": episode.is_broken,
        "is_last": episode.is_last,
    }  # fmt: skip


def score_row(value: float, instrument: UUID, at: datetime = NOW - DAY, **values: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(column.key for column in Score.__table__.columns)
    return row | {
        "id": uuid4(), "submission_id": uuid4(), "standalone": True, "instrument_id": instrument, "value": value,
        "channel": "web", "language": "en", "origin": "live", "given_at": at, "received_at": at, **values,
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
    for number, name in AGENTS.items():
        session.add(
            Agent(
                id=number,
                name=name,
                email=None,
                capacity=1,
                languages=[],
                zone="UTC",
                skills={},
                created_at=NOW,
            )
        )
    session.add(Team(id=SUPPORT, name="Support", strategy="pull", is_default=False, created_at=NOW))
    session.add(
        Site(
            id=uuid4(),
            name="shop",
            public_key="pk",
            origins=[],
            allow_servers=False,
            languages=[],
            theme={},
            created_at=NOW,
        )
    )
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

INSTANTS = st.integers(0, 40 * 86_400 * 10**6).map(
    lambda us: datetime(2024, 3, 5, tzinfo=UTC) + us * MICROSECOND
)
DURATIONS = st.one_of(
    st.none(),
    st.integers(-2, 300).map(lambda seconds: seconds * SECOND),
    st.integers(0, 10**13).map(lambda us: us * MICROSECOND),
)
EPISODES = st.lists(
    st.builds(
        Episode,
        began=INSTANTS,
        took=DURATIONS,
        answerer=st.sampled_from([ANA, BEN, None]),
        assignee=st.sampled_from([ANA, BEN, None]),
        channel=st.sampled_from(["web", "phone", "email"]),
        topic=st.sampled_from(list(TOPICS)),
        origin=st.sampled_from(["live", "import"]),
        quarantined=st.sampled_from([False, False, False, True]),
        inconsistent=st.sampled_from([False, False, False, True]),
    ),
    max_size=40,
)


def expected(episodes: Iterable[Episode]) -> dict[str, Any]:
    """Return what plain Python says of these episodes."""
    every = list(episodes)
    took = sorted((each.took or timedelta()) // MICROSECOND for each in every if each.counts)
    n = len(took)
    ranked = {
        percent: took[math.ceil(Fraction(percent, 100) * n) - 1] if n else None for percent in PERCENTILES
    }
    return {
        "n": n,
        "n_open": sum(each.took is None and not each.is_broken for each in every),
        "n_inconsistent": sum(each.is_broken for each in every),
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
        @given(EPISODES)
        def holds(episodes: list[Episode]) -> None:
            with session.begin_nested() as example:
                add_episodes(session, episodes)
                compare(session, [e for e in episodes if START <= e.began < END and not e.quarantined])
                example.rollback()

        holds()

    await services.write(story)
