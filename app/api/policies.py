"""The door of those who say what is promised to whom."""

from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from app.edge import versions
from app.edge.identity import Admin, Now, ServicesDep
from app.edge.promises import IF_MATCH_MAYBE, Promise
from app.edge.reading import JsonBody
from app.edge.versions import StaleError
from app.models.sla import Policy
from app.people.store import NameTakenError
from app.policies import admin
from app.policies import store as policy_store
from app.policies.admin import ClockRedefinedError
from app.policies.schemas import PolicyIn, PolicyOut

router = APIRouter(prefix="/v1/policies", tags=["policies"])
PolicyBody = Annotated[PolicyIn, Depends(JsonBody(PolicyIn))]
Version = Annotated[int | None, Query(ge=1, le=2**31 - 1, description="By default the newest.")]
THAT_POLICY = {"policy_id": "/id"}


class Policies(BaseModel):
    """Every policy."""

    data: list[PolicyOut]


@router.post(
    "",
    status_code=201,
    openapi_extra=Promise(
        NameTakenError,
        ClockRedefinedError,
        links={"read_policy": THAT_POLICY, "replace_policy": THAT_POLICY, "delete_policy": THAT_POLICY},
    ),
)
async def create_policy(caller: Admin, policy: PolicyBody, now: Now, services: ServicesDep) -> PolicyOut:
    """Add a policy; new tickets are promised what it says."""
    return await services.configure(partial(admin.create_policy, new=policy, by=caller.agent_id, now=now))


@router.get("")
async def list_policies(_caller: Admin, services: ServicesDep) -> Policies:
    """List policies in the order in which they are tried."""
    return Policies(data=await services.read(admin.list_policies))


@router.get("/{policy_id}", openapi_extra=Promise(headers=["ETag"]))
async def read_policy(
    policy_id: UUID, _caller: Admin, response: Response, services: ServicesDep, version: Version = None
) -> PolicyOut:
    """Read a policy, or what it said at a version, also after it was deleted."""
    policy = await services.read(partial(admin.read_policy, policy_id=policy_id, version=version))
    versions.show(response, policy.version)
    return policy


@router.put(
    "/{policy_id}",
    openapi_extra=Promise(
        NameTakenError, ClockRedefinedError, StaleError, parameters=[IF_MATCH_MAYBE], headers=["ETag"]
    ),
)
async def replace_policy(
    policy_id: UUID,
    *,
    caller: Admin,
    policy: PolicyBody,
    request: Request,
    response: Response,
    now: Now,
    services: ServicesDep,
) -> PolicyOut:
    """Replace a policy by its next version; running clocks are judged anew, and nothing that is over."""
    named, who = versions.wanted_if_any(request), caller.agent_id
    replaced = await services.configure(
        partial(_replace, policy_id=policy_id, new=policy, named=named, by=who, now=now)
    )
    versions.show(response, replaced.version)
    return replaced


@router.delete("/{policy_id}", status_code=204)
async def delete_policy(policy_id: UUID, caller: Admin, now: Now, services: ServicesDep) -> Response:
    """Delete a policy; running clocks are judged by the one that applies now, and it can still be read."""
    await services.configure(partial(admin.delete_policy, policy_id=policy_id, by=caller.agent_id, now=now))
    return Response(status_code=204)


def _replace(
    session: Session,
    *,
    policy_id: UUID,
    new: PolicyIn,
    named: frozenset[str],
    by: UUID | None,
    now: datetime,
) -> PolicyOut:
    held = policy_store.hold(session, Policy, policy_id)
    versions.require(held.version, named)
    return admin.change_policy(session, held, new=new, by=by, now=now)
