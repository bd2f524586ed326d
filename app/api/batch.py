"""Submit the items of a batch through the intake, and answer for each in its place."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import Request
from sqlalchemy.orm import Session

from app.api.receipts import receipt, refusal
from app.db.database import Lane
from app.edge import problems
from app.edge.batches import BREATH, Item
from app.edge.identity import Identity
from app.edge.once import key_of, once_for
from app.errors import AppError, Flaw, ValidationError
from app.ids import new_id
from app.intake.classify import Classified, Once, Sender, classify
from app.intake.commit import Outcome, commit
from app.intake.schemas import BatchItem, BatchOut, Submission
from app.services import Services

Result = Classified | AppError


async def submit_items(
    request: Request,
    services: Services,
    speaker: Identity,
    items: Sequence[Item[Submission]],
    *,
    now: datetime,
) -> BatchOut:
    """Submit each item for itself; a bad one spoils no other."""
    read = await _classify_all(request, services, speaker, items, now=now)
    good = [(place, item) for place, item in enumerate(read) if isinstance(item, Classified)]
    entries = [(item, item.rows, len(items[place].raw)) for place, item in good]
    outcomes = await services.intake.submit_all(entries) if entries else []
    answers: list[Outcome | BaseException] = [
        item if isinstance(item, AppError) else AppError() for item in read
    ]
    for (place, _), outcome in zip(good, outcomes, strict=True):
        answers[place] = outcome
    return _answer(services, answers)


async def submit_strictly(
    request: Request,
    services: Services,
    speaker: Identity,
    items: Sequence[Item[Submission]],
    *,
    now: datetime,
) -> BatchOut:
    """Submit all items in one transaction, or none.

    Raises:
        ValidationError: an item was refused; its flaws are pointed at by the item's place.
    """
    read = await _classify_all(request, services, speaker, items, now=now)
    _refuse_any(dict(enumerate(read)))
    good = [item for item in read if isinstance(item, Classified)]
    outcomes = await services.write(partial(_commit_strictly, batch=good), lane=Lane.BULK) if good else []
    return _answer(services, outcomes)


def _commit_strictly(session: Session, batch: Sequence[Classified]) -> list[Outcome]:
    outcomes = commit(session, batch)
    _refuse_any({place: refusal(outcome) for place, outcome in enumerate(outcomes)})
    return outcomes


def _refuse_any(results: dict[int, Any]) -> None:
    flaws = [
        Flaw(f"/{place}{flaw.pointer}", flaw.code, flaw.detail)
        for place, error in results.items()
        if isinstance(error, AppError)
        for flaw in error.flaws or (Flaw("", error.code, error.title),)
    ]
    if flaws:
        raise ValidationError("nothing was stored", flaws=flaws)


async def _classify_all(
    request: Request,
    services: Services,
    speaker: Identity,
    items: Sequence[Item[Submission]],
    *,
    now: datetime,
) -> list[Result]:
    """Classify items; ids that ascend keep those of one instant in the order they were sent in."""
    upload = _Upload(request, services, speaker, key_of(request), now)
    results: list[Result] = []
    for place, identifier in enumerate(sorted(new_id(now) for _ in items)):
        if place % BREATH == 0:  # a long batch must not hold up everyone else
            await asyncio.sleep(0)
        results.append(upload.classify(items[place], place, identifier))
    return results


@dataclass(frozen=True, slots=True)
class _Upload:
    """What the items of one upload have in common."""

    request: Request
    services: Services
    speaker: Identity
    key: str | None
    now: datetime

    def classify(self, item: Item[Submission], place: int, identifier: UUID) -> Result:
        """Return what an item becomes, or what is wrong with it."""
        if isinstance(item.value, AppError):
            return item.value
        try:
            return classify(
                item.value,
                sender=Sender(self.speaker.key, self.speaker.site),
                snapshot=self.services.configuration.current,
                once=self._once(item.value, item.raw, place),
                now=self.now,
                identifier=identifier,
            )
        except AppError as error:
            return error

    def _once(self, said: Submission, raw: bytes, place: int) -> Once | None:
        """The upload's own key counts for each item by its place; else an item may have its own."""
        own = str(said.submission_id) if said.submission_id else None
        return once_for(
            self.request,
            self.speaker.scope,
            self.key or own,
            raw,
            now=self.now,
            item=place if self.key else None,
            public=self.speaker.site is not None,
        )


def _answer(services: Services, outcomes: Sequence[Outcome | BaseException]) -> BatchOut:
    results = [_result(services, place, outcome) for place, outcome in enumerate(outcomes)]
    accepted = sum(1 for result in results if result.problem is None)
    return BatchOut(results=results, accepted=accepted, rejected=len(results) - accepted)


def _result(services: Services, place: int, outcome: Outcome | BaseException) -> BatchItem:
    error = refusal(outcome) if isinstance(outcome, Outcome) else outcome
    if isinstance(outcome, Outcome) and error is None:
        return BatchItem(index=place, status=outcome.status, **receipt(services, outcome))
    known = error if isinstance(error, AppError) else AppError()
    return BatchItem(index=place, status=known.status, problem=problems.body(known))
