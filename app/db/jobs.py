"""Jobs: rows with a due time, asked for in the caller's own transaction, done at least once.

There is one row a (kind, key). Asking again raises its generation, and a worker that is done puts away only
the generation it claimed: a request that came meanwhile is done as well, when and with what it asked for. A
claim is a lease with an end. A failure backs off, and after enough of them the job is dead: visible, counted,
and there to be replayed.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    Index,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    and_,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

from app.db import dialect
from app.db.types import DOCUMENT, UTC_TIME
from app.errors import ConflictError, NotFoundError
from app.ids import new_id

LEASE = timedelta(seconds=60)
MOST_ATTEMPTS = 12
_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=2), timedelta(hours=1)
_CODE = re.compile(r"[a-z][a-z0-9_.:-]{0,99}")
_ALIVE = text("dead_at IS NULL")

# The queue stands below all models, so its table is described here; `app/models/jobs.py` adds it to theirs.
JOBS = Table(
    "jobs",
    MetaData(),
    Column("id", Uuid(), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("key", String(200), nullable=False),
    Column("data", DOCUMENT, nullable=False),
    Column("generation", Integer(), nullable=False),
    Column("claimed", Integer(), nullable=False),  # the generation last claimed, 0 for none yet
    Column("attempts", Integer(), nullable=False),  # of the generation last claimed
    Column("due_at", UTC_TIME(), nullable=False),
    Column("leased_until", UTC_TIME(), nullable=True),
    Column("dead_at", UTC_TIME(), nullable=True),
    Column("error", String(200), nullable=True),
    Column("created_at", UTC_TIME(), nullable=False),
    UniqueConstraint("kind", "key"),
    Index("ix_jobs_due", "due_at", postgresql_where=_ALIVE, sqlite_where=_ALIVE),
)
_THEIRS = JOBS.c


class State(StrEnum):
    """Where a job stands; one whose lease ran out waits."""

    WAITING = "waiting"
    RUNNING = "running"
    DEAD = "dead"


class NotDeadError(ConflictError):
    """Only what gave up can be replayed; the rest runs by itself."""

    code, title = "job_not_dead", "This job is not dead"


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it was when we looked; claimed, it is the lease as well."""

    id: UUID
    kind: str
    key: str
    data: Mapping[str, Any]
    generation: int
    attempts: int
    state: State
    due_at: datetime
    leased_until: datetime | None
    dead_at: datetime | None
    error: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Again:
    """When a job that is done is to run the next time, and with what, unless somebody asked meanwhile."""

    due_at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)


def enqueue(
    session: Session,
    kind: str,
    key: str,
    *,
    due_at: datetime,
    now: datetime,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Ask for a job in this transaction; the newest `data` counts.

    Of two requests that nobody has claimed yet the earlier due time counts. A job that is running, was tried
    in vain or is dead gets the new due time: that request is a fresh one, with all its attempts.
    """
    given = dict(data or {})
    _refuse_words(kind, key, given)
    row = {
        "id": new_id(now), "kind": kind, "key": key, "data": given, "generation": 1, "claimed": 0,
        "attempts": 0, "due_at": due_at, "created_at": now,
    }  # fmt: skip
    statement = dialect.insert_into(session, JOBS).values(row)
    asked = statement.excluded
    untouched_and_earlier = and_(_THEIRS.claimed < _THEIRS.generation, _THEIRS.due_at < asked.due_at)
    changed = {
        "generation": _THEIRS.generation + 1,
        "due_at": case((untouched_and_earlier, _THEIRS.due_at), else_=asked.due_at),
        "data": asked.data,
        "dead_at": None,
        "error": None,
    }
    session.execute(statement.on_conflict_do_update(index_elements=["kind", "key"], set_=changed))


def anything_due(session: Session, kinds: Collection[str], *, now: datetime) -> bool:
    """Whether a job of these kinds could be claimed; asked often, so it only reads."""
    return session.scalar(select(_THEIRS.id).where(*_claimable(kinds, now)).limit(1)) is not None


def claim(session: Session, kinds: Collection[str], *, now: datetime, lease: timedelta = LEASE) -> Job | None:
    """Take the job of these kinds that is longest due, until the lease ends; None where there is none.

    Kinds we do not know are newer code's to do, so they are left alone. A job that took its worker down with
    it as often as others may fail is dead.
    """
    waiting = select(_THEIRS.id).where(*_claimable(kinds, now)).order_by(_THEIRS.due_at, _THEIRS.id)
    picked = waiting.limit(1).with_for_update(skip_locked=True).cte("picked")
    tried = case((_THEIRS.claimed == _THEIRS.generation, _THEIRS.attempts + 1), else_=1)
    taking = update(JOBS).where(_THEIRS.id == picked.c.id)
    taking = taking.values(claimed=_THEIRS.generation, attempts=tried, leased_until=now + lease)
    row = session.execute(taking.returning(*_THEIRS)).one_or_none()
    job = _read(row, now=now) if row else None
    if job and job.attempts > MOST_ATTEMPTS:
        fail(session, job, error="lease_ran_out", now=now, chance=0)
        return None
    return job


def complete(session: Session, job: Job, *, now: datetime, again: Again | None = None) -> bool:
    """Put a claimed job away, or have it run again; False where the lease was lost to another worker.

    A newer request runs as it was asked for, and says itself when to run again.
    """
    released = update(JOBS).where(_held(job)).values(leased_until=None).returning(_THEIRS.generation)
    newest = session.scalar(released)
    if newest is None or newest > job.generation:
        return newest is not None
    if again:
        enqueue(session, job.kind, job.key, due_at=again.due_at, now=now, data=again.data)
    else:
        session.execute(delete(JOBS).where(_THEIRS.id == job.id))
    return True


def fail(session: Session, job: Job, *, error: str, now: datetime, chance: float) -> bool:
    """Push a claimed job away, or let it die of one failure too many; False where the lease was lost.

    A newer request keeps its own due time. `chance` spreads those who failed together; see `wait`.
    """
    is_newest = _THEIRS.generation == job.generation
    later = literal(now + wait(job.attempts, chance=chance), UTC_TIME())
    values: dict[str, Any] = {"leased_until": None, "error": error[:200]}
    values["due_at"] = case((is_newest, later), else_=_THEIRS.due_at)
    if job.attempts >= MOST_ATTEMPTS:
        values["dead_at"] = case((is_newest, literal(now, UTC_TIME())))
    changed = update(JOBS).where(_held(job)).values(values).returning(_THEIRS.id)
    return session.scalar(changed) is not None


def wait(attempts: int, *, chance: float) -> timedelta:
    """Return how long to wait after so many failures: twice as long each time, up to an hour.

    `chance`, from 0 to 1, shortens it by up to a half.
    """
    longest = min(_FIRST_WAIT * (1 << min(attempts - 1, 20)), _LONGEST_WAIT)
    return longest * (1 - chance / 2)


def replay(session: Session, job_id: UUID, *, now: datetime) -> Job:
    """Give a dead job all its attempts again, from now on.

    Raises:
        NotFoundError: there is no such job.
        NotDeadError: it is not dead.
    """
    mine = select(JOBS).where(_THEIRS.id == job_id)
    row = session.execute(mine.with_for_update()).one_or_none()
    if row is None:
        raise NotFoundError
    if row.dead_at is None:
        raise NotDeadError
    enqueue(session, row.kind, row.key, due_at=now, now=now, data=row.data)
    return _read(session.execute(mine).one(), now=now)


def page(
    session: Session, state: State | None, *, after: tuple[datetime, UUID] | None, limit: int, now: datetime
) -> list[Job]:
    """Return up to `limit` jobs that come after a place, first asked for first."""
    query = select(JOBS)
    if state is not None:
        query = query.where(_state(now) == state.value)
    if after is not None:
        place = (literal(after[0], UTC_TIME()), literal(after[1], Uuid()))
        query = query.where(tuple_(_THEIRS.created_at, _THEIRS.id) > tuple_(*place))
    rows = session.execute(query.order_by(_THEIRS.created_at, _THEIRS.id).limit(limit))
    return [_read(row, now=now) for row in rows]


def counts(session: Session, *, now: datetime) -> dict[State, int]:
    """Return how many jobs stand where."""
    state = _state(now).label("state")
    found = dict(session.execute(select(state, func.count()).group_by(state)).all())
    return {each: found.get(each.value, 0) for each in State}


def _claimable(kinds: Collection[str], now: datetime) -> tuple[ColumnElement[bool], ...]:
    free = or_(_THEIRS.leased_until.is_(None), _THEIRS.leased_until <= now)
    return _THEIRS.dead_at.is_(None), _THEIRS.due_at <= now, free, _THEIRS.kind.in_(sorted(kinds))


def _held(job: Job) -> ColumnElement[bool]:
    """The row as long as this claim of it is the last one and was not given up."""
    same = and_(_THEIRS.claimed == job.generation, _THEIRS.attempts == job.attempts)
    return and_(_THEIRS.id == job.id, same, _THEIRS.leased_until.is_not(None))


def _state(now: datetime) -> ColumnElement[str]:
    dead = (_THEIRS.dead_at.is_not(None), literal(State.DEAD.value))
    running = (_THEIRS.leased_until > now, literal(State.RUNNING.value))
    return case(dead, running, else_=literal(State.WAITING.value))


def _read(row: Row[Any], *, now: datetime) -> Job:
    is_leased = row.leased_until is not None and row.leased_until > now
    state = State.DEAD if row.dead_at else State.RUNNING if is_leased else State.WAITING
    return Job(
        id=row.id,
        kind=row.kind,
        key=row.key,
        data=row.data,
        generation=row.generation,
        attempts=row.attempts if row.claimed == row.generation else 0,
        state=state,
        due_at=row.due_at,
        leased_until=row.leased_until if is_leased else None,
        dead_at=row.dead_at,
        error=row.error,
        created_at=row.created_at,
    )


def _refuse_words(kind: str, key: str, data: Mapping[str, Any]) -> None:
    """Refuse what is no id, code or number: a job never says whom it is about (decision 13)."""
    for value in (kind, key, *data, *data.values()):
        if isinstance(value, str) and not (_CODE.fullmatch(value) or _is_id(value)):
            message = f"a {kind} job holds ids, codes and numbers only"
            raise ValueError(message)
        if not isinstance(value, str | int | float | None):
            message = f"a {kind} job holds single values only"
            raise TypeError(message)


def _is_id(value: str) -> bool:
    try:
        return str(UUID(value)) == value
    except ValueError:
        return False
