"""Set up instruments."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app.events import store as events
from app.ids import new_id
from app.models.satisfaction import Instrument
from app.satisfaction import store
from app.satisfaction.schemas import InstrumentIn, InstrumentOut


def create_instrument(
    session: Session, *, new: InstrumentIn, by: UUID | None, now: datetime
) -> InstrumentOut:
    """Add an instrument, or the next version of one; scores on the old version stay what they were."""
    made = store.add_instrument(session, Instrument(**new.model_dump(), id=new_id(now), created_at=now))
    events.record_configuration(session, "instrument.created", made.id, by=by, now=now)
    return InstrumentOut.model_validate(made)


def list_instruments(session: Session) -> list[InstrumentOut]:
    """Return every version of every instrument."""
    return [InstrumentOut.model_validate(each) for each in store.instruments(session)]
