"""What every figure means, once: the API answers with it, the documentation is written from it.

A definition's version is raised with any change that can change a number.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.metrics.query import CLOCKS, SCORE_DIMENSIONS, TICKET_DIMENSIONS
from app.metrics.rules import LATE_PERCENTILES, PERCENTILES


@dataclass(frozen=True, slots=True)
class Definition:
    """What a metric counts, which bucket a fact belongs to, what each number says, and what the rules are."""

    name: str
    version: int
    title: str
    counts: str
    bucketed_by: str
    figures: Mapping[str, str]
    rules: tuple[str, ...]
    dimensions: tuple[str, ...]


_WHOSE = (
    "Quarantined tickets are left out.",
    "The agent is who ended the episode; while it is open, who has the ticket.",
    "The policy is the one the episode is judged by.",
    "The other dimensions are the ticket's, as they are now.",
)
_TIMES = {
    "n": "Episodes that ended and are consistent; every duration below is of these.",
    "n_open": "Episodes that still run at `as_of`.",
    "n_inconsistent": "Episodes that ended before they began, or before their ticket did.",
    "n_unknown": "Episodes that ended after a time that nobody knows: business time without a calendar.",
    **{
        f"p{percent}_seconds": f"Nearest rank: the one at rank ceil({percent} * n / 100), shortest first."
        for percent in PERCENTILES
    },
    "mean_seconds": "The arithmetic mean.",
    "max_seconds": "The longest.",
    "within": "By threshold in seconds: durations of no more than that, / n.",
}
_TIME_RULES = (
    "An answer that came late counts like any other, with all the time it took.",
    "An open episode is in n_open alone: nobody knows yet how long it will take.",
    "An inconsistent episode is in n_inconsistent alone: it says something of the data, not of an answer.",
    "In mode `elapsed`, the default, a duration is all the time from the first instant to the last.",
    "In mode `business` it is what counted of it: open hours of the clock's calendar, without its pauses.",
    "Where a clock has no calendar there is no business time: null, and in n_unknown alone.",
    "Durations are exact to the microsecond, and divided only at the very end.",
    *_WHOSE,
)
_SLA = {
    "n": "Episodes that were judged: met + breached.",
    "n_open": "Episodes with a target that still run: running + overdue.",
    "n_inconsistent": "Episodes that ended before they began, or before their ticket did.",
    "n_unjudged": "Episodes without a target: there was no policy, or none of its targets fits.",
    "met": "Ended no later than they fell due; ending at that very instant is in time.",
    "breached": "Ended after they fell due, or overdue.",
    "overdue": "Still run, and fell due before `as_of`; part of breached, not of running.",
    "running": "Still run, and did not fall due before `as_of`.",
    "paused": "Part of running: nothing counts at present, so nobody knows when they fall due.",
    "due_soon": "Part of running: fall due at `as_of` or in the hour after it.",
    "attainment": "met / n.",
    **{
        f"late_p{percent}_seconds": f"Of those that ended late, by how much: nearest rank, {percent} in 100."
        for percent in LATE_PERCENTILES
    },
    "late_max_seconds": "Of those that ended late, by how much the latest.",
}
_SCORES = {
    "n": "Answers given.",
    "n_open": "Null: a score is never open.",
    "mean": "The arithmetic mean, in the instrument's own units.",
    "distribution": "How often each value was given; up to 101 steps are listed even if not chosen.",
    "reason": "Why the figures are null; null when they are not.",
}
_SCORE_RULES = (
    "One version of one instrument, the latest unless another is asked for; they are never mixed.",
    "Whoever skipped the question gave no answer, and is in no part of any figure.",
    "With fewer answers than the setting `min_n`, n is told and every other figure is null.",
    "Quarantined scores are left out.",
    "The agent is who had the ticket when it was resolved, kept with the score.",
)
_WILSON = "The 95 % interval of that share after Wilson, without continuity correction."


OWN = "own"


def _response_time(clock: str, title: str, counts: str, bucketed_by: str, *rules: str) -> Definition:
    return Definition(
        f"response_time.{clock}",
        1,
        title,
        counts,
        bucketed_by,
        _TIMES,
        (*rules, *_TIME_RULES),
        TICKET_DIMENSIONS,
    )


def _satisfaction(kind: str, title: str, figures: Mapping[str, str], *rules: str) -> Definition:
    return Definition(
        name=f"satisfaction.{kind}",
        version=1,
        title=title,
        counts="Scores given on an instrument of this kind.",
        bucketed_by="When the score was given.",
        figures={**_SCORES, **figures},
        rules=(*rules, *_SCORE_RULES),
        dimensions=SCORE_DIMENSIONS,
    )


DEFINITIONS = (
    _response_time(
        CLOCKS[0],
        "First response",
        "One episode a ticket: from its opening to the first public answer of a person.",
        "When the ticket was opened.",
        "Resolving a ticket without an answer does not end the wait for one.",
    ),
    _response_time(
        CLOCKS[1],
        "Next response",
        "Any number a ticket: from a customer's word while nobody owes an answer, to the next answer.",
        "When the customer said that word.",
    ),
    _response_time(
        CLOCKS[2],
        "Resolution",
        "One duration a ticket, however often reopened: from its opening to the end of its last resolution.",
        "When the ticket was opened.",
        "A reopened ticket is open again until it is resolved again; then its whole time counts, once.",
        "Its business time is what counted of all its resolutions, without the rests between them.",
    ),
    _response_time(
        CLOCKS[3],
        "First resolution",
        "One episode a ticket: from its opening to its first resolution, whatever came after.",
        "When the ticket was opened.",
    ),
    _response_time(
        OWN,
        "A clock of one's own",
        "Any number a ticket: from each event that starts the clock to the next that stops it.",
        "When the clock was started.",
    ),
    Definition(
        name="sla",
        version=1,
        title="Promises kept (SLA)",
        counts="The episodes of one clock, each by its own target.",
        bucketed_by="When the episode started.",
        figures=_SLA,
        rules=(
            "A ticket has one resolution: for clock `resolution` its last, for `resolution_first` its first.",
            "Every episode is judged by itself: a reopening starts another one, which falls due on its own.",
            "An episode falls due at the earliest instant at which what counted of it reaches its target.",
            "`as_of` judges what still runs; what has ended is judged by itself, even if it ended later.",
            "With `known_at`, an episode whose end was not known by then runs.",
            "An end that was told later takes the place of the one known before, also with `known_at`.",
            "With `known_at`, an episode whose start was not known by then is not there, nor a last one.",
            "An event was known when it was received; one of an imported ticket, when it occurred.",
            "Targets and due instants are those known today, also with `known_at`.",
            "Without `as_of` it is `known_at`; without either it is now.",
            "An inconsistent episode is in n_inconsistent alone, one without a target in n_unjudged alone.",
            "Lateness is elapsed time, exact to the microsecond; that of overdue episodes is not known yet.",
            *_WHOSE,
        ),
        dimensions=TICKET_DIMENSIONS,
    ),
    _satisfaction(
        "csat",
        "Customer satisfaction (CSAT)",
        {"top_two_share": "Answers of 4 and 5 / n, on a scale of 1 to 5.", "wilson_95": _WILSON},
    ),
    _satisfaction(
        "nps",
        "Net promoter score (NPS)",
        {
            "promoters": "Answers of 9 and 10.",
            "passives": "Answers of 7 and 8.",
            "detractors": "Answers of 0 to 6.",
            "nps": "100 * (promoters - detractors) / n, from -100 to 100.",
        },
        "Promoters, passives and detractors add up to n.",
    ),
    _satisfaction(
        "ces",
        "Customer effort score (CES)",
        {"easy_share": "Answers of 5 to 7 / n, on a scale of 1 to 7.", "wilson_95": _WILSON},
    ),
    _satisfaction(
        "scale",
        "A scale of one's own",
        {"normalised": "100 * (mean - lowest) / (highest - lowest): for the trend of this one instrument."},
        "Normalised figures of two instruments are not comparable.",
    ),
    Definition(
        name="volume",
        version=1,
        title="Volume",
        counts="Tickets, and submissions of scores alone. Several scores sent together are one submission.",
        bucketed_by="When it occurred; for scores, when they were given.",
        figures={
            "n": "What came in and is not in quarantine.",
            "n_open": "Null: this counts what came in, open or not.",
            "quarantined": "What came in and is in quarantine; not part of n.",
        },
        rules=(
            "A submission of scores has kind `score`, and neither priority, segment nor policy.",
            "The agent of a ticket is who has it now, and the policy the one it is under now.",
        ),
        dimensions=TICKET_DIMENSIONS,
    ),
)
_BY_NAME = {each.name: each for each in DEFINITIONS}


def definition(name: str) -> Definition:
    """Return a definition by its name."""
    return _BY_NAME[name]


def of_response_times(clock: str) -> Definition:
    """Return the definition of how long a clock's episodes took."""
    return definition(f"response_time.{clock if clock in CLOCKS else OWN}")


def markdown() -> str:
    """Return the page about definitions; the copy in the documentation is generated from it."""
    return "\n".join([_PREFACE, *(line for each in DEFINITIONS for line in _section(each))])


_PREFACE = """# Definitions

What every figure means. This page is made from `app/metrics/definitions.py` (`make docs`), and the API says
the same at `GET /v1/metrics/definitions`. Each answer names its definition and version; whatever can change a
number raises the version.

- A figure that is not known is null, never 0.
- Periods are half-open: from the first instant up to, not including, the last.
- Buckets begin at local midnights of the zone asked for, weeks on Monday; the first and the last are cut at
  `from` and `to`. A day on which clocks change has 23 or 25 hours, or whatever that zone does.
- A total is measured over everything asked for; it is not made of the rows' figures.
- Empty buckets have a row, unless the answer is told apart by dimensions.
"""


def _section(each: Definition) -> list[str]:
    return [
        f"## {each.title}",
        "",
        f"`{each.name}`, version {each.version}",
        "",
        f"- **Counts**: {each.counts}",
        f"- **Bucket**: {each.bucketed_by}",
        f"- **Dimensions**: {', '.join(each.dimensions)}.",
        *(f"- {rule}" for rule in each.rules),
        "",
        "| figure | meaning |",
        "| --- | --- |",
        *(f"| `{figure}` | {meaning} |" for figure, meaning in each.figures.items()),
        "",
    ]
