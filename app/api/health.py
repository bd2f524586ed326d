"""The door of whoever keeps it running: is it alive, is it ready."""

from fastapi import APIRouter, Response
from pydantic import BaseModel

from app.configuration import store
from app.configuration.live import STALE_SECONDS
from app.edge.identity import ServicesDep

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """That the process answers."""

    status: str


class Ready(BaseModel):
    """Whether this process can do its work, and what stands in the way."""

    ready: bool
    database: bool
    flushers: bool
    snapshot: bool
    waiting_rows: int


@router.get("/livez")
async def live() -> Alive:
    """Tell that the process answers; never asks the database."""
    return Alive(status="ok")


@router.get("/readyz", responses={503: {"model": Ready}})
async def ready(response: Response, services: ServicesDep) -> Ready:
    """Tell whether this process can do its work; 503 when it can't."""
    try:
        await services.read(store.version)
        database = True
    except Exception:  # noqa: BLE001  (whatever it is, it can't be asked)
        database = False
    flushers = services.intake.healthy
    snapshot = services.configuration.age_seconds <= STALE_SECONDS
    all_well = database and flushers and snapshot
    response.status_code = 200 if all_well else 503
    return Ready(
        ready=all_well,
        database=database,
        flushers=flushers,
        snapshot=snapshot,
        waiting_rows=services.intake.waiting_rows,
    )
