"""Time passes over the queue: every waiting ticket goes to a free agent of its team."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.people import store as people
from app.routing import store
from app.routing.assign import assign
from app.routing.rules import Candidate, least_loaded

STRATEGY = "least_loaded"
MOST = 20


def someone_can_take(session: Session) -> bool:
    """Whether there is anything to assign; asked often, so it only reads."""
    return store.someone_can_take(session, strategy=STRATEGY)


def assign_waiting(session: Session, *, now: datetime) -> int:
    """Assign the first waiting tickets whose team has someone free, and return how many."""
    free = store.lock_free_agents(session, strategy=STRATEGY)
    if not free:
        return 0
    assigned = 0
    for ticket in store.next_in_queue(session, free.keys(), most=MOST):
        candidates = free[ticket.team_id]
        chosen = least_loaded(candidates)
        if chosen is None or not people.take_slot(session, chosen.agent_id, within=chosen.capacity):
            continue
        reason = {
            "strategy": STRATEGY,
            "open": chosen.open,
            "capacity": chosen.capacity,
            "candidates": sum(1 for each in candidates if each.open < each.capacity),
        }
        assign(
            session, ticket, chosen.agent_id, by=None, how=STRATEGY, reason=reason, now=now, slot_taken=True
        )
        free = {team: [_after(each, chosen) for each in those] for team, those in free.items()}
        assigned += 1
    return assigned


def _after(each: Candidate, chosen: Candidate) -> Candidate:
    if each.agent_id != chosen.agent_id:
        return each
    return Candidate(each.agent_id, each.open + 1, each.capacity)
