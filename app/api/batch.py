"""Submit the items of a batch through the intake, and answer for each in its place."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from fastapi import Request
from sqlalchemy.orm import Session

from app.api.receipts import receipt, refusal
from app.db.database import Lane
from app.edge import problems
from app.edge.batches import Item
from app.edge.identity import Identity
from app.edge.once import key_of, once_for
from app.errors import AppError, Flaw, ValidationError
from app.intake.classify import Classified, Sender, classify
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
    read = _classify_all(request, services, speaker, items, now=now)
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
    read = _classify_all(request, services, speaker, items, now=now)
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


def _classify_all(
    request: Request,
    services: Services,
    speaker: Identity,
    items: Sequence[Item[Submission]],
    *,
    now: datetime,
) -> list[Result]:
    key = key_of(request)
    sender = Sender(speaker.key, speaker.site)
    return [
        _classify(request, services, sender, speaker, item, place, key, now)
        for place, item in enumerate(items)
    ]


def _classify(  # noqa: PLR0917  (the parts of one request, handed on once)
    request: Request,
    services: Services,
    sender: Sender,
    speaker: Identity,
    item: Item[Submission],
    place: int,
    key: str | None,
    now: datetime,
) -> Result:
    if isinstance(item.value, AppError):
        return item.value
    own = str(item.value.submission_id) if item.value.submission_id else None
    public = speaker.site is not None
    try:
        once = once_for(
            request, speaker.scope, key or own, item.raw, now=now, item=place if key else None, public=public
        )
        snapshot = services.configuration.current
        return classify(item.value, sender=sender, snapshot=snapshot, once=once, now=now)
    except AppError as error:
        return error


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
