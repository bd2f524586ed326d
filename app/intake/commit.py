"""Put a batch of classified submissions into one transaction, and say what became of each.

It only inserts, in one order for everybody: idempotency keys → external ids → customer identities → tickets →
clocks → scores → events, each sorted by its own unique key, so that two flushers wait for each other and
never deadlock. Only the winners of the first two go on; losers are looked up and get the first one's receipt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.customers import store as customers
from app.db.dialect import ChangedMeanwhileError
from app.events import store as events
from app.events.store import Happening
from app.ids import new_id
from app.intake import external
from app.intake.classify import Classified
from app.models.events import ExternalId, Idempotency
from app.satisfaction import scale
from app.satisfaction import store as satisfaction
from app.sla import store as sla
from app.tickets import store as tickets
from app.tickets.rules import OPENED, SCORED, Status, searchable
from app.tickets.store import Owner

CREATED, SEEN, MISSING, CONFLICT, REUSED = 201, 200, 404, 409, 422


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one submission.

    status 201: stored; 200: its source sent the same before; 404: it hangs on a ticket that does not exist;
    409: its external id was used for something else; 422: its idempotency key was used for something else.
    """

    status: int
    id: UUID
    kind: str
    received_at: datetime
    reference: str | None
    promised_at: datetime | None = None
    replayed: bool = False


def commit(session: Session, batch: Sequence[Classified]) -> list[Outcome]:
    """Store a batch and return one outcome each, in order."""
    places = list(range(len(batch)))
    fresh = _claim_keys(session, batch, places)
    fresh, lost = _find_tickets(session, batch, fresh)
    fresh, known = _claim_external_ids(session, batch, fresh)
    _insert(session, [batch[place] for place in fresh])
    verdicts: dict[int, tuple[int, UUID, bool]] = {
        place: (CREATED, batch[place].id, False) for place in fresh
    }
    verdicts |= {place: (MISSING, batch[place].id, False) for place in lost}
    for place, found in known.items():
        same = (claim := batch[place].claim) and claim.fingerprint == found.fingerprint
        verdicts[place] = (SEEN if same else CONFLICT, found.subject_id, False)
    _settle_keys(session, batch, verdicts)
    verdicts |= _replays(session, batch, [place for place in places if place not in verdicts])
    return _outcomes(session, batch, verdicts)


def _claim_keys(session: Session, batch: Sequence[Classified], places: Sequence[int]) -> list[int]:
    """Return the places that go on: those without a key, and the first of each key that was new."""
    first: dict[tuple[str, str], int] = {}
    for place in places:
        if once := batch[place].once:
            first.setdefault((once.scope, once.key_hash), place)
    rows = [
        {
            "scope": scope, "key_hash": key_hash, "fingerprint": once.fingerprint, "status": CREATED,
            "subject_id": batch[place].id, "expires_at": once.expires_at,
        }
        for (scope, key_hash), place in first.items()
        if (once := batch[place].once)
    ]  # fmt: skip
    won = events.claim_keys(session, rows, now=batch[0].received_at) if rows else set()
    winners = {place for key, place in first.items() if key in won}
    return [place for place in places if batch[place].once is None or place in winners]


def _claim_external_ids(
    session: Session, batch: Sequence[Classified], places: Sequence[int]
) -> tuple[list[int], dict[int, ExternalId]]:
    """Return the places that go on, and what is already known of the others."""
    claims = {place: claim for place in places if (claim := batch[place].claim)}
    known = external.claim(session, claims, import_id=None)
    return [place for place in places if place not in known], known


def _find_tickets(
    session: Session, batch: Sequence[Classified], places: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Split off the scores that hang on a ticket which does not exist."""
    wanted = {ticket_id for place in places if (ticket_id := batch[place].submission.ticket_id)}
    if not wanted:
        return list(places), []
    there = tickets.filed(session, wanted)
    lost = [
        place
        for place in places
        if (ticket_id := batch[place].submission.ticket_id) and ticket_id not in there
    ]
    return [place for place in places if place not in lost], lost


def _insert(session: Session, items: Sequence[Classified]) -> None:
    if not items:
        return
    speakers = {item.id: item.claimant for item in items if item.claimant}
    owners = dict(zip(speakers, customers.settle(session, list(speakers.values())), strict=True))
    opening = [item for item in items if item.opens_ticket]
    tickets.add_tickets(session, [_ticket_row(item, owners.get(item.id)) for item in opening])
    sla.add_clocks(session, [row for item in opening for row in _clock_rows(item)])
    owed = tickets.owners(session, {item.submission.ticket_id for item in items if item.submission.ticket_id})
    scores = [row for item in items for row in _score_rows(item, owners.get(item.id), owed)]
    satisfaction.add_scores(session, scores)
    events.record(session, [_happening(item) for item in items])


def _ticket_row(item: Classified, customer_id: UUID | None) -> dict[str, Any]:
    said = item.submission
    claimed = said.customer.model_dump(exclude_none=True) if said.customer and item.source is None else None
    return item.common | {
        "id": item.id,
        "reference": item.reference,
        "kind": said.kind,
        "external_id": said.external_id,
        "subject": said.subject,
        "text": said.text,
        "search_text": searchable(said.subject, said.text),
        "priority": said.priority or "normal",
        "segment": said.customer.segment if said.customer else None,
        "policy_id": item.policy_id,
        "promised_at": item.clocks.promised_at,
        "next_due_at": item.clocks.next_due_at,
        "replayed_version": 1,
        "replayed_at": item.occurred_at,
        "replayed_standing": item.clocks.standing,
        "status": Status.NEW.value,
        "team_id": item.team_id,
        "assignee_id": None,
        "resolver_id": None,
        "customer_id": customer_id,
        "claimed": claimed,
        "attributes": said.attributes,
        "page_url": said.page_url,
        "delayed_seconds": said.delayed_seconds,
        "follow_up_of": None,
        "occurred_at": item.occurred_at,
        "received_at": item.received_at,
        "queue_at": item.queue_at,
        "resolved_at": None,
        "closed_at": None,
        "token_version": 1,
        "version": 1,
    }


def _clock_rows(item: Classified) -> list[dict[str, Any]]:
    return [{**row, "id": new_id(item.received_at), "ticket_id": item.id} for row in item.clocks.rows]


def _score_rows(
    item: Classified, customer_id: UUID | None, owed: dict[UUID, Owner]
) -> Sequence[dict[str, Any]]:
    """A score hangs on its own ticket, or on a named one whose resolver and dimensions it then takes."""
    if not item.scored:
        return ()
    said = item.submission
    owner = owed.get(said.ticket_id) if said.ticket_id else None
    shared = item.common | {"team_id": item.team_id, "customer_id": customer_id, "agent_id": None}
    if owner:
        shared |= owner.dimensions | {
            "agent_id": owner.resolver_id,
            "customer_id": customer_id or owner.customer_id,
        }
    shared |= {
        "submission_id": item.id,
        "standalone": not item.opens_ticket,
        "ticket_id": said.ticket_id or (item.id if item.opens_ticket else None),
        "given_at": item.occurred_at,
        "received_at": item.received_at,
    }
    return scale.rows(item.scored, shared, comment=None if item.opens_ticket else said.text or None)


def _happening(item: Classified) -> Happening:
    said = item.submission
    subject, kind = ("ticket", OPENED) if item.opens_ticket else ("submission", SCORED)
    data = {"kind": said.kind, "channel": item.common["channel"], "scores": len(said.scores)}
    if item.opens_ticket:
        data["priority"] = said.priority or "normal"
    if said.ticket_id:
        data["ticket_id"] = str(said.ticket_id)
    return Happening(subject, item.id, 1, kind, item.occurred_at, item.received_at, None, data)


def _settle_keys(
    session: Session, batch: Sequence[Classified], verdicts: dict[int, tuple[int, UUID, bool]]
) -> None:
    """Correct the records of keys whose submission turned out to be known already, or to be nothing."""
    for place, (status, subject_id, _) in verdicts.items():
        if (once := batch[place].once) and status != CREATED:
            events.settle_key(session, (once.scope, once.key_hash), status=status, subject_id=subject_id)


def _replays(
    session: Session, batch: Sequence[Classified], places: Sequence[int]
) -> dict[int, tuple[int, UUID, bool]]:
    """Return the verdicts of those whose key was used before: by the same request, or by another."""
    keys = {place: (once.scope, once.key_hash) for place in places if (once := batch[place].once)}
    known = events.known_keys(session, keys.values())
    if known.keys() != set(keys.values()):
        raise ChangedMeanwhileError
    return {place: _replay(batch[place], known[key]) for place, key in keys.items()}


def _replay(item: Classified, found: Idempotency) -> tuple[int, UUID, bool]:
    if item.once is None or found.fingerprint != item.once.fingerprint:
        return REUSED, item.id, False
    return found.status, found.subject_id, True


def _outcomes(
    session: Session, batch: Sequence[Classified], verdicts: dict[int, tuple[int, UUID, bool]]
) -> list[Outcome]:
    own = {item.id: item for item in batch}
    others = {subject_id for _, subject_id, _ in verdicts.values() if subject_id not in own}
    filed = tickets.filed(session, others) if others else {}
    scored = satisfaction.received(session, others - filed.keys()) if others - filed.keys() else {}
    receipts: dict[UUID, tuple[str, datetime, str | None, datetime | None]] = {
        item.id: (item.submission.kind, item.received_at, item.reference, item.clocks.promised_at)
        if item.opens_ticket
        else (item.submission.kind, item.received_at, None, None)
        for item in batch
    }
    receipts |= {
        key: (ticket.kind, ticket.received_at, ticket.reference, ticket.promised_at)
        for key, ticket in filed.items()
    }
    receipts |= {key: ("score", received_at, None, None) for key, received_at in scored.items()}
    outcomes = []
    for place, item in enumerate(batch):
        status, subject_id, replayed = verdicts[place]
        if subject_id in receipts:
            receipt = receipts[subject_id]
        else:  # what it stood for was removed since
            status, receipt = MISSING, (item.submission.kind, item.received_at, None, None)
        outcomes.append(Outcome(status, subject_id, *receipt, replayed))
    return outcomes
