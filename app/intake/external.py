"""Claim external ids, for submissions and history alike: the first of each goes on, others learn of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from app.db.dialect import ChangedMeanwhileError
from app.errors import ConflictError
from app.events import store as events
from app.models.events import ExternalId


class ExternalIdConflictError(ConflictError):
    """The source used this external id for something else."""

    code, title = "external_id_conflict", "This external id stands for other content"


@dataclass(frozen=True, slots=True)
class Claim:
    """That a source's id stands for this subject and this content."""

    source_id: UUID
    external_id: str
    fingerprint: str
    subject_id: UUID

    @property
    def key(self) -> tuple[UUID, str]:
        """What is unique for ever."""
        return self.source_id, self.external_id


def claim(session: Session, claims: Mapping[int, Claim], *, import_id: UUID | None) -> dict[int, ExternalId]:
    """Record the claims by their places in the batch, and return what is known where another came first.

    Raises:
        ChangedMeanwhileError: an import was undone between the two statements; repeat.
    """
    first = {each.key: place for place, each in reversed(list(claims.items()))}
    rows = [
        {
            "source_id": each.source_id, "external_id": each.external_id, "fingerprint": each.fingerprint,
            "subject_id": each.subject_id, "import_id": import_id,
        }
        for each in (claims[place] for place in first.values())
    ]  # fmt: skip
    won = events.claim_external_ids(session, rows)
    lost = {place: it.key for place, it in claims.items() if it.key not in won or first[it.key] != place}
    known = events.known_external_ids(session, set(lost.values()))
    if known.keys() != set(lost.values()):
        raise ChangedMeanwhileError
    return {place: known[key] for place, key in lost.items()}
