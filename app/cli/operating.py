"""`heard jobs · customer`: what gave up, and whom to forget."""

from typing import Annotated
from urllib.parse import quote, urlencode

import typer

from app.cli.client import connect
from app.cli.exits import Commands
from app.cli.printing import show_list

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

jobs = typer.Typer(cls=Commands, no_args_is_help=True, help="What is to be done, and what gave up.")
customers = typer.Typer(cls=Commands, no_args_is_help=True, help="The people who speak.")


@jobs.command("list")
def list_jobs(
    *,
    state: Annotated[
        str | None, typer.Option(help="waiting, running or dead; without it, all of them.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the jobs, first asked for first."""
    asked = {"limit": "100"} | ({"state": state} if state else {})
    found: list[dict[str, object]] = []
    with connect() as api:
        while True:
            page = api.get(f"/v1/jobs?{urlencode(asked)}")
            found += page["data"]
            if page["next_cursor"] is None:
                break
            asked["cursor"] = page["next_cursor"]
    show_list(found, ("id", "kind", "key", "state", "due_at", "attempts", "error"), as_json=as_json)


@jobs.command("replay")
def replay_job(job_id: Annotated[str, typer.Argument(help="As `heard jobs list` shows it.")]) -> None:
    """Give a dead job all its attempts again."""
    with connect() as api:
        api.post(f"/v1/jobs/{quote(job_id, safe='')}/replay", {})
    typer.echo(f"job {job_id} will run again")


@customers.command("find")
def find_customers(
    *,
    ref: Annotated[str | None, typer.Option(help="Your own id of the customer.")] = None,
    email: Annotated[str | None, typer.Option(help="An e-mail address.")] = None,
    phone: Annotated[str | None, typer.Option(help="A phone number, such as +351912345678.")] = None,
    as_json: Json = False,
) -> None:
    """Show the customers we know by a reference, an address or a number."""
    asked = {"ref": ref, "email": email, "phone": phone}
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    with connect() as api:
        show_list(api.get(f"/v1/customers?{query}")["data"], ("id", "name", "identities"), as_json=as_json)


@customers.command("erase")
def erase_customer(
    customer_id: Annotated[str, typer.Argument(help="As `heard customer find` shows it.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase a person and every word of theirs; figures stay as they are."""
    if not yes:
        typer.confirm("This can't be undone. Erase this customer?", abort=True)
    with connect() as api:
        api.delete(f"/v1/customers/{quote(customer_id, safe='')}")
    typer.echo(f"customer {customer_id} is erased; backups taken before still hold them")
