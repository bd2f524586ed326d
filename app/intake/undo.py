"""Undo an import piece by piece, so that nobody waits behind it; stopped half-way, it can go on later."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app.intake import history_store as store

PIECE = 100


def undo_piece(session: Session, *, import_id: UUID, now: datetime) -> int:
    """Remove the next piece and return its size; the last one, of size 0, removes what is left.

    Raises:
        NotFoundError: there never was such an import.
    """
    store.lock_import(session, import_id)
    removed = store.remove_some(session, import_id, most=PIECE)
    if not removed:
        store.remove_rest(session, import_id, now=now)
    return removed
