"""Every door, the busiest first: routes are matched in order."""

from app.api import access, desk, feedback, health, history, people, tickets, track

ALL = (
    feedback.router,
    track.router,
    history.router,
    tickets.router,
    desk.router,
    people.router,
    access.router,
    health.router,
)
