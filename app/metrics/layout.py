"""From what the database found to an answer: rows in order, under the names people know, with their total."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from app.metrics import store
from app.metrics.definitions import Definition
from app.metrics.query import View
from app.metrics.rules import Interval
from app.metrics.schemas import Answer, Defined, Keys, Named
from app.metrics.store import Place

T = TypeVar("T")
AnswerT = TypeVar("AnswerT", bound=Answer[Any])
WHOLE = Place(0, ())
"""Where the total stands in what was found of `View.whole`."""


def lay_out(
    session: Session,
    view: View,
    definition: Definition,
    *,
    rows: Mapping[Place, T],
    total: Mapping[Place, T],
    empty: T,
    shape: Callable[[dict[str, Any], T], Keys],
    into: Callable[..., AnswerT],
    as_of: datetime,
) -> AnswerT:
    """Return the answer whose rows `shape` makes of their keys and of what was found (`empty`: nothing).

    Without dimensions every bucket has a row, also an empty one.
    """
    every = {} if view.group_by else {Place(number, ()): empty for number in range(len(view.buckets))}
    return into(
        definition=Defined(name=definition.name, version=definition.version),
        as_of=as_of,
        from_=view.start,
        to=view.end,
        tz=view.tz,
        interval=view.interval,
        group_by=list(view.group_by),
        data=[shape(keys, found) for keys, found in _keyed(session, view, {**every, **rows})],
        total=shape({}, total.get(WHOLE, empty)),
    )


def _keyed(session: Session, view: View, rows: Mapping[Place, T]) -> list[tuple[dict[str, Any], T]]:
    """Return the keys of each row with what was found, by bucket and then by what the dimensions show."""
    names = _names(session, view, rows)

    def order(place: Place) -> tuple[Any, ...]:
        shown = [names.get(value, value) for value in place.values]
        return place.bucket, [(each is None, str(each).casefold(), str(each)) for each in shown]

    return [(_keys(view, place, names), rows[place]) for place in sorted(rows, key=order)]


def _keys(view: View, place: Place, names: Mapping[Any, str]) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    if view.interval is not Interval.NONE:
        keys["bucket"] = view.buckets[place.bucket][0]
    for dimension, value in zip(view.group_by, place.values, strict=True):
        named = isinstance(value, UUID)
        keys[dimension] = Named(id=value, name=names.get(value)) if named else value
    return keys


def _names(session: Session, view: View, places: Iterable[Place]) -> dict[UUID, str]:
    """Return the names of all ids in the keys, one look-up for each dimension that has names."""
    names: dict[UUID, str] = {}
    for position, dimension in enumerate(view.group_by):
        ids = {place.values[position] for place in places if isinstance(place.values[position], UUID)}
        if ids:
            names |= store.names(session, dimension, ids)
    return names
