"""Keys, sites and sources as admins make them: shown once, kept as hashes, ended at will."""

import pytest
from sqlalchemy import select

from app.ids import digest
from app.models.access import ApiKey
from app.services import Services
from app.worker.loop import note_uses
from tests.cast import Cast, complain, create
from tests.conftest import TestClock


async def test_a_key_is_shown_once_and_kept_as_a_hash(cast: Cast, services: Services) -> None:
    made = await create(cast.admin, "keys", name="crm 2", scopes=["feedback:write"], sources=["crm"])
    listed = (await cast.admin.get("/v1/keys")).json()["data"]
    stored = await services.read(lambda s: s.scalars(select(ApiKey).where(ApiKey.name == "crm 2")).one())

    assert made["key"].startswith("heard_sk_")
    assert made["key"].startswith(made["prefix"])
    assert stored.hash == digest(made["key"])
    assert [each for each in listed if "key" in each] == []
    assert made["key"] not in str(listed)


async def test_two_keys_live_at_once_so_that_one_may_replace_the_other(cast: Cast) -> None:
    old, new = [await create(cast.admin, "keys", name="crm", scopes=["feedback:write"]) for _ in range(2)]
    clients = [await cast.client(made["key"]) for made in (old, new)]
    for client in clients:
        await complain(client)
    first = await cast.admin.delete(f"/v1/keys/{old['id']}")
    again = await cast.admin.delete(f"/v1/keys/{old['id']}")
    answers = [await client.post("/v1/feedback", json={"kind": "comment", "text": "x"}) for client in clients]

    assert (first.status_code, again.status_code) == (204, 204)
    assert [answer.status_code for answer in answers] == [401, 201]


async def test_when_a_key_was_last_used_is_written_down(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    later = clock.advance(minutes=5)
    await complain(cast.crm)
    await note_uses(services)
    listed = {each["name"]: each for each in (await cast.admin.get("/v1/keys")).json()["data"]}

    assert listed["crm"]["last_used_at"] == later.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("what", "body", "pointer", "code"),
    [
        ("keys", {"name": "x", "scopes": []}, "/scopes", "too_short"),
        ("keys", {"name": "x", "scopes": ["root"]}, "/scopes/0", "literal_error"),
        ("keys", {"name": "x", "scopes": ["admin"], "sources": ["nowhere"]}, "/sources/0", "unknown_source"),
        (
            "keys",
            {"name": "x", "scopes": ["admin"], "expires_at": "9999-12-31T23:59:59-23:59"},
            "/expires_at",
            "out_of_bounds",
        ),
        (
            "keys",
            {"name": "x", "scopes": ["admin"], "expires_at": "0001-01-01T00:00:00+23:59"},
            "/expires_at",
            "out_of_bounds",
        ),
        ("sites", {"name": "x", "origins": ["*"]}, "/origins/0", "not_an_origin"),
        ("sites", {"name": "x", "origins": ["https://a.example/path"]}, "/origins/0", "not_an_origin"),
        ("sources", {"name": "x", "zone": "Mars/Olympus"}, "/zone", "unknown_zone"),
        ("sources", {"name": "x", "kind": "pigeon"}, "/kind", "literal_error"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_its_place(
    standing: Cast, what: str, body: dict[str, object], pointer: str, code: str
) -> None:
    answer = await standing.admin.post(f"/v1/{what}", json=body)
    listed = await standing.admin.get(f"/v1/{what}")

    assert answer.status_code == 422
    assert [(flaw["pointer"], flaw["code"]) for flaw in answer.json()["errors"]] == [(pointer, code)]
    assert listed.status_code == 200
    assert "x" not in [each["name"] for each in listed.json()["data"]]


@pytest.mark.parametrize(("what", "name"), [("sites", "shop"), ("sources", "crm")])
async def test_a_name_is_given_once(standing: Cast, what: str, name: str) -> None:
    answer = await standing.admin.post(f"/v1/{what}", json={"name": name})

    assert answer.status_code == 409


async def test_a_key_of_several_sources_must_say_which_and_may_not_write_others(cast: Cast) -> None:
    for name in ("pbx", "forms"):
        await create(cast.admin, "sources", name=name)
    made = await create(cast.admin, "keys", name="two", scopes=["feedback:write"], sources=["pbx", "forms"])
    two = await cast.client(made["key"])
    said = {"kind": "comment", "text": "x"}
    unnamed = await two.post("/v1/feedback", json=said)
    named = await two.post("/v1/feedback", json=said | {"source": "pbx"})
    foreign = await two.post("/v1/feedback", json=said | {"source": "crm"})

    assert (unnamed.status_code, unnamed.json()["errors"][0]["code"]) == (422, "required")
    assert named.status_code == 201
    assert (foreign.status_code, foreign.json()["code"]) == (403, "source_not_allowed")
