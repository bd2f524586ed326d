"""Events are published in the very moment an import is undone: the stream has no twin, gap or orphan."""

import asyncio
from typing import Any

from sqlalchemy import Engine, event, func, select
from sqlalchemy.util import await_only

from app.models.events import Cursor, Event, Outbox, StreamEntry
from app.services import Services
from app.watch.publishing import publish
from tests.cast import Cast, complain
from tests.door.test_history import LINE, post
from tests.store.test_database import on_postgresql


@on_postgresql
async def test_what_an_undo_takes_away_is_not_published_meanwhile(cast: Cast, services: Services) -> None:
    """The undo has read which events there were when the publisher starts to move them."""
    loaded = await post(cast.admin, LINE)
    published: list[asyncio.Task[int]] = []

    def start_publishing(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("DELETE FROM stream") and not published:
            published.append(asyncio.create_task(services.write(publish)))
            await_only(asyncio.sleep(0.3))

    event.listen(Engine, "before_cursor_execute", start_publishing)
    try:
        undone = await cast.admin.delete(f"/v1/imports/{loaded['import_id']}")
    finally:
        event.remove(Engine, "before_cursor_execute", start_publishing)
    await published[0]
    await complain(cast.crm)
    while await services.write(publish):
        pass

    assert undone.status_code == 200
    orphans = select(StreamEntry.event_id).where(StreamEntry.event_id.not_in(select(Event.id)))
    last, place = select(func.max(StreamEntry.sequence)), select(Cursor.sequence)
    waiting = select(func.count()).select_from(Outbox)
    assert await services.read(lambda session: session.scalars(orphans).all()) == []
    assert await services.read(lambda session: session.scalar(waiting)) == 0
    assert await services.read(lambda session: session.scalar(last) == session.scalar(place))
