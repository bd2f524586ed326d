"""Choose an agent. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Candidate:
    """An agent who is online and has a free slot."""

    agent_id: UUID
    open: int
    capacity: int

    @property
    def load(self) -> float:
        """How full the agent's hands are, from 0 to 1."""
        return self.open / self.capacity


def least_loaded(candidates: Iterable[Candidate]) -> Candidate | None:
    """Return whose share of capacity taken is smallest; among equals, who has more free slots."""
    free = [each for each in candidates if each.open < each.capacity]
    return min(free, key=lambda each: (each.load, each.open - each.capacity, each.agent_id), default=None)
