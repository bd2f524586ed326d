"""Decide in memory what a submission becomes: whom it may speak for, its times, team and place in the queue.

Everything here is decided from the configuration snapshot, before the database is asked anything.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from app.access.rules import KeyFacts, SiteFacts, SourceFacts
from app.configuration.snapshot import API_SOURCE, Snapshot
from app.customers.rules import identities
from app.customers.schemas import CustomerIn
from app.customers.store import Claimant
from app.errors import Flaw, ForbiddenError, ValidationError, invalid
from app.ids import new_id, new_reference
from app.intake.external import Claim
from app.intake.schemas import Submission
from app.policies.terms import Facts
from app.satisfaction import scale
from app.satisfaction.scale import Scored
from app.sla import rows
from app.sla.rows import NO_CLOCKS, Opened
from app.tickets.rules import queue_at

BACK = timedelta(days=7)
AHEAD = timedelta(minutes=5)
_SECRET_ONLY = ("priority", "source", "external_id", "occurred_at", "ticket_id")
_PUBLIC_CHANNELS = {"web", "chat", "social"}


class SourceNotAllowedError(ForbiddenError):
    """The key may not write that source."""

    code, title = "source_not_allowed", "This key may not write that source"


@dataclass(frozen=True, slots=True)
class Once:
    """The idempotency record of a submission."""

    scope: str
    key_hash: str
    fingerprint: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends: a site's visitor or the holder of a secret key."""

    key: KeyFacts | None
    site: SiteFacts | None


@dataclass(frozen=True, slots=True)
class Classified:
    """A submission with all that was decided about it, ready to be committed any number of times.

    Ids are made here, so that a repeated commit writes the same rows. `common` holds the columns that tickets
    and scores share.
    """

    id: UUID
    submission: Submission
    reference: str
    source: SourceFacts | None
    claim: Claim | None
    claimant: Claimant | None
    common: dict[str, Any]
    occurred_at: datetime
    received_at: datetime
    team_id: UUID
    queue_at: datetime
    policy_id: UUID | None
    clocks: Opened
    scored: tuple[Scored, ...]
    once: Once | None

    @property
    def opens_ticket(self) -> bool:
        """Whether it becomes a ticket, not a score alone."""
        return self.submission.kind != "score"

    @property
    def rows(self) -> int:
        """About how many rows it writes, to bound a flush by."""
        known_by = len(self.claimant.identities) if self.claimant else 0
        return 2 + 3 * self.opens_ticket + known_by + len(self.scored) + (self.once is not None)


def classify(
    submission: Submission,
    *,
    sender: Sender,
    snapshot: Snapshot,
    once: Once | None,
    now: datetime,
    identifier: UUID | None = None,
) -> Classified:
    """Decide all that can be decided about a submission; its id is a new one where the caller gives none.

    Raises:
        ValidationError: a field is out of bounds, or not this sender's to set.
        SourceNotAllowedError: the key may not write that source.
    """
    if sender.site is not None:
        _refuse_secret_fields(submission)
    if submission.ticket_id is not None and submission.kind != "score":
        raise invalid("/ticket_id", "score_only", "only a score hangs on another ticket")
    source = _source(submission, sender, snapshot)
    identifier = identifier or new_id(now)
    occurred_at = bounded(submission.occurred_at, now) or now
    facts = _facts(submission, sender, source)
    policy = snapshot.book.choose(facts)
    clocks = rows.opening(facts, policy, occurred_at, now=now) if submission.kind != "score" else NO_CLOCKS
    return Classified(
        id=identifier,
        submission=submission,
        reference=new_reference(),
        source=source,
        claim=_claim(submission, source, identifier),
        claimant=_claimant(submission.customer, now=now) if sender.site is None else None,
        common={
            "channel": facts.channel,
            "source_id": source.id if source else None,
            "site_id": sender.site.id if sender.site else None,
            "origin": "live",
            "import_id": None,
            "language": facts.language,
            "topic": submission.topic,
            "product": submission.product,
            "quarantined_at": None,
        },
        occurred_at=occurred_at,
        received_at=now,
        team_id=snapshot.default_team_id,
        queue_at=queue_at(now, facts.priority, due_at=clocks.next_due_at),
        policy_id=policy.id if policy else None,
        clocks=clocks,
        scored=scale.check(submission.scores, snapshot.instruments, now=now),
        once=once,
    )


def _facts(submission: Submission, sender: Sender, source: SourceFacts | None) -> Facts:
    """Return what the promises depend on."""
    return Facts(
        kind=submission.kind,
        channel=submission.channel or ("web" if sender.site else "api"),
        priority=submission.priority or "normal",
        language=submission.language or "und",
        segment=submission.customer.segment if submission.customer else None,
        topic=submission.topic,
        product=submission.product,
        site_id=sender.site.id if sender.site else None,
        source_id=source.id if source else None,
    )


def fingerprint(said_so: BaseModel) -> str:
    """Return the SHA-256 of what was said: defaults and the retry id left out, so that a schema may grow."""
    said = said_so.model_dump_json(exclude_defaults=True, exclude={"submission_id"})
    return hashlib.sha256(said.encode()).hexdigest()


def _claim(submission: Submission, source: SourceFacts | None, subject_id: UUID) -> Claim | None:
    if source is None or submission.external_id is None:
        return None
    return Claim(source.id, submission.external_id, fingerprint(submission), subject_id)


def _claimant(who: CustomerIn | None, *, now: datetime) -> Claimant | None:
    """Return who speaks if they can be known again; what a public form says of itself is not believed."""
    known_by = identities(who.ref, who.email, who.phone) if who else ()
    return Claimant(known_by, new_id(now), who.name, now) if who and known_by else None


def _refuse_secret_fields(submission: Submission) -> None:
    flaws = [
        Flaw(f"/{name}", "secret_key_only", "a public key can't set this")
        for name in _SECRET_ONLY
        if getattr(submission, name) is not None
    ]
    if submission.customer is not None and submission.customer.ref is not None:
        flaws.append(Flaw("/customer/ref", "secret_key_only", "a public key can't name a customer"))
    if submission.customer is not None and submission.customer.segment is not None:
        flaws.append(Flaw("/customer/segment", "secret_key_only", "a public key can't claim a segment"))
    if submission.channel is not None and submission.channel not in _PUBLIC_CHANNELS:
        flaws.append(Flaw("/channel", "secret_key_only", "a public key can't claim this channel"))
    if flaws:
        raise ValidationError(flaws=flaws)


def _source(submission: Submission, sender: Sender, snapshot: Snapshot) -> SourceFacts | None:
    if sender.key is None:
        return None
    allowed = sender.key.sources
    name = submission.source
    if name is None:
        if allowed is None:
            return snapshot.sources[API_SOURCE]
        mine = [each for each in snapshot.sources.values() if each.id in allowed]
        if len(mine) == 1:
            return mine[0]
        raise invalid("/source", "required", "this key writes several sources; say which")
    source = snapshot.sources.get(name)
    if source is None:
        raise invalid("/source", "unknown_source", "no such source")
    if allowed is not None and source.id not in allowed:
        raise SourceNotAllowedError
    return source


def bounded(said: datetime | None, now: datetime) -> datetime | None:
    """Return when something happened, in a sender's word.

    Raises:
        ValidationError: that is more than 7 days ago, or more than 5 minutes ahead of us.
    """
    if said is None:
        return None
    if said < now - BACK:
        raise invalid("/occurred_at", "use_import", "more than 7 days ago: load it as history")
    if said > now + AHEAD:
        raise invalid("/occurred_at", "in_future", "more than 5 minutes ahead of us")
    return said
