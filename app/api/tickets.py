"""The door of agents and their tools: lists, single tickets, edits."""

from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AfterValidator, AwareDatetime, BeforeValidator
from pydantic_core import PydanticCustomError
from sqlalchemy.orm import Session

from app.api.acting import AtDesk
from app.api.csv import as_csv, wants_csv
from app.desk import actions
from app.edge import versions
from app.edge.identity import Now, ServicesDep, TicketReader
from app.edge.paging import BadCursorError, Place, link_next, make_cursor, read_cursor
from app.edge.promises import IF_MATCH, Promise
from app.edge.reading import JsonBody
from app.edge.versions import PreconditionRequiredError, StaleError
from app.people import store as people
from app.tickets import page_store, show
from app.tickets import store as tickets
from app.tickets.change import FullError, MoveRefusedError
from app.tickets.page_store import Wanted
from app.tickets.schemas import (
    Channel,
    Decisions,
    Kind,
    Priority,
    SlaName,
    StatusName,
    TicketDetail,
    TicketOut,
    TicketPage,
    TicketPatch,
    Timeline,
)

router = APIRouter(prefix="/v1/tickets", tags=["tickets"])
Names = Annotated[
    list[Annotated[str, Query(max_length=200)]], Query(max_length=50, description="By id or name.")
]
Segments = Annotated[list[Annotated[str, Query(max_length=200)]], Query(max_length=50)]
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _within_bounds(at: datetime) -> datetime:
    if not EARLIEST <= at <= LATEST:
        raise PydanticCustomError("out_of_bounds", "between the years 1900 and 2200")
    return at


def _written_out(value: object) -> object:
    """Refuse a number, which would be taken for seconds since 1970."""
    if isinstance(value, str) and "T" not in value.upper():
        raise PydanticCustomError("not_an_instant", "a time with its offset, such as 2026-11-22T10:00:00Z")
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_within_bounds)]
PatchBody = Annotated[
    TicketPatch,
    Depends(JsonBody(TicketPatch, media_types=("application/merge-patch+json", "application/json"))),
]


async def wanted_of(
    *,
    status: Annotated[list[StatusName], Query(max_length=50)] = [],  # noqa: B006  (FastAPI copies it)
    kind: Annotated[list[Kind], Query(max_length=50)] = [],  # noqa: B006
    channel: Annotated[list[Channel], Query(max_length=50)] = [],  # noqa: B006
    priority: Annotated[list[Priority], Query(max_length=50)] = [],  # noqa: B006
    team: Names = [],  # noqa: B006
    assignee: Names = [],  # noqa: B006
    q: Annotated[
        str | None,
        Query(min_length=1, max_length=200, description="Part of subject or text, case and accents apart."),
    ] = None,
    quarantined: Annotated[bool, Query(description="Those held back, instead of all others.")] = False,
    sla: Annotated[list[SlaName], Query(max_length=50, description="How they stand, by now.")] = [],  # noqa: B006
    policy: Names = [],  # noqa: B006
    segment: Segments = [],  # noqa: B006
    due_before: Annotated[Instant | None, Query(description="By when something falls due, or fell.")] = None,
    sort: Annotated[
        Literal["received", "due"],
        Query(description="Oldest first, or what falls due first; then only what is due at all."),
    ] = "received",
) -> Wanted:
    """Return the filters of a list, and its order."""
    return Wanted(
        status=status,
        kind=kind,
        channel=channel,
        priority=priority,
        team=team,
        assignee=assignee,
        q=q,
        quarantined=quarantined,
        sla=sla,
        policy=policy,
        segment=segment,
        due_before=due_before,
        sort=sort,
    )


@router.get(
    "",
    response_model=TicketPage,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
    openapi_extra=Promise(
        BadCursorError, headers=["Link"], links={"read_ticket": {"ticket_id": "/data/0/id"}}
    ),
)
async def list_tickets(
    request: Request,
    response: Response,
    *,
    reader: TicketReader,
    now: Now,
    services: ServicesDep,
    wanted: Annotated[Wanted, Depends(wanted_of)],
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
    cursor: Annotated[
        str | None,
        Query(
            max_length=200,
            description="A page's `next_cursor`, with the same filters and order.",
            json_schema_extra={"minLength": 1, "pattern": "^[A-Za-z0-9_-]+$"},
        ),
    ] = None,
    format: Annotated[  # noqa: A002  (the parameter's public name)
        Literal["json", "csv"] | None, Query(description="By default what `Accept` says.")
    ] = None,
) -> TicketPage | Response:
    """List tickets, oldest received first unless another order is asked for."""
    after = read_cursor(services.secret, cursor, asdict(wanted)) if cursor is not None else None
    rows = await services.read(
        partial(_page, agent_id=reader.agent_id, wanted=wanted, after=after, limit=limit, now=now)
    )
    more = _place(rows[limit - 1], wanted) if len(rows) > limit else None
    next_cursor = make_cursor(services.secret, more, asdict(wanted)) if more else None
    link_next(request, response, next_cursor)
    page = TicketPage(data=rows[:limit], next_cursor=next_cursor)
    return as_csv(TicketOut, page.data, response) if wants_csv(request, format) else page


@router.get("/{ticket_id}", openapi_extra=Promise(headers=["ETag"]))
async def read_ticket(
    ticket_id: UUID, response: Response, *, reader: TicketReader, now: Now, services: ServicesDep
) -> TicketDetail:
    """Read one ticket; its version is the ETag."""
    ticket = await services.read(partial(_read, ticket_id=ticket_id, agent_id=reader.agent_id, now=now))
    versions.show(response, ticket.version)
    return ticket


@router.get("/{ticket_id}/timeline")
async def read_timeline(ticket_id: UUID, reader: TicketReader, services: ServicesDep) -> Timeline:
    """Read all that happened to a ticket."""
    return await services.read(partial(_timeline, ticket_id=ticket_id, agent_id=reader.agent_id))


@router.get("/{ticket_id}/assignments")
async def read_assignments(ticket_id: UUID, reader: TicketReader, services: ServicesDep) -> Decisions:
    """Read who got a ticket, by whose decision, and why."""
    return await services.read(partial(_assignments, ticket_id=ticket_id, agent_id=reader.agent_id))


@router.patch(
    "/{ticket_id}",
    openapi_extra=Promise(
        MoveRefusedError,
        FullError,
        PreconditionRequiredError,
        StaleError,
        parameters=[IF_MATCH],
        headers=["ETag"],
    ),
)
async def edit_ticket(ticket_id: UUID, desk: AtDesk, patch: PatchBody) -> TicketDetail:
    """Edit what a ticket is about, as a merge patch of the version named by If-Match."""
    named = versions.wanted(desk.request)
    who = desk.writer.agent_id
    edit = partial(_edit, ticket_id=ticket_id, agent_id=who, patch=patch, named=named, now=desk.now)
    ticket = await desk.services.write(edit)
    versions.show(desk.response, ticket.version)
    return ticket


def _page(
    session: Session,
    *,
    agent_id: UUID | None,
    wanted: Wanted,
    after: Place | None,
    limit: int,
    now: datetime,
) -> list[TicketOut]:
    """Return one ticket more than asked for, which tells whether there is a next page."""
    viewer = people.viewer(session, agent_id)
    rows = page_store.page(session, wanted, seen_by=viewer, after=after, limit=limit + 1, now=now)
    return show.tickets(session, rows, now=now)


def _place(ticket: TicketOut, wanted: Wanted) -> Place:
    """Return where a ticket stands in a list of that order."""
    due_at = ticket.next_due_at if wanted.sort == "due" else None
    return due_at or ticket.received_at, ticket.id


def _read(session: Session, *, ticket_id: UUID, agent_id: UUID | None, now: datetime) -> TicketDetail:
    ticket = tickets.get(session, ticket_id, seen_by=people.viewer(session, agent_id))
    return show.ticket(session, ticket, now=now)


def _timeline(session: Session, *, ticket_id: UUID, agent_id: UUID | None) -> Timeline:
    return show.timeline(session, tickets.get(session, ticket_id, seen_by=people.viewer(session, agent_id)))


def _assignments(session: Session, *, ticket_id: UUID, agent_id: UUID | None) -> Decisions:
    return show.decisions(session, tickets.get(session, ticket_id, seen_by=people.viewer(session, agent_id)))


def _edit(
    session: Session,
    *,
    ticket_id: UUID,
    agent_id: UUID | None,
    patch: TicketPatch,
    named: frozenset[str],
    now: datetime,
) -> TicketDetail:
    ticket = tickets.lock(session, ticket_id, seen_by=people.viewer(session, agent_id))
    versions.require(ticket.version, named)
    actions.change(session, ticket, patch.fields(), agent_id=agent_id, now=now)
    return show.ticket(session, ticket, now=now)
