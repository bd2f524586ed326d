"""How fast the clocks are, by themselves: one process, one core, no database; in time of the processor.

A replay folds the events of a typical ticket and judges and settles every episode they make, by office hours
with a lunch and holidays. `add` finds the end of thirty days of work, over holidays and a change of the
clocks. The figures are medians of rounds, and the spread is that of the rounds. `rejudging.py` adds what a
whole installation makes of them.
"""

import os
import statistics
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from time import process_time
from uuid import UUID

from app.policies.calendar import Calendar, SpecialDay, add
from app.policies.definitions import BUILT_IN
from app.policies.terms import Facts, Target, Terms
from app.policies.terms import Warning as Warn
from app.sla.rules import Happened, replay
from app.sla.verdicts import Told, judge, settle
from bench import rejudging
from bench.figures import Figure, publish

FULL = os.environ.get("FULL") == "1"
ROUNDS = 15 if FULL else 7
SECONDS = 1.0 if FULL else 0.5
REPLAYS, MICROSECONDS = 20_000, 20
MONDAY = datetime(2026, 3, 2, 9, 7, tzinfo=UTC)
HOLIDAYS = {
    date(2026, month, day): SpecialDay("holiday")
    for month, day in ((1, 1), (4, 3), (4, 5), (4, 25), (5, 1), (6, 4), (6, 10), (12, 25))
}
OFFICE = Calendar(
    "Europe/Lisbon",
    (((540, 780), (840, 1080)),) * 5 + ((), ()),
    lambda _: HOLIDAYS,
    key="office",
)
AGENT = UUID(int=1)
TICKET = tuple(
    Happened(f"ticket.{what}", version, MONDAY + timedelta(minutes=minutes), AGENT)
    for version, (what, minutes) in enumerate(
        (
            ("opened", 0), ("assigned", 4), ("replied", 25), ("customer_replied", 70), ("replied", 400),
            ("pended", 401), ("customer_replied", 1_600), ("resolved", 1_900),
        ),
        start=1,
    )
)  # fmt: skip
NOW = MONDAY + timedelta(minutes=1_900)
FACTS = Facts("complaint", "web", "high")
PRIORITIES = {"urgent": 1, "high": 4, "normal": 8, "low": 24}
TERMS = {
    definition.name: Terms(
        definition,
        tuple(
            Target(times * timedelta(hours=hours), {"priority": frozenset({priority})})
            for priority, hours in PRIORITIES.items()
        ),
        pauses,
        (Warn(fraction=0.5), Warn(lead=timedelta(minutes=15))),
        OFFICE,
    )
    for definition, times, pauses in zip(
        BUILT_IN, (1, 1, 3), (frozenset(), frozenset(), frozenset({"pending"})), strict=True
    )
}


def replay_once() -> None:
    fold = replay(TICKET, priority="high")
    for episode in fold.result():
        judged = judge(episode, fold.standings, TERMS[episode.name], FACTS)
        settle(episode, judged, Told(None, MONDAY), now=NOW)


def add_once() -> None:
    add(OFFICE, MONDAY, timedelta(hours=8 * 30))


def seconds_of(act: Callable[[], None]) -> list[float]:
    """Return what an act took in each round, on average."""
    act()
    rounds = []
    for _ in range(ROUNDS):
        times, begun = 0, process_time()
        while (took := process_time() - begun) < SECONDS:
            for _ in range(100):
                act()
            times += 100
        rounds.append(took / times)
    return rounds


def main() -> None:
    rates = [1 / each for each in seconds_of(replay_once)]
    added = [each * 1e6 for each in seconds_of(add_once)]
    rate, once = statistics.median(rates), statistics.median(added)
    publish(
        "clocks",
        [
            Figure(
                "replay, judge and settle a ticket of 8 events",
                round(rate),
                "/s",
                spread=(round(min(rates)), round(max(rates))),
                target=f"≥ {REPLAYS:,}",
                met=rate >= REPLAYS,
            ),
            Figure(
                "add 30 days of work over holidays",
                round(once, 2),
                "µs",
                spread=(round(min(added), 2), round(max(added), 2)),
                target=f"≤ {MICROSECONDS}",
                met=once <= MICROSECONDS,
            ),
            *rejudging.measure(),
        ],
    )


if __name__ == "__main__":
    main()
