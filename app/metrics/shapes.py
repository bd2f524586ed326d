"""The shape of a row: its keys, and the figures made of what was found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.metrics import rules
from app.metrics.query import ResponseTimesQuery
from app.metrics.rules import (
    LATE_PERCENTILES,
    PERCENTILES,
    Distribution,
    Durations,
    Lateness,
    Scale,
    Verdict,
)
from app.metrics.schemas import Ces, Csat, Nps, Own, ResponseTimes, Sla, Volume

Keys = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """The instrument whose scores are shown, and the fewest answers that give a figure."""

    name: str
    version: int
    scale: Scale
    min_n: int


def response_times(keys: Keys, found: Durations, *, asked: ResponseTimesQuery) -> ResponseTimes:
    """Return a row of response times."""
    ranked = zip(PERCENTILES, found.ranked, strict=True)
    percentiles: Keys = {f"p{percent}_seconds": rules.seconds(took) for percent, took in ranked}
    return ResponseTimes(
        **keys,
        clock=asked.clock,
        mode=asked.mode,
        n=found.n,
        n_open=found.n_open,
        n_inconsistent=found.n_inconsistent,
        n_unknown=found.n_unknown,
        **percentiles,
        mean_seconds=rules.mean_seconds(found.total, found.n),
        max_seconds=rules.seconds(found.longest),
        within={
            str(seconds): rules.share(count, found.n)
            for seconds, count in zip(asked.within, found.within, strict=True)
        },
    )


def sla(keys: Keys, found: Lateness, *, clock: str) -> Sla:
    """Return a row of promises."""
    count = {each: found.counts.get(each, 0) for each in Verdict}
    met, breached = count[Verdict.MET], count[Verdict.LATE] + count[Verdict.OVERDUE]
    running = count[Verdict.RUNNING] + count[Verdict.PAUSED] + count[Verdict.DUE_SOON]
    ranked = zip(LATE_PERCENTILES, found.ranked, strict=True)
    percentiles: Keys = {f"late_p{percent}_seconds": rules.seconds(late) for percent, late in ranked}
    return Sla(
        **keys,
        clock=clock,
        n=met + breached,
        n_open=running + count[Verdict.OVERDUE],
        n_inconsistent=count[Verdict.INCONSISTENT],
        n_unjudged=count[Verdict.UNJUDGED],
        met=met,
        breached=breached,
        overdue=count[Verdict.OVERDUE],
        running=running,
        paused=count[Verdict.PAUSED],
        due_soon=count[Verdict.DUE_SOON],
        attainment=rules.share(met, met + breached),
        **percentiles,
        late_max_seconds=rules.seconds(found.longest),
    )


def volume(keys: Keys, found: tuple[int, int]) -> Volume:
    """Return a row of volume."""
    n, quarantined = found
    return Volume(**keys, n=n, n_open=None, quarantined=quarantined)


def csat(keys: Keys, given: Distribution, asked: Asked) -> Csat:
    """Return a row of satisfaction."""
    told = _told(given, asked)
    n, top = rules.answers(told), rules.at_least(told, 4)
    return Csat(
        **_scores(keys, given, asked), top_two_share=rules.share(top, n), wilson_95=rules.wilson(top, n)
    )


def ces(keys: Keys, given: Distribution, asked: Asked) -> Ces:
    """Return a row of customer effort."""
    told = _told(given, asked)
    n, easy = rules.answers(told), rules.at_least(told, 5)
    return Ces(
        **_scores(keys, given, asked), easy_share=rules.share(easy, n), wilson_95=rules.wilson(easy, n)
    )


def nps(keys: Keys, given: Distribution, asked: Asked) -> Nps:
    """Return a row of net promotion."""
    found = rules.promotion(_told(given, asked))
    return Nps(
        **_scores(keys, given, asked),
        promoters=found.promoters if found else None,
        passives=found.passives if found else None,
        detractors=found.detractors if found else None,
        nps=found.nps if found else None,
    )


def own(keys: Keys, given: Distribution, asked: Asked) -> Own:
    """Return a row of a scale of one's own."""
    return Own(**_scores(keys, given, asked), normalised=rules.normalised(_told(given, asked), asked.scale))


def _told(given: Distribution, asked: Asked) -> Distribution:
    """Return the answers that figures may be made of: all, or none where there are too few."""
    return given if rules.answers(given) >= asked.min_n else {}


def _scores(keys: Keys, given: Distribution, asked: Asked) -> dict[str, Any]:
    """Return what the rows of all instruments have in common."""
    told = _told(given, asked)
    return {
        **keys,
        "instrument": asked.name,
        "instrument_version": asked.version,
        "n": rules.answers(given),
        "n_open": None,
        "mean": rules.mean(told),
        "distribution": rules.distribution(told, asked.scale) if told else None,
        "reason": None if told else f"fewer than {asked.min_n} answers",
    }
