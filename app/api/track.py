"""The door of customers: what became of it, and a word more, by the secret token alone."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.routing import APIRoute
from sqlalchemy.orm import Session
from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from app.desk import customer
from app.desk.schemas import CustomerSays
from app.edge.identity import Now, ServicesDep
from app.edge.once import REPLAYED, carry_out, once_of
from app.edge.promises import Promise
from app.edge.reading import JsonBody
from app.errors import NotFoundError, invalid
from app.ids import new_id
from app.intake.classify import Once
from app.models.tickets import Ticket
from app.satisfaction import scale
from app.satisfaction.scale import Scored
from app.services import Services
from app.tickets import show, tokens
from app.tickets.schemas import Tracked

Token = Annotated[
    str,
    Path(
        description="The secret of the link a customer was given.",
        json_schema_extra={"minLength": 46, "maxLength": 46, "pattern": "^[A-Za-z0-9_-]+$"},
    ),
]
PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}


class PrivateRoute(APIRoute):
    """A route whose every answer, refusals too, stays between us and who asked: its path holds a secret."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, and put the headers on whatever is answered."""

        async def send_privately(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(PRIVATE)
            await send(message)

        await super().handle(scope, receive, send_privately)


router = APIRouter(prefix="/v1/track/{token}", tags=["track"], route_class=PrivateRoute)
SaysBody = Annotated[CustomerSays, Depends(JsonBody(CustomerSays))]


@router.get("")
async def track_ticket(token: Token, now: Now, services: ServicesDep) -> Tracked:
    """See what became of it."""
    ticket_id, version = _read_token(services, token)
    fn = partial(_look, ticket_id=ticket_id, version=version, secret=services.secret, now=now)
    return await services.read(fn)


@router.post("/messages", status_code=201, openapi_extra=Promise(once=True))
async def add_customer_message(
    request: Request, response: Response, *, token: Token, says: SaysBody, now: Now, services: ServicesDep
) -> Tracked:
    """Add words or scores; words on a settled matter open it again."""
    ticket_id, version = _read_token(services, token)
    if says.text is None and not says.scores:
        raise invalid("/text", "required", "say something: text, scores, or both")
    once = once_of(request, f"track:{ticket_id}", now=now)
    scored = scale.check(says.scores, services.configuration.current.instruments, now=now)
    said = partial(_say, ticket_id=ticket_id, version=version, text=says.text, scored=scored, once=once)
    tracked, replayed = await services.write(partial(said, secret=services.secret, now=now))
    response.headers.update(REPLAYED if replayed else {})
    return tracked


def _read_token(services: Services, token: str) -> tuple[UUID, int]:
    found = tokens.read(services.secret, token)
    if found is None:
        raise NotFoundError
    return found


def _look(session: Session, *, ticket_id: UUID, version: int, secret: bytes, now: datetime) -> Tracked:
    return show.tracked(session, customer.look(session, ticket_id, version, now=now), secret=secret)


def _say(
    session: Session,
    *,
    ticket_id: UUID,
    version: int,
    text: str | None,
    scored: tuple[Scored, ...],
    once: Once | None,
    secret: bytes,
    now: datetime,
) -> tuple[Tracked, bool]:
    said = partial(customer.say, text=text, scored=scored, message_id=new_id(now))
    act: Callable[[], Ticket] = partial(said, session, ticket_id, version, now=now)
    look = partial(customer.look, session, ticket_id, version, now=now)
    ticket, replayed = carry_out(session, once, ticket_id, act, again=look, now=now)
    return show.tracked(session, ticket, secret=secret), replayed
