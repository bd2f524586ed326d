"""What Prometheus is told: base units, `_total` on what only grows, and labels that are ours.

The business figures are not here: those are exact, and asked for at `/v1/metrics/…`.
"""

import platform
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from app.edge.readiness import Readiness
from app.edge.telemetry import Distribution, Telemetry
from app.services import Services


def expose(telemetry: Telemetry, services: Services, seen: Readiness, *, accept: str) -> tuple[bytes, str]:
    """Return the text that Prometheus reads, and its content type."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(
        _Families([*_requests(telemetry), *_intake(telemetry, services), *_rest(services, seen)])
    )
    try:
        encode, content_type = choose_encoder(accept)
    except TypeError:  # it was asked for a version that is no number
        encode, content_type = choose_encoder("")
    return encode(registry), content_type


class _Families(Collector):
    """What was counted, in the shape a registry asks for."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _requests(telemetry: Telemetry) -> Iterator[Metric]:
    yield _counts(
        "heard_http_requests",
        "Requests answered, by method, route template and status.",
        ("method", "route", "status"),
        {(method, route, str(status)): n for (method, route, status), n in telemetry.requests.items()},
    )
    yield _distributions(
        "heard_http_request_duration_seconds",
        "Seconds from the first look at a request to the end of its answer.",
        ("method", "route"),
        telemetry.seconds.items(),
    )
    yield _counts(
        "heard_http_malformed",
        "What was refused below the application, by code.",
        ("code",),
        {(code,): n for code, n in telemetry.malformed.items()},
    )


def _intake(telemetry: Telemetry, services: Services) -> Iterator[Metric]:
    intake = services.intake
    yield _counts(
        "heard_intake_submissions",
        "Submissions that were flushed, by what became of them.",
        ("outcome",),
        {(outcome,): n for outcome, n in telemetry.submissions.items()},
    )
    yield _distributions(
        "heard_intake_flush_submissions", "Submissions in one flush.", (), [((), telemetry.flush_rows)]
    )
    yield _distributions(
        "heard_intake_flush_duration_seconds", "Seconds of one flush.", (), [((), telemetry.flush_seconds)]
    )
    yield _gauge("heard_intake_waiting_rows", "Rows that wait to be flushed.", intake.waiting_rows)
    yield _count("heard_intake_overloads", "Posts refused because too much was waiting.", intake.overloads)
    yield _count("heard_intake_flusher_restarts", "Flushers that died and were replaced.", intake.restarts)


def _rest(services: Services, seen: Readiness) -> Iterator[Metric]:
    database, pulse = services.database, services.pulse
    yield _count("heard_database_commits", "Transactions committed.", database.commits)
    yield _count(
        "heard_database_commit_failures", "Transactions the database did not take.", database.commit_failures
    )
    yield _counts("heard_worker_steps", "Steps that succeeded.", ("step",), _by_step(pulse.succeeded))
    yield _counts("heard_worker_step_failures", "Steps that failed.", ("step",), _by_step(pulse.failed))
    last = GaugeMetricFamily(
        "heard_worker_step_success_timestamp_seconds", "When a step last succeeded.", labels=("step",)
    )
    for step, at in pulse.succeeded_at.items():
        last.add_metric((step,), at.timestamp())
    yield last
    jobs = GaugeMetricFamily("heard_jobs", "Jobs, by where they stand.", labels=("state",))
    for state, count in seen.jobs.items():
        jobs.add_metric((state,), count)
    yield jobs
    yield _gauge("heard_worker_up", "Whether a worker is at work, in this process or elsewhere.", seen.worker)
    yield _gauge("heard_ready", "Whether this process is ready, as /readyz says.", seen.ready)
    yield _gauge(
        "heard_configuration_age_seconds",
        "Seconds since the configuration was known to be current.",
        seen.snapshot_age_seconds,
    )
    if seen.wal_bytes is not None:
        yield _gauge("heard_sqlite_wal_bytes", "Size of the write-ahead log.", seen.wal_bytes)
    if seen.disk_free_bytes is not None:
        yield _gauge("heard_disk_free_bytes", "Free space of the data folder.", seen.disk_free_bytes)
    info = GaugeMetricFamily("heard_build_info", "What runs here.", labels=("version", "python", "database"))
    kind = "sqlite" if services.settings.embedded else "postgresql"
    info.add_metric((version("heard"), platform.python_version(), kind), 1)
    yield info


def _by_step(counts: Mapping[str, int]) -> dict[tuple[str, ...], int]:
    return {(step,): count for step, count in counts.items()}


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)


def _count(name: str, meaning: str, value: int) -> Metric:
    return CounterMetricFamily(name, meaning, value=value)


def _counts(
    name: str, meaning: str, labels: tuple[str, ...], counts: Mapping[tuple[str, ...], int]
) -> Metric:
    family = CounterMetricFamily(name, meaning, labels=labels)
    for values, count in counts.items():
        family.add_metric(values, count)
    return family


def _distributions(
    name: str, meaning: str, labels: tuple[str, ...], found: Iterable[tuple[tuple[str, ...], Distribution]]
) -> Metric:
    family = HistogramMetricFamily(name, meaning, labels=labels)
    for values, distribution in found:
        reached, buckets = 0, []
        for bound, count in zip([*distribution.bounds, float("inf")], distribution.counts, strict=True):
            reached += count
            buckets.append((f"{bound:g}" if bound != float("inf") else "+Inf", reached))
        family.add_metric(values, buckets, distribution.total)
    return family
