"""The doors of whoever keeps it running: is it alive, is it ready, what has it done.

Open to anyone who reaches them, so keep them off the public proxy.
"""

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel

from app.edge.exposition import expose
from app.edge.identity import ServicesDep
from app.edge.readiness import Looker, Readiness

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """That the process answers."""

    status: str


@router.get("/livez")
async def read_liveness() -> Alive:
    """Tell that the process answers; never asks the database."""
    return Alive(status="ok")


@router.get("/readyz", responses={503: {"model": Readiness}})
async def read_readiness(request: Request, response: Response) -> Readiness:
    """Tell whether this process can do its work, and what stands in the way; 503 when it can't."""
    looker: Looker = request.app.state.looker
    seen = await looker.look()
    response.status_code = 200 if seen.ready else 503
    return seen


@router.get("/metrics", response_class=Response, include_in_schema=False)
async def metrics(request: Request, services: ServicesDep, accept: Annotated[str, Header()] = "") -> Response:
    """Tell Prometheus what this process has done."""
    seen = await request.app.state.looker.look()
    text, content_type = expose(request.app.state.telemetry, services, seen, accept=accept)
    return Response(text, headers={"Content-Type": content_type})
