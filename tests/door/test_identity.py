"""Who may do what: every route, made from the list of routes itself, against every kind of bad key."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy import update

from app.access.rules import SCOPES
from app.edge.identity import Requires
from app.edge.routes import dependencies, routes
from app.ids import PUBLIC_PREFIX, SECRET_PREFIX, new_key
from app.main import create_app
from app.models.tickets import Ticket
from app.services import Services
from tests.cast import ORIGIN, Cast, complain, create
from tests.conftest import START, TestClock

PUBLIC = {
    "/docs",
    "/openapi.json",
    "/livez",
    "/readyz",
    "/metrics",
    "/v1/track/{token}",
    "/v1/track/{token}/messages",
}
ANY_ID = "0198c0de-0000-7000-8000-000000000001"


@dataclass(frozen=True)
class Door:
    """One route and what it requires."""

    method: str
    path: str
    requires: Requires | None

    @property
    def url(self) -> str:
        """An address that fits the route, of something that does not exist."""
        parts = [ANY_ID if part.startswith("{") else part for part in self.path.split("/")]
        return "/".join(parts)


DOORS = [
    Door(method, path, next((d for d in dependencies(route.dependant) if isinstance(d, Requires)), None))
    for path, route in routes(create_app())
    for method in sorted(route.methods or ())
]
CLOSED = [door for door in DOORS if door.requires is not None]


def test_a_route_is_closed_unless_it_is_on_the_list_of_public_ones() -> None:
    assert {door.path for door in DOORS if door.requires is None} <= PUBLIC
    assert {door.path for door in CLOSED} & PUBLIC == set()
    assert len(CLOSED) > 20


def test_a_route_asks_for_a_scope_that_there_is() -> None:
    assert {door.requires.scope for door in CLOSED if door.requires} <= set(SCOPES)


def test_only_the_feedback_routes_take_a_public_key() -> None:
    public = {door.path for door in CLOSED if door.requires and door.requires.public}
    assert public == {"/v1/feedback", "/v1/feedback/batch"}


async def at_every_door(cast: Cast, key: str | None, **headers: str) -> dict[str, Response]:
    """Knock at every closed door, and return the answers."""
    shown = headers | ({"authorization": f"Bearer {key}"} if key is not None else {})
    transport = ASGITransport(cast.app)
    async with AsyncClient(
        transport=transport, base_url="http://heard.test", headers=shown, trust_env=False
    ) as anyone:
        return {f"{door.method} {door.path}": await anyone.request(door.method, door.url) for door in CLOSED}


def mistyped(key: str) -> str:
    return key[:-1] + ("0" if key[-1] != "0" else "1")


@pytest.mark.parametrize(
    "what", ["none", "empty", "garbage", "mistyped", "unknown", "unknown public", "Basic"]
)
async def test_nobody_gets_in_without_a_key_we_gave(standing: Cast, what: str) -> None:
    shown = {
        "none": None,
        "empty": "",
        "garbage": "x",
        "mistyped": mistyped(standing.script.keys["admin"]),
        "unknown": new_key(SECRET_PREFIX),
        "unknown public": new_key(PUBLIC_PREFIX),
        "Basic": None,
    }[what]
    basic = {"authorization": f"Basic {standing.script.keys['admin']}"} if what == "Basic" else {}
    answers = await at_every_door(standing, shown, **basic)

    assert {name: (it.status_code, it.json()["code"]) for name, it in answers.items()} == dict.fromkeys(
        answers, (401, "unauthorised")
    )
    assert {it.headers["www-authenticate"] for it in answers.values()} == {'Bearer realm="heard"'}


async def test_a_public_key_opens_nothing_but_the_feedback_routes(standing: Cast) -> None:
    answers = await at_every_door(standing, standing.script.keys["visitor"], origin=ORIGIN)
    feedback = {name for name in answers if "/feedback" in name}

    assert {answers[name].status_code for name in feedback} == {415}
    assert {
        name: (it.status_code, it.json()["code"]) for name, it in answers.items() if name not in feedback
    } == dict.fromkeys(answers.keys() - feedback, (403, "public_key"))


async def test_a_key_opens_the_doors_of_its_scopes_only(cast: Cast) -> None:
    for scope in SCOPES:
        made = await create(cast.admin, "keys", name=scope, scopes=[scope])
        answers = await at_every_door(cast, made["key"])

        refused = {name for name, it in answers.items() if it.status_code == 403}
        others = {f"{d.method} {d.path}" for d in CLOSED if d.requires and d.requires.scope != scope}
        assert refused == others
        assert {answers[name].json()["code"] for name in refused} <= {"scope_missing"}
        assert 401 not in {it.status_code for it in answers.values()}


async def test_a_key_that_ended_opens_nothing_at_once(cast: Cast, clock: TestClock) -> None:
    ends = (START + timedelta(hours=1)).isoformat()
    expiring = await create(cast.admin, "keys", name="expiring", scopes=list(SCOPES), expires_at=ends)
    revoked = await create(cast.admin, "keys", name="revoked", scopes=list(SCOPES))
    both = [await cast.client(made["key"]) for made in (expiring, revoked)]
    before = [(await client.get("/v1/tickets")).status_code for client in both]
    await cast.admin.delete(f"/v1/keys/{revoked['id']}")
    after_revocation = await at_every_door(cast, revoked["key"])
    clock.advance(minutes=59, seconds=59)
    still = (await both[0].get("/v1/tickets")).status_code
    clock.advance(seconds=1)
    after_expiry = await at_every_door(cast, expiring["key"])

    assert (before, still) == ([200, 200], 200)
    assert {it.status_code for it in after_revocation.values()} == {401}
    assert {it.status_code for it in after_expiry.values()} == {401}


async def test_a_key_in_the_address_opens_the_feedback_route_alone(cast: Cast) -> None:
    transport = ASGITransport(cast.app)
    async with AsyncClient(transport=transport, base_url="http://heard.test", trust_env=False) as anyone:
        said = {"kind": "comment", "text": "x"}
        public = await anyone.post(
            f"/v1/feedback?key={cast.script.keys['visitor']}", json=said, headers={"origin": ORIGIN}
        )
        elsewhere = [await anyone.request(d.method, f"{d.url}?key={cast.script.keys['admin']}")
                     for d in CLOSED if d.requires and not d.requires.public]  # fmt: skip

    assert public.status_code == 201
    assert {answer.status_code for answer in elsewhere} == {401}


async def test_what_belongs_to_another_team_does_not_exist(cast: Cast) -> None:
    """The default team's tickets are everybody's; what Ops has, nobody of Billing can even ask about.

    Erasing is an admin's, whose door is shut whatever the ticket.
    """
    ticket = (await complain(cast.crm))["id"]
    given = await cast.admin.post(f"/v1/tickets/{ticket}/assign", json={"agent_id": cast.ids["mallory"]})
    services: Services = cast.app.state.services
    to_ops = update(Ticket).values(team_id=UUID(cast.ids["Ops"]))
    await services.write(lambda s: s.execute(to_ops).close())
    bodies: dict[str, Any] = {
        "reply": {"text": "x"},
        "note": {"text": "x"},
        "assign": {"agent_id": cast.ids["bob"]},
    }

    async def knock(identifier: str) -> list[Any]:
        answers = [
            await cast.alice.request(
                door.method,
                door.path.replace("{ticket_id}", identifier),
                json=bodies.get(door.path.rsplit("/", 1)[-1], {}),
                headers={"if-match": "*"},
            )
            for door in DOORS
            if door.path.startswith("/v1/tickets/{ticket_id}") and not door.path.endswith("/erase")
        ]
        return [(answer.status_code, answer.json() | {"request_id": ""}) for answer in answers]

    foreign, missing = await knock(ticket), await knock(ANY_ID)

    assert given.status_code == 200
    assert len(foreign) > 10
    assert {status for status, _ in foreign} == {404}
    assert foreign == missing


async def test_an_agents_key_does_not_act_for_another_agent(cast: Cast) -> None:
    ticket = (await complain(cast.crm))["id"]
    answer = await cast.alice.post(
        f"/v1/tickets/{ticket}/reply", json={"text": "x", "agent_id": cast.ids["bob"]}
    )

    assert (answer.status_code, answer.json()["code"]) == (403, "not_that_agent")
