"""Every door, the busiest first: routes are matched in order."""

from app.api import (
    access,
    customers,
    desk,
    feedback,
    health,
    history,
    jobs,
    metrics,
    people,
    tickets,
    track,
)

ALL = (
    feedback.router,
    track.router,
    history.router,
    tickets.router,
    desk.router,
    people.router,
    customers.router,
    jobs.router,
    metrics.router,
    access.router,
    health.router,
)
