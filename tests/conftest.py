"""Fixtures: a fresh database of each kind, the app over it with a clock that stands still, its clients."""

import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from app.main import create_app
from app.services import Services
from app.settings import Settings
from tests import databases
from tests.cast import Cast, Script
from tests.stage import Stage

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class TestClock:
    """A clock that moves only when told to."""

    __test__ = False

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> datetime:
        """Move on, by `timedelta` arguments, and return the new instant."""
        self.now += timedelta(**by)
        return self.now


@pytest.fixture(scope="session", autouse=True)
def _scratch() -> Iterator[None]:
    # What was imported stays: the collector need not look at it again after each test.
    gc.freeze()
    gc.set_threshold(50_000, 50, 1000)
    yield
    databases.clear()


@pytest.fixture(scope="session", params=databases.KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of database: every test that uses one runs on each."""
    name = str(request.param)
    databases.prepare(name)
    return name


@pytest.fixture(scope="session")
def _session_clock() -> TestClock:
    return TestClock()


@pytest.fixture
def clock(_session_clock: TestClock) -> TestClock:
    """The clock of every application, set back to the start."""
    _session_clock.now = START
    return _session_clock


_scripts: dict[str, Script] = {}


@pytest.fixture(scope="session")
async def script(kind: str) -> Script:
    """Write the script of the cast once, into a database that every test gets a copy of."""
    if kind not in _scripts:  # a run on several cores comes back to a kind now and then
        async with databases.fresh(kind, keep_as="staged") as made_in:
            app = create_app(made_in, clock=TestClock())
            async with app.router.lifespan_context(app):
                key = (made_in.data_dir / "admin.key").read_text().strip()
                _scripts[kind] = await Script.write(app, key)
    return _scripts[kind]


@pytest.fixture
async def settings(kind: str, script: Script) -> AsyncIterator[Settings]:
    """Settings of a fresh database in which the cast exists already."""
    async with databases.fresh(kind, template="staged") as chosen:
        yield chosen


@pytest.fixture
async def empty_settings(kind: str) -> AsyncIterator[Settings]:
    """Settings of a fresh database with nothing in it but what a new installation has."""
    async with databases.fresh(kind) as chosen:
        yield chosen


@pytest.fixture(scope="session")
async def stage(kind: str, script: Script, _session_clock: TestClock) -> AsyncIterator[Stage]:
    """The application that most tests share; see `tests/stage.py`."""
    async with databases.fresh(kind, template="staged") as settings:
        app = create_app(settings, clock=_session_clock)
        async with app.router.lifespan_context(app):
            set_up = Stage(app, script)
            await set_up.keep()
            yield set_up


@pytest.fixture
async def app(stage: Stage, clock: TestClock) -> FastAPI:
    """The application without its worker, with the cast and nothing else."""
    await stage.reset()
    return stage.app


@pytest.fixture
async def own_app(settings: Settings, clock: TestClock) -> AsyncIterator[FastAPI]:
    """An application of the test's own, to break as it likes."""
    made = create_app(settings, clock=clock)
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
def services(app: FastAPI) -> Services:
    found: Services = app.state.services
    return found


@pytest.fixture
async def anyone(app: FastAPI) -> AsyncIterator[AsyncClient]:
    """A caller without a key."""
    transport = ASGITransport(app)
    async with AsyncClient(transport=transport, base_url="http://heard.test", trust_env=False) as caller:
        yield caller


@pytest.fixture
async def cast(app: FastAPI, script: Script) -> AsyncIterator[Cast]:
    """The people of the play; see `tests/cast.py`."""
    async with AsyncExitStack() as stack:
        yield await Cast.call(app, stack, script)


@pytest.fixture
def admin(cast: Cast) -> AsyncClient:
    """A caller who may do everything, bound to no agent."""
    return cast.admin
