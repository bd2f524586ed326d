"""What an agent may see, and who has a free slot. Pure."""

from dataclasses import dataclass
from uuid import UUID

STRATEGIES = ("pull", "least_loaded")


@dataclass(frozen=True, slots=True)
class TeamFacts:
    """A team as the configuration snapshot holds it."""

    id: UUID
    name: str
    strategy: str
    is_default: bool


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whose eyes look at tickets: `team_ids` None sees all, else only the tickets of these teams."""

    team_ids: frozenset[UUID] | None

    def sees(self, team_id: UUID) -> bool:
        """Whether a ticket of that team is visible."""
        return self.team_ids is None or team_id in self.team_ids


EVERYTHING = Viewer(None)
