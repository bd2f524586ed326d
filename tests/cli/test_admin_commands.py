"""`heard key · agent · team · site · source`: each command is one request, said back in words."""

import json
from typing import Any

import httpx
import pytest
import typer

from app.cli import admin
from tests.cli.fake import FakeServer, run


@pytest.mark.parametrize(
    ("group", "arguments", "path", "body"),
    [
        (
            admin.keys,
            "create crm --scope feedback:write --scope tickets:read --source crm --expires-at 2030-01-01",
            "/v1/keys",
            {
                "name": "crm",
                "scopes": ["feedback:write", "tickets:read"],
                "sources": ["crm"],
                "expires_at": "2030-01-01",
            },
        ),
        (
            admin.keys,
            "create ana --scope tickets:write --agent-id a-1",
            "/v1/keys",
            {"name": "ana", "scopes": ["tickets:write"], "agent_id": "a-1"},
        ),
        (admin.agents, "create Ana", "/v1/agents", {"name": "Ana"}),
        (
            admin.agents,
            "create Ana --email ana@example.org --capacity 0 --team Billing --team Desk",
            "/v1/agents",
            {"name": "Ana", "email": "ana@example.org", "capacity": 0, "teams": ["Billing", "Desk"]},
        ),
        (admin.teams, "create Billing", "/v1/teams", {"name": "Billing"}),
        (
            admin.teams,
            "create Billing --strategy pull",
            "/v1/teams",
            {"name": "Billing", "strategy": "pull"},
        ),
        (
            admin.sites,
            "create shop --origin https://a.example --origin https://b.example --allow-servers",
            "/v1/sites",
            {"name": "shop", "origins": ["https://a.example", "https://b.example"], "allow_servers": True},
        ),
        (admin.sites, "create shop", "/v1/sites", {"name": "shop", "origins": []}),
        (
            admin.sources,
            "create legacy --kind import --zone Europe/Lisbon",
            "/v1/sources",
            {"name": "legacy", "kind": "import", "zone": "Europe/Lisbon"},
        ),
    ],
)
def test_create_sends_what_was_said_and_nothing_else(
    server: FakeServer, group: typer.Typer, arguments: str, path: str, body: dict[str, Any]
) -> None:
    server.handler = lambda _: httpx.Response(201, json={"id": "x-1", "name": body["name"]})

    done = run(group, *arguments.split())

    assert done.exit_code == 0
    assert done.stdout == f"id  x-1\nname  {body['name']}\n"
    (request,) = server.requests
    assert (request.method, request.url.path, json.loads(request.content)) == ("POST", path, body)


def test_a_key_is_shown_once(server: FakeServer) -> None:
    server.handler = lambda _: httpx.Response(201, json={"id": "k-1", "key": "heard_sk_new"})

    done = run(admin.keys, "create", "crm", "--scope", "admin", "--json")

    assert json.loads(done.stdout) == {"id": "k-1", "key": "heard_sk_new"}
    assert "store it now" in done.stderr


@pytest.mark.parametrize("status", ["online", "offline"])
def test_an_agent_comes_and_goes(server: FakeServer, status: str) -> None:
    done = run(admin.agents, status, "a-1")

    assert (done.exit_code, done.stdout) == (0, f"agent a-1 is {status}\n")
    (request,) = server.requests
    assert (request.method, request.url.path) == ("PUT", "/v1/agents/a-1/presence")
    assert json.loads(request.content) == {"status": status}


def test_a_key_is_revoked(server: FakeServer) -> None:
    done = run(admin.keys, "revoke", "k/1")

    assert (done.exit_code, done.stdout) == (0, "key k/1 is revoked\n")
    (request,) = server.requests
    assert (request.method, request.url.raw_path) == ("DELETE", b"/v1/keys/k%2F1")


@pytest.mark.parametrize("name", ["keys", "agents", "teams", "sites", "sources"])
def test_a_list_is_a_table_or_json(server: FakeServer, name: str) -> None:
    long = "[red]" + "x" * 200
    records = [{"id": "0198", "name": long, "teams": [{"id": "t", "name": "Billing"}], "origins": ["a", "b"]}]
    server.handler = lambda _: httpx.Response(200, json={"data": records})

    table = run(getattr(admin, name), "list")
    assert (table.exit_code, server.requests[0].url.path) == (0, f"/v1/{name}")
    heading, row = table.stdout.splitlines()
    assert heading.split()[:2] == ["id", "name"]
    assert row.split()[:2] == ["0198", long]

    assert json.loads(run(getattr(admin, name), "list", "--json").stdout) == records


def test_what_people_read_is_plain(server: FakeServer) -> None:
    records = [
        {"id": "1", "name": "A", "teams": [{"id": "t", "name": "Billing"}, {"name": "Desk"}], "open": 0}
    ]
    server.handler = lambda _: httpx.Response(200, json={"data": records})
    assert "Billing, Desk" in run(admin.agents, "list").stdout

    site = {"name": "shop", "allow_servers": False, "theme": {"colour": "red"}, "origins": [], "none": None}
    server.handler = lambda _: httpx.Response(201, json=site)
    assert run(admin.sites, "create", "shop").stdout.splitlines() == [
        "name  shop",
        "allow_servers  no",
        'theme  {"colour": "red"}',
        "origins  ",
        "none  ",
    ]


def test_a_refusal_is_said_on_one_line(server: FakeServer) -> None:
    server.handler = lambda _: httpx.Response(
        409, json={"code": "conflict", "detail": "There is one already"}
    )
    done = run(admin.teams, "create", "Billing")
    assert (done.exit_code, done.stdout, done.stderr) == (
        1,
        "",
        "heard: 409 conflict: There is one already\n",
    )


@pytest.mark.parametrize(
    "arguments", ["create crm", "create", "create Billing --strategy chance", "create legacy --kind fax"]
)
def test_wrong_use_asks_nothing(server: FakeServer, arguments: str) -> None:
    group = {"chance": admin.teams, "fax": admin.sources}.get(arguments.rsplit(maxsplit=1)[-1], admin.keys)
    assert run(group, *arguments.split()).exit_code == 2
    assert server.requests == []
