"""SQL that reads the whole configuration in one snapshot."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.rules import KeyFacts, SiteFacts, SourceFacts
from app.configuration.snapshot import Snapshot
from app.models.access import ApiKey, ConfigurationVersion, Site, Source
from app.models.people import Team
from app.models.satisfaction import Instrument
from app.people.rules import TeamFacts
from app.policies import book
from app.satisfaction.rules import InstrumentFacts


def version(session: Session) -> int:
    """Return the version of the configuration."""
    return session.scalars(select(ConfigurationVersion.version)).one()


def load(session: Session) -> Snapshot:
    """Read the configuration; revoked keys are not in it."""
    sources = {each.name: each for each in session.scalars(select(Source))}
    ids = {each.name: each.id for each in sources.values()}
    teams = {each.id: each for each in session.scalars(select(Team))}
    latest = {each.name: each for each in session.scalars(select(Instrument).order_by(Instrument.version))}
    return Snapshot(
        version=version(session),
        keys={
            each.hash: KeyFacts(
                id=each.id,
                hash=each.hash,
                scopes=frozenset(each.scopes),
                agent_id=each.agent_id,
                sources=None
                if each.sources is None
                else frozenset(ids[name] for name in each.sources if name in ids),
                expires_at=each.expires_at,
            )
            for each in session.scalars(select(ApiKey).where(ApiKey.revoked_at.is_(None)))
        },
        sites={
            each.public_key: SiteFacts(
                each.id, each.name, each.public_key, frozenset(each.origins), each.allow_servers
            )
            for each in session.scalars(select(Site))
        },
        sources={
            each.name: SourceFacts(each.id, each.name, each.kind, each.zone) for each in sources.values()
        },
        instruments={
            each.name: InstrumentFacts(each.id, each.name, each.version, each.low, each.high, each.step)
            for each in latest.values()
        },
        teams={
            each.id: TeamFacts(each.id, each.name, each.strategy, each.is_default) for each in teams.values()
        },
        default_team_id=next(each.id for each in teams.values() if each.is_default),
        book=book.current(session),
    )
