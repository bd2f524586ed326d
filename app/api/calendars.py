"""The door of those who say when somebody works."""

import asyncio
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from app.edge import versions
from app.edge.identity import Admin, Now, ServicesDep
from app.edge.promises import IF_MATCH_MAYBE, Promise
from app.edge.reading import JsonBody
from app.edge.versions import StaleError
from app.models.sla import Calendar
from app.people.store import NameTakenError
from app.policies import calendar_admin
from app.policies import store as policy_store
from app.policies.calendar import NoOpenHoursError
from app.policies.calendar_admin import CalendarInUseError
from app.policies.calendar_schemas import CalendarIn, CalendarOut, Day, Days, Preview, PreviewIn

router = APIRouter(prefix="/v1/calendars", tags=["calendars"])
CalendarBody = Annotated[CalendarIn, Depends(JsonBody(CalendarIn))]
PreviewBody = Annotated[PreviewIn, Depends(JsonBody(PreviewIn))]
Version = Annotated[int | None, Query(ge=1, le=2**31 - 1, description="By default the newest.")]
THAT_CALENDAR = {"calendar_id": "/id"}


class Calendars(BaseModel):
    """Every calendar."""

    data: list[CalendarOut]


@router.post(
    "",
    status_code=201,
    openapi_extra=Promise(
        NameTakenError,
        links={
            "read_calendar": THAT_CALENDAR,
            "replace_calendar": THAT_CALENDAR,
            "delete_calendar": THAT_CALENDAR,
            "preview_calendar": THAT_CALENDAR,
        },
    ),
)
async def create_calendar(
    caller: Admin, calendar: CalendarBody, now: Now, services: ServicesDep
) -> CalendarOut:
    """Add a calendar."""
    return await services.configure(
        partial(calendar_admin.create_calendar, new=calendar, by=caller.agent_id, now=now)
    )


@router.get("")
async def list_calendars(_caller: Admin, services: ServicesDep) -> Calendars:
    """List calendars."""
    return Calendars(data=await services.read(calendar_admin.list_calendars))


@router.post("/preview", openapi_extra=Promise(NoOpenHoursError))
async def try_calendar(_caller: Admin, wanted: PreviewBody, now: Now) -> Preview:
    """Try a calendar that is not stored: when it would be open, and when work would fall due."""
    return await asyncio.to_thread(calendar_admin.try_calendar, wanted, now=now)


@router.get("/{calendar_id}", openapi_extra=Promise(headers=["ETag"]))
async def read_calendar(
    calendar_id: UUID, _caller: Admin, response: Response, services: ServicesDep, version: Version = None
) -> CalendarOut:
    """Read a calendar, or what it said at a version, also after it was deleted."""
    read = partial(calendar_admin.read_calendar, calendar_id=calendar_id, version=version)
    calendar = await services.read(read)
    versions.show(response, calendar.version)
    return calendar


@router.put(
    "/{calendar_id}",
    openapi_extra=Promise(NameTakenError, StaleError, parameters=[IF_MATCH_MAYBE], headers=["ETag"]),
)
async def replace_calendar(
    calendar_id: UUID,
    *,
    caller: Admin,
    calendar: CalendarBody,
    request: Request,
    response: Response,
    now: Now,
    services: ServicesDep,
) -> CalendarOut:
    """Replace a calendar by its next version; running clocks are judged anew, and nothing that is over."""
    named, who = versions.wanted_if_any(request), caller.agent_id
    replaced = await services.configure(
        partial(_replace, calendar_id=calendar_id, new=calendar, named=named, by=who, now=now)
    )
    versions.show(response, replaced.version)
    return replaced


@router.delete("/{calendar_id}", status_code=204, openapi_extra=Promise(CalendarInUseError))
async def delete_calendar(calendar_id: UUID, caller: Admin, now: Now, services: ServicesDep) -> Response:
    """Delete a calendar that no policy runs by; its versions can still be read."""
    who = caller.agent_id
    await services.configure(
        partial(calendar_admin.delete_calendar, calendar_id=calendar_id, by=who, now=now)
    )
    return Response(status_code=204)


@router.get("/{calendar_id}/preview")
async def preview_calendar(
    calendar_id: UUID,
    _caller: Admin,
    now: Now,
    services: ServicesDep,
    first: Annotated[Day | None, Query(alias="from", description="By default today.")] = None,
    days: Annotated[Days, Query()] = 31,
) -> Preview:
    """Show when a calendar is open."""
    return await services.read(
        partial(calendar_admin.preview_calendar, calendar_id=calendar_id, first=first, days=days, now=now)
    )


def _replace(
    session: Session,
    *,
    calendar_id: UUID,
    new: CalendarIn,
    named: frozenset[str],
    by: UUID | None,
    now: datetime,
) -> CalendarOut:
    held = policy_store.hold(session, Calendar, calendar_id)
    versions.require(held.version, named)
    return calendar_admin.change_calendar(session, held, new=new, by=by, now=now)
