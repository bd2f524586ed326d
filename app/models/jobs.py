"""The table of jobs: what is to be done, and when. The queue itself, `app/db/jobs.py`, describes it."""

from app.db.jobs import JOBS
from app.models.base import Base

TABLE = JOBS.to_metadata(Base.metadata)
