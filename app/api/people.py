"""The door of those who run it: agents, teams, presence."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from app.edge.identity import Admin, Now, OtherAgentError, ServicesDep, TicketWriter
from app.edge.promises import Promise
from app.edge.reading import JsonBody
from app.people import admin
from app.people.schemas import AgentIn, AgentOut, AgentPatch, PresenceIn, TeamIn, TeamOut
from app.people.store import NameTakenError

router = APIRouter(prefix="/v1", tags=["people"])
THAT_AGENT = {"agent_id": "/id"}
AgentBody = Annotated[AgentIn, Depends(JsonBody(AgentIn))]
AgentPatchBody = Annotated[
    AgentPatch,
    Depends(JsonBody(AgentPatch, media_types=("application/merge-patch+json", "application/json"))),
]
PresenceBody = Annotated[PresenceIn, Depends(JsonBody(PresenceIn))]
TeamBody = Annotated[TeamIn, Depends(JsonBody(TeamIn))]


class Agents(BaseModel):
    """Every agent."""

    data: list[AgentOut]


class Teams(BaseModel):
    """Every team."""

    data: list[TeamOut]


@router.post(
    "/agents",
    status_code=201,
    openapi_extra=Promise(
        NameTakenError,
        links={"read_agent": THAT_AGENT, "edit_agent": THAT_AGENT, "set_presence": THAT_AGENT},
    ),
)
async def create_agent(caller: Admin, agent: AgentBody, now: Now, services: ServicesDep) -> AgentOut:
    """Add an agent, offline."""
    return await services.configure(partial(admin.create_agent, new=agent, by=caller.agent_id, now=now))


@router.get("/agents")
async def list_agents(_caller: Admin, services: ServicesDep) -> Agents:
    """List agents, with presence and load."""
    return Agents(data=await services.read(admin.list_agents))


@router.get("/agents/{agent_id}")
async def read_agent(agent_id: UUID, _caller: Admin, services: ServicesDep) -> AgentOut:
    """Read one agent."""
    return await services.read(partial(admin.read_agent, agent_id=agent_id))


@router.patch("/agents/{agent_id}", openapi_extra=Promise(NameTakenError))
async def edit_agent(
    agent_id: UUID, caller: Admin, patch: AgentPatchBody, now: Now, services: ServicesDep
) -> AgentOut:
    """Change an agent's capacity, languages or teams."""
    fn = partial(admin.change_agent, agent_id=agent_id, patch=patch, by=caller.agent_id, now=now)
    return await services.configure(fn)


@router.put("/agents/{agent_id}/presence", openapi_extra=Promise(OtherAgentError))
async def set_presence(
    agent_id: UUID, writer: TicketWriter, presence: PresenceBody, now: Now, services: ServicesDep
) -> AgentOut:
    """Say whether the agent takes work; an agent's key says so for itself only."""
    writer.acting(agent_id)
    return await services.write(
        partial(admin.set_presence, agent_id=agent_id, status=presence.status, now=now)
    )


@router.post("/teams", status_code=201, openapi_extra=Promise(NameTakenError))
async def create_team(caller: Admin, team: TeamBody, now: Now, services: ServicesDep) -> TeamOut:
    """Add a team."""
    return await services.configure(partial(admin.create_team, new=team, by=caller.agent_id, now=now))


@router.get("/teams")
async def list_teams(_caller: Admin, services: ServicesDep) -> Teams:
    """List teams."""
    return Teams(data=await services.read(admin.list_teams))
