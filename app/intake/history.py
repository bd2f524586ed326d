"""Load history: tickets with their facts at their own times, measured like live ones but never acted upon.

A line is known by (source, external id): the same again changes nothing. Every row carries the import's id,
so that an import can be undone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app.customers import store as customers
from app.customers.rules import identities
from app.customers.store import Claimant
from app.errors import AppError, ConflictError, Flaw, ValidationError, invalid
from app.events import store as events
from app.ids import new_id
from app.intake import external
from app.intake import history_rows as rows
from app.intake import history_store as store
from app.intake.classify import AHEAD, fingerprint
from app.intake.external import Claim, ExternalIdConflictError
from app.intake.history_rows import Names, Past
from app.intake.history_schemas import HistoryLine
from app.models.events import ExternalId
from app.people import store as people
from app.policies import book
from app.satisfaction import scale
from app.satisfaction import store as satisfaction
from app.satisfaction.rules import InstrumentFacts
from app.satisfaction.scale import Scored
from app.sla import store as sla
from app.tickets import store as tickets

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
"""What came before has no figures, and no calendar knows its hours."""


class UndoneError(ConflictError):
    """The import this line would join was undone."""

    code, title = "import_undone", "This import was undone"


@dataclass(frozen=True, slots=True)
class Checked:
    """A line whose scores and times are sound, with the ids it will have."""

    id: UUID
    line: HistoryLine
    scored: tuple[Scored, ...]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a line: 201 loaded, 200 there already."""

    status: int
    id: UUID


def check(line: HistoryLine, instruments: Mapping[str, InstrumentFacts], *, now: datetime) -> Checked:
    """Check what needs no database.

    Raises:
        ValidationError: a score is off its scale, or something has not happened yet.
    """
    times = {"/occurred_at": line.occurred_at} | {
        f"/events/{place}/at": it.at for place, it in enumerate(line.events)
    }
    wrong = [
        Flaw(pointer, "in_future", "this has not happened yet")
        for pointer, at in times.items()
        if at > now + AHEAD
    ]
    wrong += [
        Flaw(pointer, "too_early", f"before {EARLIEST.year}")
        for pointer, at in times.items()
        if at < EARLIEST
    ]
    if wrong:
        raise ValidationError(flaws=wrong)
    scored = scale.check(line.scores, instruments, now=now)
    return Checked(new_id(now), line, scored, fingerprint(line))


def load(
    session: Session, batch: Sequence[Checked], *, import_id: UUID, new_sources: bool, now: datetime
) -> list[Loaded | AppError]:
    """Load a batch of lines in one transaction; a line that can't be is refused in its place.

    Raises:
        UndoneError: this import was undone.
    """
    if store.was_undone(session, import_id):
        raise UndoneError
    names = {each.line.source for each in batch}
    sources = store.source_ids(session, names, import_id if new_sources else None, now=now)
    keys = {
        place: (sources[each.line.source], each.line.external_id)
        for place, each in enumerate(batch)
        if each.line.source in sources
    }
    claims = {place: Claim(*key, batch[place].fingerprint, batch[place].id) for place, key in keys.items()}
    known = external.claim(session, claims, import_id=import_id)
    seen = {place: _seen_before(batch[place], found) for place, found in known.items()}
    fresh = [place for place in keys if place not in known]
    hung, lost = _find_tickets(session, batch, {place: keys[place][0] for place in fresh})
    sound = [batch[place] for place in fresh if place not in lost]
    _insert(session, sound, sources, hung, import_id, now=now)
    unknown = invalid("/source", "unknown_source", "no such source")
    answers = {place: unknown for place in range(len(batch)) if place not in keys} | seen | lost
    return [answers.get(place, Loaded(201, each.id)) for place, each in enumerate(batch)]


def _seen_before(line: Checked, found: ExternalId) -> Loaded | AppError:
    return (
        Loaded(200, found.subject_id) if found.fingerprint == line.fingerprint else ExternalIdConflictError()
    )


def _find_tickets(
    session: Session, batch: Sequence[Checked], sources: Mapping[int, UUID]
) -> tuple[dict[UUID, UUID], dict[int, AppError]]:
    """Return the ticket each score line hangs on, by the line's id; a line without one is forgotten."""
    keys = {
        place: (source, ticket) for place, source in sources.items() if (ticket := batch[place].line.ticket)
    }
    known = events.known_external_ids(session, keys.values())
    lost: dict[int, AppError] = {
        place: invalid("/ticket", "unknown_ticket", "no ticket of this source has that external id")
        for place, key in keys.items()
        if key not in known
    }
    store.forget(session, [batch[place].id for place in lost])
    return {batch[place].id: known[key].subject_id for place, key in keys.items() if place not in lost}, lost


def _insert(
    session: Session,
    batch: Sequence[Checked],
    sources: Mapping[str, UUID],
    hung: Mapping[UUID, UUID],
    import_id: UUID,
    *,
    now: datetime,
) -> None:
    if not batch:
        return
    store.note_import(session, import_id, now=now)
    names = _names(session, batch, import_id, now=now)
    claimants = [
        Claimant(_identities(each.line), new_id(now), _name(each.line), now, import_id) for each in batch
    ]
    owners = customers.settle(session, claimants)
    past = [
        Past(each.id, each.line, each.scored, sources[each.line.source], owner, import_id, now)
        for each, owner in zip(batch, owners, strict=True)
    ]
    opened = [each for each in past if each.line.kind != "score"]
    todays = book.current(session)
    clocked = {each.id: rows.clocked(each, names, todays) for each in opened}
    tickets.add_tickets(session, [rows.ticket_row(each, names, clocked[each.id]) for each in opened])
    store.add_messages(session, [row for each in opened for row in rows.message_rows(each, names)])
    sla.add_clocks(session, [row for each in opened for row in rows.clock_rows(each, clocked[each.id])])
    there = tickets.owners(session, set(hung.values()))
    scores = [row for each in past for row in rows.score_rows(each, names, hung.get(each.id), there)]
    satisfaction.add_scores(session, scores)
    events.record(session, [happening for each in past for happening in rows.happenings(each, names)])


def _names(session: Session, batch: Sequence[Checked], import_id: UUID, *, now: datetime) -> Names:
    """Return agents and teams by name, creating those nobody knew: offline, without capacity."""
    agent_names = {
        name
        for each in batch
        for name in (each.line.agent, *(event.agent for event in each.line.events))
        if name
    }
    team_names = {each.line.team for each in batch if each.line.team}
    agents, teams = people.ids_by_name(session, agent_names, team_names)
    missing = agent_names - agents.keys(), team_names - teams.keys()
    if any(missing) and people.add_missing(session, *missing, import_id=import_id, now=now):
        events.record_configuration(session, "import.people_created", import_id, by=None, now=now)
        agents, teams = people.ids_by_name(session, agent_names, team_names)
    return Names(agents, teams, people.default_team_id(session))


def _identities(line: HistoryLine) -> tuple[tuple[str, str], ...]:
    who = line.customer
    return identities(who.ref, who.email, who.phone) if who else ()


def _name(line: HistoryLine) -> str | None:
    return line.customer.name if line.customer else None
