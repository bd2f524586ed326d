"""One application of each kind for all requests that are refused, so that each need not start its own."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack

import pytest
import structlog

from app import logs
from app.main import create_app
from tests import databases
from tests.cast import Cast, Script
from tests.conftest import TestClock


@pytest.fixture(scope="session")
async def standing(kind: str, script: Script) -> AsyncIterator[Cast]:
    """The cast at an application that stands for the whole run; nobody may change anything there."""
    async with databases.fresh(kind, template="staged") as settings, AsyncExitStack() as stack:
        app = create_app(settings, clock=TestClock())
        async with app.router.lifespan_context(app):
            yield await Cast.call(app, stack, script)


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """Send the log to where it can be read, and give what reads it."""
    logs.configure("debug", "json")
    yield lambda: "".join(capsys.readouterr())
    structlog.reset_defaults()
