"""Calendars and policies that nobody stored: checked as if they were to be, and never written.

A policy names drafts of calendars as it names stored ones; a draft goes before what is stored by its name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from app.errors import ValidationError, invalid
from app.ids import new_id
from app.models.sla import Calendar as CalendarRow
from app.policies import admin, book, documents, preview, store
from app.policies.calendar import Calendar
from app.policies.calendar_schemas import CalendarIn
from app.policies.schemas import PolicyIn
from app.policies.terms import Policy

Drafts = Mapping[str, tuple[UUID, Calendar]]
"""Calendars that are not stored, by name."""


def calendars_of(wanted: Sequence[CalendarIn], *, now: datetime) -> Drafts:
    """Return calendars that nobody stored; that takes a while, and needs no database.

    Raises:
        ValidationError: one never opens.
    """
    made = {each.name: (new_id(now), documents.calendar_of(each.document())) for each in wanted}
    for place, (_, calendar) in enumerate(made.values()):
        try:
            preview.require_open(calendar, now=now)
        except ValidationError as error:
            raise _below(error, f"/calendars/{place}") from None
    return made


def policy_of(session: Session, *, new: PolicyIn, calendars: Drafts, now: datetime) -> Policy:
    """Return a policy as it would be if it were stored now.

    Raises:
        ValidationError: it could not be stored, or would apply to no ticket.
        ClockRedefinedError: a clock of its own means something else already.
    """
    if not new.default and not any(new.applies_to.model_dump().values()):
        raise invalid("/policy/applies_to", "incomplete", "a default, or what tickets it is for")
    drafts = [calendars.get(clock.calendar or "") for clock in new.clocks]
    stored = [
        clock.model_copy(update={"calendar": None}) if draft else clock
        for clock, draft in zip(new.clocks, drafts, strict=True)
    ]
    try:
        document = admin.document_of(session, new.model_copy(update={"clocks": stored}), now=now)
    except ValidationError as error:
        raise _below(error, "/policy") from None
    named = store.newest(session, CalendarRow, documents.calendars_named(document))
    kept = book.calendars_at(session, named) | {each: (0, calendar) for each, calendar in calendars.values()}
    for place, draft in enumerate(drafts):
        if draft is not None:
            _require_reach(new, place, draft[1], now=now)
            document["clocks"][place]["calendar"] = str(draft[0])
    return documents.policy_of(new_id(now), 0, document, kept, is_default=new.default)


def _require_reach(new: PolicyIn, place: int, calendar: Calendar, *, now: datetime) -> None:
    for which, target in enumerate(new.clocks[place].targets):
        if not preview.is_within_reach(calendar, timedelta(seconds=target.target_seconds), since=now):
            pointer = f"/policy/clocks/{place}/targets/{which}"
            raise invalid(pointer, "out_of_reach", "that would take more than ten years")


def _below(error: ValidationError, pointer: str) -> ValidationError:
    """Return the same flaws of what is a part of something."""
    return ValidationError(flaws=[replace(each, pointer=pointer + each.pointer) for each in error.flaws])
