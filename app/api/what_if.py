"""The door of those who wonder what a policy would do before they promise it."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends

from app import clock
from app.edge.identity import Admin, Now, ServicesDep
from app.edge.promises import Promise
from app.edge.reading import JsonBody
from app.errors import invalid
from app.policies import drafts
from app.policies.admin import ClockRedefinedError
from app.services import Services
from app.sla import what_if, what_if_store
from app.sla.what_if import Tally
from app.sla.what_if_schemas import WhatIf, WhatIfIn
from app.sla.what_if_store import Place, Wanted

router = APIRouter(prefix="/v1/policies", tags=["policies"])
WhatIfBody = Annotated[WhatIfIn, Depends(JsonBody(WhatIfIn))]
MOST_SECONDS, MOST_TICKETS = 15.0, 50_000


@router.post("/what-if", openapi_extra=Promise(ClockRedefinedError))
async def ask_what_if(_caller: Admin, asked: WhatIfBody, now: Now, services: ServicesDep) -> WhatIf:
    """Try a policy on the tickets of the past, beside what they were judged then; nothing is stored."""
    calendars = await asyncio.to_thread(drafts.calendars_of, asked.calendars, now=now)
    policy = await services.read(partial(drafts.policy_of, new=asked.policy, calendars=calendars, now=now))
    if asked.clock not in {None, *(each.name for each in policy.definitions)}:
        raise invalid("/clock", "unknown", "the policy has no clock of that name")
    takes = what_if.taking(policy, services.configuration.current.book)
    wanted = Wanted(now - timedelta(days=asked.days), now, asked.origin, takes)
    tally = Tally(policy, asked.clock, now)
    ended = await _try(services, wanted, tally)
    return WhatIf.model_validate(
        {
            "as_of": now,
            "from": wanted.since,
            "to": wanted.until,
            "tickets": tally.tickets,
            "truncated_at": ended[0] if ended else None,
            "data": tally.answer(),
        }
    )


async def _try(services: Services, wanted: Wanted, tally: Tally) -> Place | None:
    """Judge a piece at a time, so that nobody waits behind it; return where it was given up, if it was."""
    after: Place | None = None
    until = clock.monotonic() + MOST_SECONDS
    while (piece := await services.read(partial(what_if_store.piece, wanted=wanted, after=after))).last:
        if after and (clock.monotonic() > until or tally.tickets >= MOST_TICKETS):
            return after
        await asyncio.to_thread(tally.take, piece)
        after = piece.last
    return None
