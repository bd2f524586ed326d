"""The book: policies and calendars as stored, made into values once, and any of them as it once was."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from app.access import store as access
from app.configuration import store as configuration
from app.db.database import Database
from app.errors import NotFoundError
from app.ids import new_id
from app.models.access import Source
from app.models.sla import Calendar, Policy
from app.policies import admin, book, calendar_admin, terms
from app.policies import store as policy_store
from app.policies.calendar import add, elapsed
from app.policies.calendar_schemas import CalendarIn, CalendarOut
from app.policies.definitions import BUILT_IN, Definition
from app.policies.schemas import PolicyIn, PolicyOut
from app.policies.terms import NO_POLICIES, Facts, Target, Terms
from tests.acts import statements
from tests.door.sla import OFFICE
from tests.store.test_database import database

__all__ = ["database"]
T = TypeVar("T")
Json = dict[str, Any]
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FACTS = Facts("question", "web")


def first(seconds: int = 60, **other: Any) -> Json:
    return {"name": "first_response", "targets": [{"target_seconds": seconds}], **other}


class Desk:
    """Those who set things up, over one database; each change comes a minute after the last."""

    def __init__(self, database: Database) -> None:
        self.database, self.now = database, NOW

    async def calendar(self, **other: Any) -> CalendarOut:
        new = CalendarIn.model_validate(OFFICE | other)
        return await self._do(partial(calendar_admin.create_calendar, new=new))

    async def change_calendar(self, calendar_id: UUID, **other: Any) -> CalendarOut:
        new = CalendarIn.model_validate(OFFICE | other)

        def change(session: Session, *, by: UUID | None, now: datetime) -> CalendarOut:
            held = policy_store.hold(session, Calendar, calendar_id)
            return calendar_admin.change_calendar(session, held, new=new, by=by, now=now)

        return await self._do(change)

    async def policy(self, name: str, *clocks: Json, **other: Any) -> PolicyOut:
        new = PolicyIn.model_validate({"name": name, "clocks": clocks, **other})
        return await self._do(partial(admin.create_policy, new=new))

    async def change_policy(self, policy_id: UUID, name: str, *clocks: Json, **other: Any) -> PolicyOut:
        new = PolicyIn.model_validate({"name": name, "clocks": clocks, **other})

        def change(session: Session, *, by: UUID | None, now: datetime) -> PolicyOut:
            held = policy_store.hold(session, Policy, policy_id)
            return admin.change_policy(session, held, new=new, by=by, now=now)

        return await self._do(change)

    async def delete_policy(self, policy_id: UUID) -> None:
        await self._do(partial(admin.delete_policy, policy_id=policy_id))

    async def _do(self, fn: Callable[..., T]) -> T:
        self.now += MINUTE
        return await self.database.write(partial(fn, by=None, now=self.now))


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


async def test_a_policy_becomes_the_value_that_tickets_are_judged_by(desk: Desk, database: Database) -> None:
    source_id = new_id(NOW)
    row = {"id": source_id, "name": "crm", "kind": "api", "zone": "UTC", "created_at": NOW}
    await database.write(partial(access.add_source, new=Source(**row)))
    office = await desk.calendar()
    own = {"name": "callback", "starts_on": ["opened", "reopened"], "stops_on": ["noted"]}
    made = await desk.policy(
        "Gold",
        first(calendar="Lisbon office", warnings=[{"fraction": 0.5}, {"before_seconds": 10}]),
        {"name": "resolution", "targets": [{"when": {"priority": ["urgent"]}, "target_seconds": 7}]},
        own | {"targets": [{"target_seconds": 8}], "pauses_in": ["closed", "pending"]},
        rank=3,
        default=True,
        applies_to={"kind": ["question"], "source": ["crm"], "language": ["en", "pt"]},
    )

    policy = (await database.read(book.current)).policies[made.id]

    assert (policy.id, policy.version, policy.name, policy.rank) == (made.id, 1, "Gold", 3)
    assert policy.is_default
    assert policy.applies_to == {
        "kind": frozenset({"question"}),
        "source_id": frozenset({source_id}),
        "language": frozenset({"en", "pt"}),
    }
    calendar = policy.clocks["first_response"].calendar
    assert policy.clocks == {
        "first_response": Terms(
            BUILT_IN[0],
            (Target(MINUTE, {}),),
            frozenset(),
            (terms.Warning(fraction=0.5), terms.Warning(lead=timedelta(seconds=10))),
            calendar,
            office.id,
            1,
        ),
        "resolution": Terms(
            BUILT_IN[2],
            (Target(timedelta(seconds=7), {"priority": frozenset({"urgent"})}),),
            frozenset({"pending"}),
        ),
        "callback": Terms(
            Definition(
                "callback",
                frozenset({"ticket.opened", "ticket.reopened"}),
                frozenset({"ticket.noted"}),
            ),
            (Target(timedelta(seconds=8), {}),),
            frozenset({"closed", "pending"}),
        ),
    }
    assert add(calendar, NOW + timedelta(hours=8, minutes=59), 2 * MINUTE) == NOW + timedelta(
        days=1, minutes=1
    )


async def test_the_book_is_asked_for_by_one_query_and_made_once(desk: Desk, database: Database) -> None:
    await desk.calendar()
    await desk.policy("Gold", first(calendar="Lisbon office"))
    made = await database.read(book.current)

    with statements() as sent:
        again = await database.read(book.current)

    assert again is made
    assert [each.split()[0] for each in sent] == ["SELECT"]


async def test_without_policies_there_is_an_empty_book(database: Database) -> None:
    assert await database.read(book.current) == NO_POLICIES
    assert (await database.read(configuration.load)).book.choose(FACTS) is None


async def test_an_edit_makes_a_new_book_and_a_calendar_that_stays_keeps_its_years(
    desk: Desk, database: Database
) -> None:
    office, night = await desk.calendar(), await desk.calendar(name="Night", zone="Asia/Kathmandu")
    clocks = (
        first(calendar="Lisbon office"),
        {
            "name": "next_response",
            "calendar": "Night",
            "targets": [{"target_seconds": 1}],
        },
    )
    gold = await desk.policy("Gold", *clocks)
    before = (await database.read(book.current)).policies[gold.id]
    await desk.change_calendar(office.id, week={"sunday": [{"from": "00:00", "to": "24:00"}]})

    after = (await database.read(book.current)).policies[gold.id]

    def used(policy: Any, name: str) -> Any:
        return policy.clocks[name].calendar

    assert [after.clocks[name].calendar_version for name in after.clocks] == [2, 1]
    assert (before.version, after.version) == (1, 1)
    assert used(before, "first_response") != used(after, "first_response")
    assert used(before, "next_response") is used(after, "next_response")
    assert after.clocks["next_response"].calendar_id == night.id


async def test_a_policy_can_be_had_as_it_once_was(desk: Desk, database: Database) -> None:
    office = await desk.calendar()
    gold = await desk.policy("Gold", first(60, calendar="Lisbon office"), default=True)
    then = (await database.read(book.current)).policies[gold.id]
    await desk.change_calendar(office.id, zone="Asia/Kathmandu")
    await desk.change_policy(gold.id, "Silver", first(120, calendar="Lisbon office"))
    await desk.delete_policy(gold.id)

    old = await database.read(
        partial(book.at, policy_id=gold.id, version=1, calendars={office.id: 1, gold.id: 9})
    )
    mixed = await database.read(partial(book.at, policy_id=gold.id, version=2, calendars={}))

    assert (old.name, old.version, old.clocks) == ("Gold", 1, then.clocks)
    assert (mixed.name, mixed.clocks["first_response"].calendar_version) == ("Silver", 2)
    assert mixed.clocks["first_response"].target(FACTS) == 2 * MINUTE
    assert (await database.read(book.current)).policies == {}
    for policy_id, version in ((gold.id, 3), (office.id, 1)):
        with pytest.raises(NotFoundError):
            await database.read(partial(book.at, policy_id=policy_id, version=version, calendars={}))


async def test_a_version_that_was_never_committed_leaves_nothing_in_memory(
    desk: Desk, database: Database
) -> None:
    """Its number is given again, to something else."""
    gold = await desk.policy("Gold", first(60))

    def fail(session: Session) -> None:
        held = policy_store.hold(session, Policy, gold.id)
        new = PolicyIn.model_validate({"name": "Gold", "clocks": [first(777)]})
        admin.change_policy(session, held, new=new, by=None, now=NOW + timedelta(hours=1))
        assert book.current(session).policies[gold.id].version == 2
        raise NotFoundError

    with pytest.raises(NotFoundError):
        await database.write(fail)
    await desk.change_policy(gold.id, "Gold", first(120))

    policy = (await database.read(book.current)).policies[gold.id]

    assert (policy.version, policy.clocks["first_response"].target(FACTS)) == (2, 2 * MINUTE)


async def test_equal_documents_are_equal_calendars_and_others_are_not(desk: Desk, database: Database) -> None:
    lisbon = {"country": "PT", "subdivision": "11"}
    same = [await desk.calendar(name=name, holidays=lisbon) for name in ("a", "b")]
    other = [
        await desk.calendar(name="c", holidays={"country": "PT"}),
        await desk.calendar(name="d", holidays=lisbon, dates=[{"date": "12-24", "name": "x"}]),
        await desk.calendar(name="e", holidays=lisbon, zone="Europe/Madrid"),
    ]

    found = await database.read(
        partial(book.calendars_at, wanted={each.id: each.version for each in (*same, *other)})
    )
    one, two, *others = (found[each.id][1] for each in (*same, *other))

    assert one == two
    assert all(one != each for each in others)


@pytest.mark.parametrize(
    ("dates", "hours"),
    [
        pytest.param([], 0, id="a public holiday"),
        pytest.param(
            [{"date": "12-25", "name": "x", "hours": [{"from": "09:00", "to": "11:00"}]}], 2, id="its own"
        ),
        pytest.param(
            [
                {"date": "2026-12-25", "name": "x", "hours": [{"from": "09:00", "to": "10:00"}]},
                {"date": "12-25", "name": "y", "hours": [{"from": "09:00", "to": "11:00"}]},
            ],
            1,
            id="that year's",
        ),
        pytest.param(
            [
                {"date": "2027-12-25", "name": "x", "hours": [{"from": "09:00", "to": "10:00"}]},
                {
                    "date": "12-25",
                    "name": "y",
                    "hours": [{"from": "23:00", "to": "24:00"}, {"from": "00:00", "to": "02:00"}],
                },
            ],
            3,
            id="another year's",
        ),
    ],
)
async def test_of_what_is_said_of_a_date_the_most_particular_counts(
    desk: Desk, database: Database, dates: list[Json], hours: int
) -> None:
    christmas = datetime(2026, 12, 25, tzinfo=UTC)  # a Friday
    made = await desk.calendar(holidays={"country": "PT"}, dates=dates)

    found = await database.read(partial(book.calendars_at, wanted={made.id: 1}))

    assert elapsed(found[made.id][1], christmas, christmas + timedelta(days=1)) == timedelta(hours=hours)


async def test_the_29th_of_february_comes_every_four_years(desk: Desk, database: Database) -> None:
    made = await desk.calendar(dates=[{"date": "02-29", "name": "Leap day"}])

    _, calendar = (await database.read(partial(book.calendars_at, wanted={made.id: 1})))[made.id]

    assert [len(calendar.special(year)) for year in (2027, 2028, 2100)] == [0, 1, 0]
