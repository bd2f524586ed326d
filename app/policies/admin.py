"""Set up policies."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.access import store as access
from app.errors import ConflictError, Flaw, ValidationError
from app.ids import new_id
from app.models.sla import Calendar, Policy
from app.policies import book, documents, preview, store
from app.policies.changes import record_change
from app.policies.documents import Document
from app.policies.schemas import PolicyIn, PolicyOut


class ClockRedefinedError(ConflictError):
    """A clock means the same everywhere and for ever, or figures over it would mean nothing."""

    code, title = "clock_redefined", "That clock already starts and stops on other events"


def create_policy(session: Session, *, new: PolicyIn, by: UUID | None, now: datetime) -> PolicyOut:
    """Add a policy; as the default it takes the place of any other."""
    store.lock_all(session)
    document = document_of(session, new, now=now)
    policy = Policy(id=new_id(now), is_default=False, created_at=now)
    store.add(session, policy, document)
    store.make_default(session, policy, is_default=new.default)
    record_change(session, "policy.created", policy, by=by, now=now)
    return _show(session, [(policy, policy.version, document, now)])[0]


def list_policies(session: Session) -> list[PolicyOut]:
    """Return every policy, in the order in which they are tried."""
    found = [
        (policy, policy.version, document, made_at)
        for policy, document, made_at in store.living(session, Policy)
    ]
    return sorted(_show(session, found), key=lambda each: (each.rank, each.name))


def read_policy(session: Session, *, policy_id: UUID, version: int | None = None) -> PolicyOut:
    """Return a policy, or what it said at a version, also after it was deleted."""
    wanted = store.get(session, Policy, policy_id).version if version is None else version
    policy, document, made_at = store.at_version(session, Policy, policy_id, wanted)
    return _show(session, [(policy, wanted, document, made_at)])[0]


def change_policy(
    session: Session, policy: Policy, *, new: PolicyIn, by: UUID | None, now: datetime
) -> PolicyOut:
    """Say anew what is promised, as the next version; the same again is no version.

    Being the default is no part of a version: it moves from one policy to another.
    """
    _, before, made_at = store.at_version(session, Policy, policy.id, policy.version)
    document = document_of(session, new, now=now)
    if document != before:
        store.add_version(session, policy, document, now=now)
        made_at = now
    if document != before or policy.is_default != new.default:
        store.make_default(session, policy, is_default=new.default)
        record_change(session, "policy.changed", policy, by=by, now=now)
    return _show(session, [(policy, policy.version, document, made_at)])[0]


def delete_policy(session: Session, *, policy_id: UUID, by: UUID | None, now: datetime) -> None:
    """Take a policy away; what was judged by it can still be explained."""
    policy = store.hold(session, Policy, policy_id)
    store.forget(session, policy, now=now)
    record_change(session, "policy.deleted", policy, by=by, now=now)


def document_of(session: Session, new: PolicyIn, *, now: datetime) -> dict[str, Any]:
    """Return a policy as it would be stored, if it could stand beside all there ever was.

    Raises:
        ValidationError: it names what does not exist, or a target would take more than ten years.
        ClockRedefinedError: a clock of its own means something else already.
    """
    document = new.document()
    flaws: list[Flaw] = []
    for kind, named in (("site", access.sites(session)), ("source", access.sources(session))):
        ids = _by_name((each.id, each.name) for each in named)
        values = document["applies_to"][kind]
        flaws += [
            Flaw(f"/applies_to/{kind}/{place}", f"unknown_{kind}", f"no such {kind}")
            for place, value in enumerate(values)
            if value not in ids
        ]
        document["applies_to"][kind] = sorted({ids[value] for value in values if value in ids})
    calendars = _by_name((each.id, each.name) for each, _, _ in store.living(session, Calendar))
    for place, clock in enumerate(document["clocks"]):
        if clock["calendar"] is not None and clock["calendar"] not in calendars:
            flaws.append(Flaw(f"/clocks/{place}/calendar", "unknown_calendar", "no such calendar"))
        clock["calendar"] = calendars.get(clock["calendar"])
    flaws += _beyond_reach(session, document, now=now)
    if flaws:
        raise ValidationError(flaws=flaws)
    _require_same_clocks(session, document)
    return document


def _by_name(named: Iterable[tuple[UUID, str]]) -> dict[str, str]:
    """Return ids by name, and by themselves."""
    return {key: str(each) for each, name in named for key in (name, str(each))}


def _beyond_reach(session: Session, document: Document, *, now: datetime) -> list[Flaw]:
    named = documents.calendars_named(document)
    calendars = book.calendars_at(session, store.newest(session, Calendar, named))
    return [
        Flaw(f"/clocks/{place}/targets/{which}", "out_of_reach", "that would take more than ten years")
        for place, clock in enumerate(document["clocks"])
        for which, target in enumerate(clock["targets"])
        if clock["calendar"] is not None
        and not preview.is_within_reach(
            calendars[UUID(clock["calendar"])][1], timedelta(seconds=target["target_seconds"]), since=now
        )
    ]


def _require_same_clocks(session: Session, document: Document) -> None:
    known = documents.own_clocks(store.every_document(session))
    for name, events in documents.own_clocks([document]).items():
        if known.get(name, events) != events:
            starts, stops = (", ".join(sorted(each.split(".")[1] for each in on)) for on in known[name])
            raise ClockRedefinedError(f"{name} starts on {starts} and stops on {stops}")


def _show(session: Session, found: Sequence[tuple[Policy, int, Document, datetime]]) -> list[PolicyOut]:
    """Return policies at versions, with names in place of ids; what is gone is shown by its id."""
    calendar_ids = frozenset[UUID]().union(*(documents.calendars_named(each[2]) for each in found))
    names = {str(each): name for each, name in store.names(session, Calendar, calendar_ids).items()}
    names |= {str(each.id): each.name for each in access.sites(session)}
    names |= {str(each.id): each.name for each in access.sources(session)}
    return [
        PolicyOut.model_validate(
            _named(document, names)
            | {"id": policy.id, "default": policy.is_default, "version": version, "created_at": made_at}
        )
        for policy, version, document, made_at in found
    ]


def _named(document: Document, names: Mapping[str, str]) -> dict[str, Any]:
    applies_to = dict(document["applies_to"])
    for kind in ("site", "source"):
        applies_to[kind] = sorted(names.get(each, each) for each in applies_to[kind])
    clocks = [
        clock | {"calendar": each and {"id": each, "name": names[each]}}
        for clock in document["clocks"]
        for each in [clock["calendar"]]
    ]
    return {**document, "applies_to": applies_to, "clocks": clocks}
