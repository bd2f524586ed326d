"""The cast of door tests: the same people everywhere, so that every test reads alike.

admin      every scope, bound to no agent (the first admin key)
alice      an agent of team Billing, with a key of her own
bob        her team-mate
mallory    an agent of team Ops, an outsider to Billing
visitor    a visitor of site "shop", with its public key and the right origin
crm        call-centre software with a key for source "crm" alone
"""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

ORIGIN = "https://shop.example"
AGENT_SCOPES = ["tickets:read", "tickets:write"]


PEOPLE = ("admin", "alice", "bob", "mallory", "visitor", "crm")


@dataclass(frozen=True)
class Script:
    """Who there is: keys and ids by name, the same in every copy of the database they were made in."""

    keys: dict[str, str]
    ids: dict[str, str]

    @classmethod
    async def write(cls, app: FastAPI, admin_key: str) -> "Script":
        """Create everybody through the public API."""
        keys, ids = {"admin": admin_key}, {}
        async with caller(app, admin_key) as admin:
            for team in ("Billing", "Ops"):
                ids[team] = (await create(admin, "teams", name=team, strategy="pull"))["id"]
            for name, team in (("alice", "Billing"), ("bob", "Billing"), ("mallory", "Ops")):
                ids[name] = (await create(admin, "agents", name=name.title(), teams=[team]))["id"]
                made = await create(admin, "keys", name=name, scopes=AGENT_SCOPES, agent_id=ids[name])
                keys[name] = made["key"]
            site = await create(admin, "sites", name="shop", origins=[ORIGIN])
            ids["shop"], keys["visitor"] = site["id"], site["public_key"]
            await create(admin, "sources", name="crm", kind="api")
            keys["crm"] = (
                await create(admin, "keys", name="crm", scopes=["feedback:write"], sources=["crm"])
            )["key"]
        return cls(keys, ids)


@dataclass(frozen=True)
class Cast:
    """Clients by name, with the ids behind them."""

    app: FastAPI
    stack: AsyncExitStack
    script: Script
    admin: AsyncClient
    alice: AsyncClient
    bob: AsyncClient
    mallory: AsyncClient
    visitor: AsyncClient
    crm: AsyncClient

    @classmethod
    async def call(cls, app: FastAPI, stack: AsyncExitStack, script: Script) -> "Cast":
        """Return a client for everybody."""
        origins = {"visitor": {"origin": ORIGIN}}
        clients = {
            name: await stack.enter_async_context(caller(app, script.keys[name], **origins.get(name, {})))
            for name in PEOPLE
        }
        return cls(app=app, stack=stack, script=script, **clients)

    @property
    def ids(self) -> dict[str, str]:
        """The ids of agents, teams and the site, by name."""
        return self.script.ids

    async def client(self, key: str, **headers: str) -> AsyncClient:
        """Return a caller with another key."""
        return await self.stack.enter_async_context(caller(self.app, key, **headers))


def caller(app: FastAPI, key: str, **headers: str) -> AsyncClient:
    """Return a client that shows this key."""
    shown = {"authorization": f"Bearer {key}", **headers}
    transport = ASGITransport(app)
    return AsyncClient(transport=transport, base_url="http://heard.test", headers=shown, trust_env=False)


async def create(admin: AsyncClient, what: str, **body: Any) -> dict[str, Any]:
    """Create something by the API and return it."""
    answer = await admin.post(f"/v1/{what}", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def complain(speaker: AsyncClient, text: str = "The lift is stuck.", **more: Any) -> dict[str, Any]:
    """Post a complaint, and return the receipt."""
    answer = await speaker.post("/v1/feedback", json={"kind": "complaint", "text": text, **more})
    assert answer.status_code == 201, answer.text
    receipt: dict[str, Any] = answer.json()
    return receipt
