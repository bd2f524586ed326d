"""What is stored of calendars and policies at a version, as the values that clocks are judged by. Pure.

A calendar's document is what its door takes. A policy's is too, but names sites, sources and calendars by id:
what a name meant when it was written it means for ever.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from functools import cache
from types import MappingProxyType
from typing import Any
from uuid import UUID

from app.policies import public_holidays, terms
from app.policies.calendar import Calendar, Hours, SpecialDay
from app.policies.definitions import BUILT_IN, Definition
from app.policies.terms import Conditions, Policy, Target, Terms

Document = Mapping[str, Any]
Events = tuple[frozenset[str], frozenset[str]]
"""The types of event that start a clock, and of those that stop it."""

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
BUILT_IN_NAMES = frozenset(each.name for each in BUILT_IN)
_BY_ID: Mapping[str, str] = MappingProxyType({"site": "site_id", "source": "source_id"})
"""Conditions on what has an id, and the fact they are about."""


def calendar_of(document: Document) -> Calendar:
    """Return the calendar of a document; two of the same content are equal."""
    key = json.dumps([document["holidays"], document["dates"]], sort_keys=True)
    week = tuple(_hours(document["week"][day]) for day in WEEKDAYS)
    return Calendar(document["zone"], week, _special_days(document), key=key)


def policy_of(
    policy_id: UUID,
    version: int,
    document: Document,
    calendars: Mapping[UUID, tuple[int, Calendar]],
    *,
    is_default: bool,
) -> Policy:
    """Return the policy of a document, with the calendars it names at the versions given."""
    return Policy(
        policy_id,
        version,
        document["name"],
        document["rank"],
        is_default,
        conditions_of(document["applies_to"]),
        MappingProxyType({clock["name"]: _terms(clock, calendars) for clock in document["clocks"]}),
    )


def conditions_of(document: Document) -> Conditions:
    """Return conditions by the name of the fact; an empty list is none."""
    found: dict[str, frozenset[str | UUID]] = {}
    for name, values in document.items():
        if values:
            read = UUID if name in _BY_ID else str
            found[_BY_ID.get(name, name)] = frozenset(read(each) for each in values)
    return MappingProxyType(found)


def calendars_named(document: Document) -> frozenset[UUID]:
    """Return the calendars that a policy's clocks run by."""
    return frozenset(UUID(clock["calendar"]) for clock in document["clocks"] if clock["calendar"] is not None)


def own_clocks(documents: Iterable[Document]) -> dict[str, Events]:
    """Return what starts and stops each clock that these policies have of their own."""
    return {
        clock["name"]: _events(clock)
        for document in documents
        for clock in document["clocks"]
        if clock["name"] not in BUILT_IN_NAMES
    }


def _terms(clock: Document, calendars: Mapping[UUID, tuple[int, Calendar]]) -> Terms:
    calendar_id = None if clock["calendar"] is None else UUID(clock["calendar"])
    version, calendar = (None, None) if calendar_id is None else calendars[calendar_id]
    return Terms(
        _definition(clock),
        tuple(
            Target(timedelta(seconds=each["target_seconds"]), conditions_of(each["when"]))
            for each in clock["targets"]
        ),
        frozenset(clock["pauses_in"]),
        tuple(_warning(each) for each in clock["warnings"]),
        calendar,
        calendar_id,
        version,
    )


def _definition(clock: Document) -> Definition:
    name = clock["name"]
    return next((each for each in BUILT_IN if each.name == name), None) or Definition(name, *_events(clock))


def _events(clock: Document) -> Events:
    starts, stops = (frozenset(f"ticket.{each}" for each in clock[on]) for on in ("starts_on", "stops_on"))
    return starts, stops


def _warning(document: Document) -> terms.Warning:
    lead = document["before_seconds"]
    return terms.Warning(document["fraction"], None if lead is None else timedelta(seconds=lead))


def _hours(document: Iterable[Mapping[str, str]]) -> Hours:
    return tuple((_minutes(each["from"]), _minutes(each["to"])) for each in document)


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return 60 * int(hours) + int(minutes)


def _special_days(document: Document) -> Callable[[int], Mapping[date, SpecialDay]]:
    """Return what tells the special days of a year; of one date's, its own goes before a public holiday."""
    holidays = document["holidays"]
    own = [(each["date"], SpecialDay(each["name"], _hours(each["hours"]))) for each in document["dates"]]
    yearly = sorted(own, key=lambda each: len(each[0]))  # 12-24 before 2026-12-24, which so has the last word

    @cache
    def special(year: int) -> Mapping[date, SpecialDay]:
        public = public_holidays.of(holidays["country"], holidays["subdivision"], year) if holidays else {}
        days = {day: SpecialDay(name) for day, name in public.items()}
        for text, each in yearly:
            days |= dict.fromkeys(_dates(text, year), each)
        return days

    return special


def _dates(text: str, year: int) -> Iterator[date]:
    """Yield the date of a year that a text means: none where it is another year's, or 29 February is none."""
    *years, month, day = (int(part) for part in text.split("-"))
    if not years or years == [year]:
        try:
            yield date(year, month, day)
        except ValueError:
            return
