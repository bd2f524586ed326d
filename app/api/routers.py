"""Every door, the busiest first: routes are matched in order."""

from app.api import (
    access,
    calendars,
    clocks,
    customers,
    desk,
    feedback,
    health,
    history,
    jobs,
    metrics,
    people,
    policies,
    tickets,
    track,
    what_if,
)

ALL = (
    feedback.router,
    track.router,
    history.router,
    tickets.router,
    clocks.router,
    desk.router,
    people.router,
    customers.router,
    jobs.router,
    metrics.router,
    access.router,
    calendars.router,
    policies.router,
    what_if.router,
    health.router,
)
