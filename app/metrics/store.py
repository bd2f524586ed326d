"""SQL that all metrics share: the range, the filters, the buckets and the groups of a view, written once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Integer,
    Row,
    SQLColumnExpression,
    case,
    func,
    literal,
    select,
)
from sqlalchemy.orm import Session

from app.errors import Flaw, ValidationError, invalid
from app.metrics.query import View
from app.models.access import Site, Source
from app.models.people import Agent, Team
from app.models.sla import Policy

MAX_ROWS = 50_000
_NAMED: Mapping[str, type[Site | Source | Team | Agent | Policy]] = {
    "site": Site,
    "source": Source,
    "team": Team,
    "agent": Agent,
    "policy": Policy,
}


@dataclass(frozen=True, slots=True)
class Population:
    """What a metric counts: where its rows are, the instant each belongs to, and what tells them apart."""

    rows: FromClause
    where: tuple[ColumnElement[bool], ...]
    at: SQLColumnExpression[datetime]
    dimensions: Mapping[str, SQLColumnExpression[Any]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a figure stands in an answer: the number of its bucket, and a value a dimension."""

    bucket: int
    values: tuple[Any, ...]


def resolve(session: Session, view: View) -> View:
    """Turn the names of what has one into ids; ids stay, even of what was deleted.

    Raises:
        ValidationError: nothing has that name.
    """
    filters = dict(view.filters)
    flaws = []
    for dimension in sorted(_NAMED.keys() & filters.keys()):
        found = _ids(session, dimension, filters[dimension])
        if not all(found):
            flaws.append(Flaw(f"/query/{dimension}", "unknown", f"no {dimension} has that name"))
        filters[dimension] = tuple(each for ids in found for each in ids)
    if flaws:
        raise ValidationError(flaws=flaws)
    return replace(view, filters=filters)


def _ids(session: Session, dimension: str, chosen: Sequence[str | UUID]) -> list[list[UUID]]:
    """Return whose name each is, else the id it is; a policy may have the name of a deleted one."""
    model = _NAMED[dimension]
    by_name: dict[str, list[UUID]] = {}
    for name, bearer in session.execute(select(model.name, model.id).where(model.name.in_(chosen))):
        by_name.setdefault(name, []).append(bearer)
    return [by_name.get(str(each)) or _as_id(str(each)) for each in chosen]


def _as_id(text: str) -> list[UUID]:
    try:
        return [UUID(text)]
    except ValueError:
        return []


def names(session: Session, dimension: str, ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return the names of those sites, sources, teams, agents or policies that still exist."""
    model = _NAMED[dimension]
    return dict(session.execute(select(model.id, model.name).where(model.id.in_(set(ids)))).all())


def facts(view: View, population: Population, *measures: ColumnElement[Any]) -> CTE:
    """Select the measures of every row of a view, beside the columns of its `keys`."""
    at = population.at
    narrowed = [population.dimensions[name].in_(chosen) for name, chosen in view.filters.items()]
    told_apart: list[ColumnElement[Any]] = [population.dimensions[name].label(name) for name in view.group_by]
    bucket = _number_of(at, [start for start, _ in view.buckets])
    query = select(bucket.label("bucket"), *told_apart, *measures).select_from(population.rows)
    return query.where(*population.where, at >= view.start, at < view.end, *narrowed).cte("facts")


def _number_of(
    at: SQLColumnExpression[datetime], starts: Sequence[datetime], first: int = 0
) -> ColumnElement[int]:
    """Return the number of the bucket an instant is in, by halving: a thousand buckets are ten comparisons.

    A join with the buckets compares every row with every one of them, on SQLite at least.
    """
    if len(starts) == 1:
        return literal(first, Integer)
    middle = len(starts) // 2
    earlier, later = _number_of(at, starts[:middle], first), _number_of(at, starts[middle:], first + middle)
    return case((at < starts[middle], earlier), else_=later)


def keys(view: View, rows: FromClause) -> list[ColumnElement[Any]]:
    """Return the columns that tell the rows of an answer apart."""
    return [rows.c["bucket"], *(rows.c[name] for name in view.group_by)]


def ranked(view: View, rows: CTE, measure: str) -> CTE:
    """Give each row its `rank` by a measure among the rows of its place, and how many (`ranks`) there are.

    A row of which the measure is null sorts last, and is no part of that number.
    """
    place, by = keys(view, rows), rows.c[measure]
    return select(
        rows,
        func.row_number().over(partition_by=place, order_by=by.asc().nulls_last()).label("rank"),
        func.count(by).over(partition_by=place).label("ranks"),
    ).cte("ranked")


def grouped(
    session: Session,
    view: View,
    rows: FromClause,
    *figures: ColumnElement[Any],
    also_by: Sequence[ColumnElement[Any]] = (),
) -> Iterator[tuple[Place, tuple[Any, ...]]]:
    """Return the figures of each place; with `also_by`, one line for each of its values, which stand first.

    Raises:
        ValidationError: so many lines would come that nobody can want them.
    """
    by = [*keys(view, rows), *also_by]
    query = select(*by, *figures).group_by(*by).limit(MAX_ROWS + 1)
    found: Sequence[Row[Any]] = session.execute(query).all()
    if len(found) > MAX_ROWS:
        raise invalid("/query/group_by", "too_many_rows", "ask for less: a filter, longer buckets")
    width = 1 + len(view.group_by)
    return ((Place(row[0], tuple(row[1:width])), tuple(row[width:])) for row in found)
