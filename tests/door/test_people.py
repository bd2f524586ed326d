"""Agents, teams and presence."""

from tests.acts import act, read
from tests.cast import Cast, complain, create

NOBODY = "0198c0de-0000-7000-8000-00000000dead"


async def test_an_agent_joins_teams_by_name_or_id_and_else_the_default_team(cast: Cast) -> None:
    both = await create(cast.admin, "agents", name="Ana", teams=["Billing", cast.ids["Ops"], "Ops"])
    none = await create(cast.admin, "agents", name="Eve")
    unknown = await cast.admin.post("/v1/agents", json={"name": "Ivo", "teams": ["Ops", "Nowhere"]})
    alone = await cast.admin.post("/v1/agents", json={"name": "Ivo", "teams": ["Nowhere"]})

    assert [it["name"] for it in both["teams"]] == ["Billing", "Ops"]
    assert [it["name"] for it in none["teams"]] == ["Support"]
    assert [(it["pointer"], it["code"]) for it in unknown.json()["errors"]] == [("/teams/1", "unknown_team")]
    assert [it["pointer"] for it in alone.json()["errors"]] == ["/teams/0"]
    assert (both["presence"], both["open"], both["capacity"]) == ("offline", 0, 5)
    assert "Ivo" not in {it["name"] for it in (await read(cast.admin, "/v1/agents"))["data"]}


async def test_names_and_addresses_belong_to_one_agent(cast: Cast) -> None:
    ana = await create(cast.admin, "agents", name="Ana", email="ana@example.org")
    await create(cast.admin, "agents", name="Eve")
    await create(cast.admin, "agents", name="Ivo")

    answers = [
        await cast.admin.post("/v1/agents", json={"name": "Ana"}),
        await cast.admin.post("/v1/agents", json={"name": "Uma", "email": "ana@example.org"}),
        await cast.admin.patch(f"/v1/agents/{ana['id']}", json={"name": "Eve"}),
        await cast.admin.post("/v1/teams", json={"name": "Billing"}),
    ]

    assert [(it.status_code, it.json()["code"]) for it in answers] == [(409, "name_taken")] * 4
    assert (await read(cast.admin, f"/v1/agents/{ana['id']}"))["name"] == "Ana"


async def test_an_agent_changes_by_merge_patch(cast: Cast) -> None:
    ana = await create(cast.admin, "agents", name="Ana", email="ana@example.org", teams=["Ops"])
    url = f"/v1/agents/{ana['id']}"
    patch = {"capacity": 0, "skills": {"lifts": 3}, "zone": "Europe/Lisbon", "email": None, "teams": []}

    changed = await cast.admin.patch(url, json=patch)
    same = await cast.admin.patch(url, json={})
    refused = [
        await cast.admin.patch(url, json=body)
        for body in ({"capacity": None}, {"capacity": -1}, {"zone": "Mars/Base"}, {"name": ""}, {"open": 1})
    ]
    missing = await cast.admin.patch(f"/v1/agents/{NOBODY}", json={})

    expected = ana | patch | {"teams": [{"id": changed.json()["teams"][0]["id"], "name": "Support"}]}
    assert (changed.json(), same.json()) == (expected, expected)
    assert [(it.status_code, it.json()["errors"][0]["pointer"]) for it in refused] == [
        (422, pointer) for pointer in ("/capacity", "/capacity", "/zone", "/name", "/open")
    ]
    assert missing.status_code == 404


async def test_presence_is_an_agents_own_word_or_an_admins(cast: Cast) -> None:
    def url(agent_id: str) -> str:
        return f"/v1/agents/{agent_id}/presence"

    own = await cast.alice.put(url(cast.ids["alice"]), json={"status": "online"})
    others = await cast.alice.put(url(cast.ids["bob"]), json={"status": "online"})
    admins = await cast.admin.put(url(cast.ids["bob"]), json={"status": "away"})
    nobodys = await cast.admin.put(url(NOBODY), json={"status": "away"})
    odd = await cast.alice.put(url(cast.ids["alice"]), json={"status": "lunch"})

    assert [it.status_code for it in (own, others, admins, nobodys, odd)] == [200, 403, 200, 404, 422]
    assert others.json()["code"] == "not_that_agent"
    found = {it["name"]: it["presence"] for it in (await read(cast.admin, "/v1/agents"))["data"]}
    assert found == {"Alice": "online", "Bob": "away", "Mallory": "offline"}


async def test_an_agents_load_is_the_number_of_tickets_it_has_open(cast: Cast) -> None:
    first, second = [(await complain(cast.visitor))["id"] for _ in range(2)]
    url, seen = f"/v1/agents/{cast.ids['alice']}", []
    for ticket_id, verb in ((first, "claim"), (second, "reply"), (first, "pend"), (first, "reopen")):
        await act(cast.alice, ticket_id, verb, **({"text": "x"} if verb == "reply" else {}))
        seen.append((await read(cast.admin, url))["open"])
    await act(cast.alice, first, "assign", agent_id=cast.ids["bob"])
    await act(cast.bob, second, "resolve")

    listed = {it["name"]: it["open"] for it in (await read(cast.admin, "/v1/agents"))["data"]}

    assert seen == [1, 2, 1, 2]
    assert listed == {"Alice": 0, "Bob": 1, "Mallory": 0}


async def test_only_admins_set_people_up(cast: Cast) -> None:
    answers = [
        await cast.alice.get("/v1/agents"),
        await cast.alice.post("/v1/agents", json={"name": "x"}),
        await cast.alice.patch(f"/v1/agents/{cast.ids['alice']}", json={"capacity": 99}),
        await cast.alice.get("/v1/teams"),
        await cast.alice.post("/v1/teams", json={"name": "x"}),
    ]

    assert [(it.status_code, it.json()["code"]) for it in answers] == [(403, "scope_missing")] * 5
    assert [(it["name"], it["strategy"]) for it in (await read(cast.admin, "/v1/teams"))["data"]] == [
        ("Billing", "pull"),
        ("Ops", "pull"),
        ("Support", "least_loaded"),
    ]
