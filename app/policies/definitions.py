"""Which clocks there are, and between which events they run. Pure.

A clock's name means the same for every ticket and policy, for ever: figures are told by it.
"""

from dataclasses import dataclass

from app.tickets.rules import OPENED, Move

REPLIED, CUSTOMER = Move.REPLY.value, Move.CUSTOMER.value
RESOLVED, REOPENED = Move.RESOLVE.value, Move.REOPEN.value


@dataclass(frozen=True, slots=True)
class Definition:
    """When a named clock runs: it starts with one of these events unless it, or one of those, runs.

    Those it waits for are defined before it.
    """

    name: str
    starts_on: frozenset[str]
    stops_on: frozenset[str]
    unless_running: frozenset[str] = frozenset()


BUILT_IN = (
    Definition("first_response", frozenset({OPENED}), frozenset({REPLIED})),
    Definition("next_response", frozenset({CUSTOMER}), frozenset({REPLIED}), frozenset({"first_response"})),
    Definition("resolution", frozenset({OPENED, REOPENED, CUSTOMER}), frozenset({RESOLVED})),
)
