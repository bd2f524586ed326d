"""The door of operators: jobs that wait, run, or gave up; and giving those another chance."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from app.db import jobs
from app.db.jobs import NotDeadError, State
from app.edge.identity import Admin, Now, ServicesDep
from app.edge.paging import BadCursorError, link_next, make_cursor, read_cursor
from app.edge.promises import Promise

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


class JobOut(BaseModel):
    """A job: what is to be done, when, and how that went so far."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: str
    key: str
    data: Mapping[str, Any]
    state: State
    generation: int
    attempts: int
    due_at: datetime
    leased_until: datetime | None
    dead_at: datetime | None
    error: str | None
    created_at: datetime


class JobPage(BaseModel):
    """A page of jobs."""

    data: list[JobOut]
    next_cursor: str | None


@router.get(
    "",
    openapi_extra=Promise(BadCursorError, headers=["Link"], links={"replay_job": {"job_id": "/data/0/id"}}),
)
async def list_jobs(
    request: Request,
    response: Response,
    *,
    _caller: Admin,
    now: Now,
    services: ServicesDep,
    state: State | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
    cursor: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=200,
            pattern="^[A-Za-z0-9_-]+$",
            description="A page's `next_cursor`, with the same filters.",
        ),
    ] = None,
) -> JobPage:
    """List jobs, first asked for first."""
    filters = {"jobs": state}
    after = read_cursor(services.secret, cursor, filters) if cursor else None
    rows = await services.read(partial(jobs.page, state=state, after=after, limit=limit + 1, now=now))
    more = (rows[limit - 1].created_at, rows[limit - 1].id) if len(rows) > limit else None
    next_cursor = make_cursor(services.secret, more, filters) if more else None
    link_next(request, response, next_cursor)
    return JobPage(data=[JobOut.model_validate(each) for each in rows[:limit]], next_cursor=next_cursor)


@router.post("/{job_id}/replay", openapi_extra=Promise(NotDeadError))
async def replay_job(job_id: UUID, _caller: Admin, now: Now, services: ServicesDep) -> JobOut:
    """Give a dead job all its attempts again, from now on."""
    return JobOut.model_validate(await services.write(partial(jobs.replay, job_id=job_id, now=now)))
