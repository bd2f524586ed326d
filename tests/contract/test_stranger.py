"""What the OpenAPI document says is what happens, on each database.

`HEARD_CONTRACT_EXAMPLES=200` looks longer, and `HEARD_CONTRACT_SEED` elsewhere.
"""

import asyncio

import pytest

from app.access.rules import SCOPES
from app.main import create_app
from app.settings import Settings
from tests import databases
from tests.cast import Script, caller, create
from tests.conftest import TestClock
from tests.contract import stranger


@pytest.mark.parametrize("kind", databases.EACH, indirect=True, scope="session")
async def test_a_stranger_finds_the_document_true(settings: Settings, script: Script) -> None:
    app = create_app(settings, clock=TestClock())
    async with app.router.lifespan_context(app), caller(app, script.keys["admin"]) as admin:
        agent = await create(admin, "agents", name="Stranger")
        made = await create(admin, "keys", name="all", scopes=sorted(SCOPES), agent_id=agent["id"])
    story = await asyncio.to_thread(stranger.explore, app, made["key"])

    if story.complaints:
        pytest.fail("\n\n".join(story.complaints), pytrace=False)
    assert len(story.done) > story.offered * 2 / 3, "a stranger who gets in nowhere proves nothing"
