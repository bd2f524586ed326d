"""The door of widgets, forms and call-centre software: one submission, or a batch."""

from fastapi import APIRouter, Request, Response

from app.api.batch import submit_items, submit_strictly
from app.api.receipts import answer
from app.db.group import RefusedRowError
from app.edge.batches import read_batch
from app.edge.identity import Now, ServicesDep, Speaker
from app.edge.once import BadKeyError, key_of, once_for
from app.edge.promises import IDEMPOTENCY_KEY, PREFER, Body, Promise
from app.edge.reading import PUBLIC_LIMIT, parse, read, require_media_type
from app.errors import NotFoundError, OverloadedError
from app.intake.classify import Sender, SourceNotAllowedError, classify
from app.intake.external import ExternalIdConflictError
from app.intake.schemas import BatchOut, Receipt, Submission

router = APIRouter(prefix="/v1/feedback", tags=["feedback"])
ONE = Promise(
    ExternalIdConflictError, NotFoundError, OverloadedError, RefusedRowError, SourceNotAllowedError,
    body=Body(Submission, ("application/json", "text/plain")),
    once=True,
    links={
        "track_ticket": {"token": "/ticket/tracking_token"},
        "add_customer_message": {"token": "/ticket/tracking_token"},
        "read_ticket": {"ticket_id": "/ticket/id"},
        "claim_ticket": {"ticket_id": "/ticket/id"},
    },
)  # fmt: skip
MANY = Promise(
    BadKeyError, OverloadedError, body=Body(Submission, many=True), parameters=[IDEMPOTENCY_KEY, PREFER]
)


@router.post(
    "",
    status_code=201,
    response_model=Receipt,
    responses={200: {"model": Receipt}},
    openapi_extra=ONE,
)
async def submit_feedback(request: Request, speaker: Speaker, now: Now, services: ServicesDep) -> Response:
    """Say something. 201 once it is stored for certain; 200 when the source sent the same before."""
    require_media_type(request, ("application/json", "text/plain"))
    raw = await read(request, PUBLIC_LIMIT)
    submission = parse(Submission, raw)
    key = key_of(request) or (str(submission.submission_id) if submission.submission_id else None)
    once = once_for(request, speaker.scope, key, raw, now=now, public=speaker.site is not None)
    sender = Sender(speaker.key, speaker.site)
    snapshot = services.configuration.current
    classified = classify(submission, sender=sender, snapshot=snapshot, once=once, now=now)
    return answer(services, await services.intake.submit(classified, rows=classified.rows, size=len(raw)))


@router.post(
    "/batch",
    response_model_exclude_unset=True,
    openapi_extra=MANY,
)
async def submit_feedback_batch(
    request: Request, speaker: Speaker, now: Now, services: ServicesDep
) -> BatchOut:
    """Say many things: one result an item, in order. `Prefer: handling=strict` stores all or nothing."""
    items = await read_batch(request, Submission)
    strictly = "handling=strict" in request.headers.get("prefer", "").replace(" ", "").lower()
    submit = submit_strictly if strictly else submit_items
    return await submit(request, services, speaker, items, now=now)
