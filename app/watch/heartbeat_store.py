"""SQL for the workers' signs of life."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.models.health import Heartbeat

WORKER = "worker"
SEEN_SECONDS = 10.0
_FORGOTTEN = timedelta(days=1)


def beat(session: Session, process: UUID, *, now: datetime) -> None:
    """Leave a worker's sign of life; the first one clears away those of processes long gone."""
    found = session.get(Heartbeat, process)
    if found is None:
        session.execute(delete(Heartbeat).where(Heartbeat.seen_at < now - _FORGOTTEN))
        session.add(Heartbeat(id=process, name=WORKER, seen_at=now))
    else:
        found.seen_at = now


def worker_seen(session: Session, *, now: datetime) -> bool:
    """Tell whether any worker has lately given a sign of life."""
    seen = session.scalar(select(func.max(Heartbeat.seen_at)).where(Heartbeat.name == WORKER))
    return seen is not None and seen >= now - timedelta(seconds=SEEN_SECONDS)
