"""The configuration at one version: what intake needs to decide without asking the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from app.access.rules import KeyFacts, SiteFacts, SourceFacts
from app.people.rules import TeamFacts
from app.policies.terms import Book
from app.satisfaction.rules import InstrumentFacts

API_SOURCE = "api"
"""The source of those who name none."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything by the name it is looked up by: keys by hash, sites by public key, the rest by name."""

    version: int
    keys: Mapping[str, KeyFacts]
    sites: Mapping[str, SiteFacts]
    sources: Mapping[str, SourceFacts]
    instruments: Mapping[str, InstrumentFacts]
    teams: Mapping[UUID, TeamFacts]
    default_team_id: UUID
    book: Book

    def allows_origin(self, origin: str) -> bool:
        """Whether any site lists that origin, which is all a preflight can be asked."""
        return any(origin in site.origins for site in self.sites.values())
