"""2,330 real support tickets through the importer: each figure without a policy, against a plain count."""

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from httpx import AsyncClient

from app.cli.convert import Line, convert
from app.cli.loading import chunks
from app.cli.mapping import TicketMapping, read_mapping
from app.cli.rows import open_rows, read_rows
from tests.cast import Cast
from tests.real_data import ROOT, real_data

# The last surveys came back in January 2024; scores are counted when they were given.
YEARS = {"from": "2023-01-01T00:00:00Z", "to": "2025-01-01T00:00:00Z"}


@dataclass(frozen=True)
class Row:
    """One ticket of the file."""

    channel: str
    agent: str
    created: datetime
    responded: datetime | None
    resolved: datetime | None
    score: int | None


def read_time(text: str) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


@cache
def rows() -> list[Row]:
    with real_data("technical_support_sla.csv").open(encoding="utf-8", newline="") as file:
        return [
            Row(
                channel=row["Source"].lower(),
                agent=row["Agent Name"],
                created=datetime.fromisoformat(row["Created time"]).replace(tzinfo=UTC),
                responded=read_time(row["First response time"]),
                resolved=read_time(row["Resolution time"]),
                score=int(float(row["Survey results"])) if row["Survey results"] else None,
            )
            for row in csv.DictReader(file)
        ]


@cache
def lines() -> list[Line]:
    path: Path = real_data("technical_support_sla.csv")
    mapping = read_mapping(ROOT / "docs/mappings/technical_support_sla.toml", TicketMapping)
    with open_rows(path, mapping.file) as stream:
        found = convert(mapping, read_rows(stream, mapping.file))
        return [line for line in found if isinstance(line, Line)]


async def load(admin: AsyncClient, import_id: str) -> dict[str, int]:
    """Post the file as the command line does, and return what became of its lines."""
    tally: dict[str, int] = defaultdict(int)
    for chunk in chunks(lines()):
        answer = await admin.post(
            "/v1/tickets/import",
            params={"import_id": import_id},
            headers={"content-type": "application/x-ndjson"},
            content=b"\n".join(line.body for line in chunk),
        )
        assert answer.status_code == 200, answer.text
        for name in ("accepted", "unchanged", "rejected"):
            tally[name] += answer.json()[name]
    return dict(tally)


def expected(durations: Iterable[float]) -> dict[str, Any]:
    """Return count, nearest-rank percentiles, mean and longest of durations in seconds, counted plainly."""
    ordered = sorted(durations)
    ranks = {f"p{p}_seconds": ordered[-(-len(ordered) * p // 100) - 1] for p in (50, 90, 95, 99)}
    mean = sum(ordered) / len(ordered)
    return {"n": len(ordered), **ranks, "mean_seconds": mean, "max_seconds": ordered[-1]}


def groups(key: Callable[[Row], str]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows():
        found[key(row)].append(row)
    return found


async def figures(admin: AsyncClient, path: str, **query: Any) -> dict[str, Any]:
    answer = await admin.get(f"/v1/metrics/{path}", params=YEARS | query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def name_of(dimension: Any) -> str:
    return str(dimension["name"] if isinstance(dimension, dict) else dimension)


async def check_response_times(admin: AsyncClient, group_by: str, key: Callable[[Row], str]) -> None:
    for clock, stopped in (("first_response", "responded"), ("resolution", "resolved")):
        found = await figures(admin, "response-times", clock=clock, group_by=group_by)
        by_name = {name_of(each[group_by]): each for each in found["data"]}
        assert by_name.keys() == groups(key).keys()
        for name, members in groups(key).items():
            ends = [(getattr(row, stopped), row.created) for row in members]
            sound = [(end - start).total_seconds() for end, start in ends if end and end >= start]
            assert by_name[name]["n_open"] == sum(1 for end, _ in ends if end is None)
            assert by_name[name]["n_inconsistent"] == sum(1 for end, start in ends if end and end < start)
            wanted = expected(sound)
            assert {each: by_name[name][each] for each in wanted} == pytest.approx(wanted, rel=1e-12)


async def test_the_whole_file_gives_its_figures_and_an_undo_leaves_nothing(cast: Cast) -> None:
    import_id = str(uuid4())
    assert await load(cast.admin, import_id) == {"accepted": 2330, "unchanged": 0, "rejected": 0}

    first = (await figures(cast.admin, "response-times", clock="first_response"))["total"]
    assert (first["n"], first["n_open"], first["n_inconsistent"]) == (2310, 18, 2)
    assert first["p50_seconds"] / 60 == pytest.approx(5.5026, abs=5e-5)
    assert first["mean_seconds"] / 60 == pytest.approx(26.827, abs=5e-4)
    resolution = (await figures(cast.admin, "response-times", clock="resolution"))["total"]
    assert (resolution["n"], resolution["n_open"]) == (1912, 418)
    assert resolution["mean_seconds"] / 3600 == pytest.approx(33.238, abs=5e-4)
    csat = (await figures(cast.admin, "satisfaction", instrument="csat"))["total"]
    assert (csat["n"], csat["mean"]) == (1173, pytest.approx(3.5107, abs=5e-5))

    by_channel = await figures(cast.admin, "response-times", clock="first_response", group_by="channel")
    medians = {each["channel"]: (each["n"], each["p50_seconds"] / 60) for each in by_channel["data"]}
    assert medians == {
        "chat": (846, pytest.approx(1.2454, abs=5e-5)),
        "email": (1220, pytest.approx(32.1603, abs=5e-5)),
        "phone": (244, pytest.approx(1.2336, abs=5e-5)),
    }
    await check_response_times(cast.admin, "channel", lambda row: row.channel)
    await check_response_times(cast.admin, "agent", lambda row: row.agent)
    for group_by, key in (("channel", lambda row: row.channel), ("agent", lambda row: row.agent)):
        scores = await figures(cast.admin, "satisfaction", instrument="csat", group_by=group_by)
        given = {name: [row.score for row in some if row.score] for name, some in groups(key).items()}
        assert {name_of(each[group_by]): (each["n"], each["mean"]) for each in scores["data"]} == {
            name: (len(some), pytest.approx(sum(some) / len(some), rel=1e-12)) for name, some in given.items()
        }
    assert (await figures(cast.admin, "volume"))["total"]["n"] == 2330

    assert await load(cast.admin, str(uuid4())) == {"accepted": 0, "unchanged": 2330, "rejected": 0}
    assert (await cast.admin.delete(f"/v1/imports/{import_id}")).json()["removed"] == 2330
    assert (await figures(cast.admin, "volume"))["total"]["n"] == 0
    assert (await figures(cast.admin, "response-times", clock="first_response"))["total"]["n"] == 0
    assert (await cast.admin.get("/v1/tickets")).json()["data"] == []
