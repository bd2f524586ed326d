"""`heard key · agent · team · site · source`: the everyday part of the admin API."""

from typing import Annotated, Any, Literal
from urllib.parse import quote

import typer

from app.cli.client import connect
from app.cli.exits import Commands
from app.cli.printing import show_list, show_one

Name = Annotated[str, typer.Argument(help="What people call it.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
AgentId = Annotated[str, typer.Argument(help="As `heard agent list` shows it.")]

keys = typer.Typer(cls=Commands, no_args_is_help=True, help="Secret keys of programs, agents and sources.")
agents = typer.Typer(cls=Commands, no_args_is_help=True, help="The people who answer.")
teams = typer.Typer(cls=Commands, no_args_is_help=True, help="Agents who share a queue.")
sites = typer.Typer(cls=Commands, no_args_is_help=True, help="Web sites that collect feedback.")
sources = typer.Typer(cls=Commands, no_args_is_help=True, help="Systems that send feedback or history.")


@keys.command("create")
def create_key(
    name: Name,
    *,
    scope: Annotated[list[str], typer.Option(help="What it may do; repeat for more.")],
    agent_id: Annotated[str | None, typer.Option(help="Whose key it is.")] = None,
    source: Annotated[
        list[str] | None, typer.Option(help="Which source it may write; repeat for more.")
    ] = None,
    expires_at: Annotated[
        str | None, typer.Option(help="When it ends, such as 2030-01-01T00:00:00Z.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a secret key; it is shown this once."""
    body = {"name": name, "scopes": scope, "agent_id": agent_id, "sources": source, "expires_at": expires_at}
    _create("/v1/keys", body, as_json=as_json)
    typer.echo("The key is not kept anywhere: store it now.", err=True)


@keys.command("list")
def list_keys(as_json: Json = False) -> None:
    """Show the keys, without their secrets."""
    _list(
        "/v1/keys",
        ("id", "name", "prefix", "scopes", "agent_id", "sources", "expires_at", "revoked_at"),
        as_json=as_json,
    )


@keys.command("revoke")
def revoke_key(key_id: Annotated[str, typer.Argument(help="As `heard key list` shows it.")]) -> None:
    """End a key for good."""
    with connect() as api:
        api.delete(f"/v1/keys/{quote(key_id, safe='')}")
    typer.echo(f"key {key_id} is revoked")


@agents.command("create")
def create_agent(
    name: Name,
    *,
    email: Annotated[str | None, typer.Option(help="Where to write to.")] = None,
    capacity: Annotated[int | None, typer.Option(min=0, help="How many open tickets at once.")] = None,
    team: Annotated[list[str] | None, typer.Option(help="A team, by name or id; repeat for more.")] = None,
    as_json: Json = False,
) -> None:
    """Add an agent."""
    _create(
        "/v1/agents", {"name": name, "email": email, "capacity": capacity, "teams": team}, as_json=as_json
    )


@agents.command("list")
def list_agents(as_json: Json = False) -> None:
    """Show the agents."""
    _list("/v1/agents", ("id", "name", "email", "teams", "presence", "open", "capacity"), as_json=as_json)


@agents.command("online")
def bring_online(agent_id: AgentId) -> None:
    """Let an agent have tickets."""
    _set_presence(agent_id, "online")


@agents.command("offline")
def take_offline(agent_id: AgentId) -> None:
    """Give an agent no more tickets."""
    _set_presence(agent_id, "offline")


@teams.command("create")
def create_team(
    name: Name,
    *,
    strategy: Annotated[
        Literal["least_loaded", "pull"] | None, typer.Option(help="Who takes the next ticket.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Add a team."""
    _create("/v1/teams", {"name": name, "strategy": strategy}, as_json=as_json)


@teams.command("list")
def list_teams(as_json: Json = False) -> None:
    """Show the teams."""
    _list("/v1/teams", ("id", "name", "strategy", "is_default"), as_json=as_json)


@sites.command("create")
def create_site(
    name: Name,
    *,
    origin: Annotated[
        list[str] | None, typer.Option(help="Such as https://example.org; repeat for more.")
    ] = None,
    allow_servers: Annotated[bool, typer.Option(help="Also take what no browser sent.")] = False,
    as_json: Json = False,
) -> None:
    """Add a web site; its public key goes into the page."""
    body = {"name": name, "origins": origin or [], "allow_servers": allow_servers or None}
    _create("/v1/sites", body, as_json=as_json)


@sites.command("list")
def list_sites(as_json: Json = False) -> None:
    """Show the web sites."""
    _list("/v1/sites", ("id", "name", "public_key", "origins", "allow_servers"), as_json=as_json)


@sources.command("create")
def create_source(
    name: Name,
    *,
    kind: Annotated[
        Literal["api", "import", "call_centre", "form"], typer.Option(help="What sort of system.")
    ],
    zone: Annotated[str | None, typer.Option(help="Its time zone, such as Europe/Lisbon.")] = None,
    as_json: Json = False,
) -> None:
    """Add a system that sends feedback or history."""
    _create("/v1/sources", {"name": name, "kind": kind, "zone": zone}, as_json=as_json)


@sources.command("list")
def list_sources(as_json: Json = False) -> None:
    """Show the systems that send."""
    _list("/v1/sources", ("id", "name", "kind", "zone"), as_json=as_json)


def _create(path: str, body: dict[str, Any], *, as_json: bool) -> None:
    given = {name: value for name, value in body.items() if value is not None}
    with connect() as api:
        show_one(api.post(path, given), as_json=as_json)


def _list(path: str, columns: tuple[str, ...], *, as_json: bool) -> None:
    with connect() as api:
        show_list(api.get(path)["data"], columns, as_json=as_json)


def _set_presence(agent_id: str, status: Literal["online", "offline"]) -> None:
    with connect() as api:
        api.put(f"/v1/agents/{quote(agent_id, safe='')}/presence", {"status": status})
    typer.echo(f"agent {agent_id} is {status}")
