"""What a ticket may go through: the table of moves, the queue order, the text we search. Pure.

The table says for each status which moves are allowed and where they lead. `open` needs an agent: a move
that leads to `open` on a ticket nobody has leads to `new` (see `after`).
"""

import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType


class Status(StrEnum):
    """Where a ticket stands."""

    NEW = "new"
    OPEN = "open"
    PENDING = "pending"
    RESOLVED = "resolved"
    CLOSED = "closed"


class Move(StrEnum):
    """What may happen to a ticket; the value is the event's type."""

    ASSIGN = "ticket.assigned"
    UNASSIGN = "ticket.unassigned"
    REPLY = "ticket.replied"
    NOTE = "ticket.noted"
    PEND = "ticket.pended"
    RESOLVE = "ticket.resolved"
    REOPEN = "ticket.reopened"
    CLOSE = "ticket.closed"
    CUSTOMER = "ticket.customer_replied"
    CHANGE = "ticket.changed"


OPENED = "ticket.opened"
SCORED = "score.given"
ERASED = "ticket.erased"

_N, _O, _P, _R, _C = Status

TABLE: Mapping[Status, Mapping[Move, Status]] = MappingProxyType({
    _N: {
        Move.ASSIGN: _O, Move.REPLY: _O, Move.NOTE: _N, Move.PEND: _P, Move.RESOLVE: _R,
        Move.CUSTOMER: _N, Move.CHANGE: _N,
    },
    _O: {
        Move.ASSIGN: _O, Move.UNASSIGN: _N, Move.REPLY: _O, Move.NOTE: _O, Move.PEND: _P, Move.RESOLVE: _R,
        Move.CUSTOMER: _O, Move.CHANGE: _O,
    },
    _P: {
        Move.ASSIGN: _P, Move.UNASSIGN: _N, Move.REPLY: _P, Move.NOTE: _P, Move.RESOLVE: _R, Move.REOPEN: _O,
        Move.CUSTOMER: _O, Move.CHANGE: _P,
    },
    _R: {
        Move.REPLY: _R, Move.NOTE: _R, Move.REOPEN: _O, Move.CLOSE: _C, Move.CUSTOMER: _O, Move.CHANGE: _R,
    },
    _C: {Move.NOTE: _C},
})  # fmt: skip

MOST_EVENTS = 10_000
"""With so many a ticket is full, or its replay would cost too much: it can end, and what is said later opens
another."""
_ENDING = frozenset({Move.ASSIGN, Move.UNASSIGN, Move.RESOLVE, Move.CLOSE})

TURNS = frozenset({Move.PEND, Move.RESOLVE, Move.REOPEN})
"""What an agent does to where a ticket stands; reported late it must not undo what happened since."""
STATE_CHANGES = TURNS | {Move.CLOSE, Move.CUSTOMER, Move.UNASSIGN}
UNPROMISED = timedelta(days=1)
_HEAD_START = {
    "urgent": timedelta(hours=4),
    "high": timedelta(hours=1),
    "normal": timedelta(),
    "low": -timedelta(hours=4),
}


def after(status: Status, move: Move, *, has_agent: bool) -> Status | None:
    """Return where a move leads, or None where the table says no."""
    target = TABLE[status].get(move)
    return Status.NEW if target is Status.OPEN and not has_agent else target


def takes(version: int, move: Move) -> bool:
    """Whether a ticket of this version has room for such a move."""
    return version < MOST_EVENTS or move in _ENDING


def queue_at(received_at: datetime, priority: str, *, due_at: datetime | None = None) -> datetime:
    """Return the place in the queue: the later of due and received, moved forward by priority.

    It never changes while a ticket waits, so an index serves the queue, and waiting alone brings everyone
    forward. To whom nothing was promised an answer is due within a day: promises must not set others back.
    """
    return max(due_at or received_at + UNPROMISED, received_at) - _HEAD_START[priority]


def searchable(*parts: str | None) -> str:
    """Return text as it is searched: compatibility forms, case and accents folded away.

    Folding case comes between two decompositions: some forms hold capitals (№), some capitals hold accents.
    """
    whole = "\n".join(part for part in parts if part)
    if whole.isascii():
        return whole.lower()
    apart = unicodedata.normalize("NFKD", whole)
    folded = unicodedata.normalize("NFKD", apart.casefold())
    return "".join(symbol for symbol in folded if not unicodedata.combining(symbol))


def diagram() -> str:
    """Return the table as a Mermaid state diagram; the copy in the documentation is generated from it."""
    lines = ["stateDiagram-v2", "    [*] --> new: ticket.opened"]
    for status, moves in TABLE.items():
        for target in Status:
            names = [move.split(".")[1] for move, leads_to in moves.items() if leads_to is target]
            if names:
                lines.append(f"    {status} --> {target}: {', '.join(names)}")
    return "\n".join(lines) + "\n"
