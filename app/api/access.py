"""The door of those who run it: keys, sites, sources, instruments."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from app.access import admin
from app.access.schemas import KeyIn, KeyOut, NewKeyOut, SiteIn, SiteOut, SourceIn, SourceOut
from app.edge.identity import Admin, Now, ServicesDep
from app.edge.promises import Promise
from app.edge.reading import JsonBody
from app.people.store import NameTakenError
from app.satisfaction import admin as satisfaction
from app.satisfaction.schemas import InstrumentIn, InstrumentOut

router = APIRouter(prefix="/v1", tags=["access"])
KeyBody = Annotated[KeyIn, Depends(JsonBody(KeyIn))]
SiteBody = Annotated[SiteIn, Depends(JsonBody(SiteIn))]
SourceBody = Annotated[SourceIn, Depends(JsonBody(SourceIn))]
InstrumentBody = Annotated[InstrumentIn, Depends(JsonBody(InstrumentIn))]


class Keys(BaseModel):
    """Every key."""

    data: list[KeyOut]


class Sites(BaseModel):
    """Every site."""

    data: list[SiteOut]


class Sources(BaseModel):
    """Every source."""

    data: list[SourceOut]


class Instruments(BaseModel):
    """Every version of every instrument."""

    data: list[InstrumentOut]


@router.post("/keys", status_code=201, openapi_extra=Promise(links={"revoke_key": {"key_id": "/id"}}))
async def create_key(caller: Admin, key: KeyBody, now: Now, services: ServicesDep) -> NewKeyOut:
    """Make a secret key; this answer alone shows it."""
    return await services.configure(partial(admin.create_key, new=key, by=caller.agent_id, now=now))


@router.get("/keys")
async def list_keys(_caller: Admin, services: ServicesDep) -> Keys:
    """List keys."""
    return Keys(data=await services.read(admin.list_keys))


@router.delete("/keys/{key_id}", status_code=204)
async def revoke_key(key_id: UUID, caller: Admin, now: Now, services: ServicesDep) -> Response:
    """End a key."""
    await services.configure(partial(admin.revoke_key, key_id=key_id, by=caller.agent_id, now=now))
    return Response(status_code=204)


@router.post("/sites", status_code=201, openapi_extra=Promise(NameTakenError))
async def create_site(caller: Admin, site: SiteBody, now: Now, services: ServicesDep) -> SiteOut:
    """Add a site; its public key goes into the page."""
    return await services.configure(partial(admin.create_site, new=site, by=caller.agent_id, now=now))


@router.get("/sites")
async def list_sites(_caller: Admin, services: ServicesDep) -> Sites:
    """List sites."""
    return Sites(data=await services.read(admin.list_sites))


@router.post("/sources", status_code=201, openapi_extra=Promise(NameTakenError))
async def create_source(caller: Admin, source: SourceBody, now: Now, services: ServicesDep) -> SourceOut:
    """Add a source."""
    return await services.configure(partial(admin.create_source, new=source, by=caller.agent_id, now=now))


@router.get("/sources")
async def list_sources(_caller: Admin, services: ServicesDep) -> Sources:
    """List sources."""
    return Sources(data=await services.read(admin.list_sources))


@router.post("/instruments", status_code=201)
async def create_instrument(
    caller: Admin, instrument: InstrumentBody, now: Now, services: ServicesDep
) -> InstrumentOut:
    """Add an instrument, or the next version of one."""
    return await services.configure(
        partial(satisfaction.create_instrument, new=instrument, by=caller.agent_id, now=now)
    )


@router.get("/instruments")
async def list_instruments(_caller: Admin, services: ServicesDep) -> Instruments:
    """List instruments."""
    return Instruments(data=await services.read(satisfaction.list_instruments))
