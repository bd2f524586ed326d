"""`heard doctor`: what is well, what is not, what to do; while the server runs, and when it can't start."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.exits import REFUSED
from app.cli.printing import show_list

if TYPE_CHECKING:
    from app.db.checks import Finding


def doctor(
    *,
    deep: Annotated[bool, typer.Option(help="Check every page and index, however long that takes.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look whether all is well; change nothing. Ends with 1 when there is trouble."""
    from app.db.checks import Level

    findings = _look(deep=deep)
    show_list([asdict(each) for each in findings], ("check", "level", "says", "advice"), as_json=as_json)
    if any(each.level is Level.TROUBLE for each in findings):
        raise typer.Exit(REFUSED)


def _look(*, deep: bool) -> Sequence["Finding"]:
    from pydantic import ValidationError

    from app import clock
    from app.cli.installation import check_installation
    from app.db.checks import Finding, Level, check_database
    from app.settings import Settings

    try:
        settings = Settings()
    except ValidationError as error:
        return [
            Finding(
                f"HEARD_{str(flaw['loc'][0]).upper()}", Level.TROUBLE, flaw["msg"], "See docs/settings.md."
            )
            for flaw in error.errors(include_input=False, include_url=False)
        ]
    read = Finding("settings", Level.OK, "all can be read")
    return [read, *check_installation(settings), *check_database(settings, now=clock.now, deep=deep)]
