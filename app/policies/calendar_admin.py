"""Set up calendars."""

from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from app.errors import ConflictError, invalid
from app.ids import new_id
from app.models.sla import Calendar, Policy
from app.policies import book, documents, preview, store
from app.policies.calendar import Calendar as Hours
from app.policies.calendar_schemas import CalendarIn, CalendarOut, Preview, PreviewIn
from app.policies.changes import record_change
from app.policies.documents import Document


class CalendarInUseError(ConflictError):
    """A policy in force runs by it."""

    code, title = "calendar_in_use", "A policy runs by that calendar"


def create_calendar(session: Session, *, new: CalendarIn, by: UUID | None, now: datetime) -> CalendarOut:
    """Add a calendar."""
    store.lock_all(session)
    preview.require_open(documents.calendar_of(new.document()), now=now)
    calendar = Calendar(id=new_id(now), created_at=now)
    store.add(session, calendar, new.document())
    record_change(session, "calendar.created", calendar, by=by, now=now)
    return _render(calendar.id, calendar.version, new.document(), now)


def list_calendars(session: Session) -> list[CalendarOut]:
    """Return every calendar, by name."""
    found = store.living(session, Calendar)
    return [_render(each.id, each.version, document, made_at) for each, document, made_at in found]


def read_calendar(session: Session, *, calendar_id: UUID, version: int | None = None) -> CalendarOut:
    """Return a calendar, or what it said at a version, also after it was deleted."""
    wanted = store.get(session, Calendar, calendar_id).version if version is None else version
    _, document, made_at = store.at_version(session, Calendar, calendar_id, wanted)
    return _render(calendar_id, wanted, document, made_at)


def change_calendar(
    session: Session, calendar: Calendar, *, new: CalendarIn, by: UUID | None, now: datetime
) -> CalendarOut:
    """Say anew when a calendar is open, as its next version; the same again is no version."""
    _, document, made_at = store.at_version(session, Calendar, calendar.id, calendar.version)
    if document == new.document():
        return _render(calendar.id, calendar.version, document, made_at)
    hours = documents.calendar_of(new.document())
    preview.require_open(hours, now=now)
    _require_reach(session, calendar.id, hours, now=now)
    store.add_version(session, calendar, new.document(), now=now)
    record_change(session, "calendar.changed", calendar, by=by, now=now)
    return _render(calendar.id, calendar.version, new.document(), now)


def delete_calendar(session: Session, *, calendar_id: UUID, by: UUID | None, now: datetime) -> None:
    """Take a calendar away; what was judged by it can still be explained.

    Raises:
        CalendarInUseError: a policy runs by it.
    """
    calendar = store.hold(session, Calendar, calendar_id)
    if _policies_of(session, calendar_id):
        raise CalendarInUseError
    store.forget(session, calendar, now=now)
    record_change(session, "calendar.deleted", calendar, by=by, now=now)


def preview_calendar(
    session: Session, *, calendar_id: UUID, first: date | None, days: int, now: datetime
) -> Preview:
    """Return when a calendar is open, by default from today on."""
    version = store.get(session, Calendar, calendar_id).version
    _, hours = book.calendars_at(session, {calendar_id: version})[calendar_id]
    return preview.days(hours, first or now.astimezone(hours.zone).date(), days)


def try_calendar(wanted: PreviewIn, *, now: datetime) -> Preview:
    """Return when a calendar that nobody stored would be open."""
    hours = documents.calendar_of(wanted.calendar.document())
    preview.require_open(hours, now=now)
    due_at = None
    if wanted.start is not None and wanted.work_seconds is not None:
        due_at = preview.due_at(hours, wanted.start, timedelta(seconds=wanted.work_seconds))
    return preview.days(hours, wanted.first, wanted.days, due_at=due_at)


def _policies_of(session: Session, calendar_id: UUID) -> list[Document]:
    """Return what the policies in force say that run by a calendar."""
    said = (document for _, document, _ in store.living(session, Policy))
    return [each for each in said if calendar_id in documents.calendars_named(each)]


def _require_reach(session: Session, calendar_id: UUID, hours: Hours, *, now: datetime) -> None:
    """Refuse so few hours that a target in force would fall due in another life."""
    targets = [
        timedelta(seconds=target["target_seconds"])
        for document in _policies_of(session, calendar_id)
        for clock in document["clocks"]
        for target in clock["targets"]
        if clock["calendar"] == str(calendar_id)
    ]
    if targets and not preview.is_within_reach(hours, max(targets), since=now):
        raise invalid("/week", "out_of_reach", "a target that runs by it would take more than ten years")


def _render(calendar_id: UUID, version: int, document: Document, made_at: datetime) -> CalendarOut:
    return CalendarOut.model_validate(
        {**document, "id": calendar_id, "version": version, "created_at": made_at}
    )
