"""What is deleted from the embedded database leaves its file."""

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.db.database import Database
from app.models.events import Cursor
from app.settings import Settings
from tests.store.test_database import database, names, on_sqlite, put

__all__ = ["database"]
WORDS = "the words of Ana"


@on_sqlite
async def test_deleted_words_are_overwritten_in_the_file(
    database: Database, empty_settings: Settings
) -> None:
    def remove(session: Session) -> None:
        session.delete(session.scalars(select(Cursor).where(Cursor.name == WORDS)).one())

    await database.write(lambda session: put(session, WORDS))
    assert await database.read(names) == [WORDS]
    await database.write(remove)
    assert await database.write(lambda session: session.scalar(text("PRAGMA secure_delete"))) == 1
    await database.close()

    assert WORDS.encode() not in empty_settings.sqlite_path.read_bytes()
