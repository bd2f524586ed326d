"""The `heard` command."""

import typer

from app.cli import admin, backup, doctor, importing, operating, serve
from app.cli.exits import Commands

app = typer.Typer(
    name="heard",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # locals hold keys
    help="Heard takes in what customers say, and tells the truth about the answer.",
)

app.command()(serve.serve)
app.command()(serve.worker)
app.command()(serve.migrate)
app.command()(doctor.doctor)
app.command()(backup.backup)
app.command()(backup.restore)
app.command()(serve.openapi)
app.add_typer(admin.keys, name="key")
app.add_typer(admin.agents, name="agent")
app.add_typer(admin.teams, name="team")
app.add_typer(admin.sites, name="site")
app.add_typer(admin.sources, name="source")
app.add_typer(operating.jobs, name="jobs")
app.add_typer(operating.customers, name="customer")
app.add_typer(importing.commands, name="import")
