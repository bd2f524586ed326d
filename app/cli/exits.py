"""How a command ends: 0 all fine, 1 the server or the network said no, 2 wrong use, 3 rows were rejected."""

from typing import Any

import typer
from typer.core import TyperGroup

from app.errors import CannotStartError

REFUSED = 1
MISUSED = 2
SOME_REJECTED = 3


class CommandError(Exception):
    """The command cannot go on; the message is all the person at the keyboard gets to see."""

    def __init__(self, message: str, *, code: int = REFUSED) -> None:
        super().__init__(message)
        self.code = code


class Commands(TyperGroup):
    """A group of commands that says what stops one in plain words instead of a stack trace."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except CommandError as error:
            typer.echo(f"heard: {error}", err=True)
            raise typer.Exit(error.code) from None
        except CannotStartError as error:
            typer.echo(f"heard: {error}", err=True)
            raise typer.Exit(REFUSED) from None
