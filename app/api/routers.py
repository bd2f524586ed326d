"""Every door, the busiest first: routes are matched in order."""

from app.api import access, desk, feedback, health, history, metrics, people, tickets, track

ALL = (
    feedback.router,
    track.router,
    history.router,
    tickets.router,
    desk.router,
    people.router,
    metrics.router,
    access.router,
    health.router,
)
