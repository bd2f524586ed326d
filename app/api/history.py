"""The door of history: load what happened before us, and take it back."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from app.db.database import Lane
from app.edge import problems
from app.edge.batches import Item, read_batch
from app.edge.identity import Historian, Now, ServicesDep
from app.edge.promises import Body, Promise
from app.errors import AppError, ForbiddenError
from app.ids import new_id
from app.intake.history import Checked, Loaded, UndoneError, check, load
from app.intake.history_schemas import HistoryLine, ImportItem, ImportOut, UndoneOut
from app.intake.undo import undo_piece
from app.services import Services

PIECE = 50
router = APIRouter(prefix="/v1", tags=["history"])


@router.post(
    "/tickets/import",
    response_model_exclude_none=True,
    openapi_extra=Promise(
        UndoneError,
        body=Body(HistoryLine, many=True),
        links={"undo_import": {"import_id": "/import_id"}},
    ),
)
async def import_history(
    request: Request,
    historian: Historian,
    now: Now,
    services: ServicesDep,
    import_id: Annotated[UUID | None, Query(description="Joins several posts into one import.")] = None,
) -> ImportOut:
    """Load history, one ticket or score a line; the same line again changes nothing."""
    items = await read_batch(request, HistoryLine)
    joined = import_id or new_id(now)
    allowed = historian.key.sources if historian.key else frozenset()
    answers = await _load_all(services, items, joined, allowed, now=now)
    return _render(joined, answers)


@router.delete("/imports/{import_id}")
async def undo_import(import_id: UUID, _historian: Historian, now: Now, services: ServicesDep) -> UndoneOut:
    """Take an import back, with everything it created."""
    removed, undo = 0, partial(undo_piece, import_id=import_id, now=now)
    while piece := await services.write(undo, lane=Lane.BULK):
        removed += piece
    await services.configuration.refresh()
    return UndoneOut(import_id=import_id, removed=removed)


async def _load_all(
    services: Services,
    items: Sequence[Item[HistoryLine]],
    import_id: UUID,
    allowed: frozenset[UUID] | None,
    *,
    now: datetime,
) -> list[Loaded | AppError]:
    """Load in small transactions, so that nobody waits long behind a big file."""
    checked = [_check(services, item, allowed, now=now) for item in items]
    sound = [each for each in checked if isinstance(each, Checked)]
    loaded: list[Loaded | AppError] = []
    for start in range(0, len(sound), PIECE):
        piece = sound[start : start + PIECE]
        fn = partial(load, batch=piece, import_id=import_id, new_sources=allowed is None, now=now)
        loaded += await services.write(fn, lane=Lane.BULK)
    await services.configuration.refresh()
    answers = iter(loaded)
    return [next(answers) if isinstance(each, Checked) else each for each in checked]


def _check(
    services: Services, item: Item[HistoryLine], allowed: frozenset[UUID] | None, *, now: datetime
) -> Checked | AppError:
    if isinstance(item.value, AppError):
        return item.value
    source = services.configuration.current.sources.get(item.value.source)
    if allowed is not None and (source is None or source.id not in allowed):
        return ForbiddenError("this key may not write that source")
    try:
        return check(item.value, services.configuration.current.instruments, now=now)
    except AppError as error:
        return error


def _render(import_id: UUID, answers: Sequence[Loaded | AppError]) -> ImportOut:
    results = [_result(place, answer) for place, answer in enumerate(answers)]
    statuses = [result.status for result in results]
    accepted, unchanged = statuses.count(201), statuses.count(200)
    return ImportOut(
        import_id=import_id,
        results=results,
        accepted=accepted,
        unchanged=unchanged,
        rejected=len(results) - accepted - unchanged,
    )


def _result(place: int, answer: Loaded | AppError) -> ImportItem:
    if isinstance(answer, AppError):
        return ImportItem(index=place, status=answer.status, problem=problems.body(answer))
    return ImportItem(index=place, status=answer.status, id=answer.id)
