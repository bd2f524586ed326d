"""Customers: what names one person is one customer, the heaviest identity decides, and nobody is lost."""

from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from app.customers import store
from app.customers.rules import KINDS, identities
from app.customers.store import Claimant
from app.db.database import Database
from app.models.customers import Customer, CustomerIdentity
from app.models.everything import METADATA
from tests.store.test_database import database

__all__ = ["database"]
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def claimant(
    number: int, *, ref: str | None = None, email: str | None = None, phone: str | None = None
) -> Claimant:
    return Claimant(identities(ref, email, phone), UUID(int=number), f"name {number}", NOW)


def known(session: Session) -> dict[str, int]:
    """Return which customer each identity belongs to."""
    return {each.value: each.customer_id.int for each in session.scalars(select(CustomerIdentity))}


def everybody(session: Session) -> dict[int, str | None]:
    return {each.id.int: each.name for each in session.scalars(select(Customer))}


def numbers(owners: list[UUID | None]) -> list[int | None]:
    return [owner.int if owner else None for owner in owners]


@pytest.mark.parametrize(
    ("there", "come", "owners"),
    [
        pytest.param([], [claimant(1)], [None], id="nobody in particular"),
        pytest.param([], [claimant(1, ref="A"), claimant(2, ref="A")], [1, 1], id="twice in one batch"),
        pytest.param([claimant(1, ref="A")], [claimant(2, ref="A", email="a@x")], [1], id="by reference"),
        pytest.param(
            [claimant(1, ref="A"), claimant(2, email="b@x")],
            [claimant(3, ref="A", email="b@x")],
            [1],
            id="the reference decides",
        ),
        pytest.param(
            [],
            [claimant(1, email="a@x"), claimant(2, ref="A", email="a@x"), claimant(3, ref="A")],
            [1, 2, 2],
            id="a reference met later in the batch",
        ),
        pytest.param(
            [],
            [claimant(1, ref="A", email="a@x"), claimant(2, email="A@X "), claimant(3, email="a@x")],
            [1, 1, 1],
            id="through another identity",
        ),
        pytest.param([claimant(1, phone="1")], [claimant(2, ref="B", phone="1")], [2], id="a shared phone"),
    ],
)  # fmt: skip
async def test_who_is_who(
    database: Database, there: list[Claimant], come: list[Claimant], owners: list[int | None]
) -> None:
    await database.write(partial(store.settle, claimants=there))
    found = await database.write(partial(store.settle, claimants=come))

    assert numbers(found) == owners
    assert set((await database.read(known)).values()) <= set(await database.read(everybody))


PEOPLE = st.lists(
    st.tuples(*(st.none() | st.sampled_from(f"{kind} 1|{kind} 2|{kind} 3".split("|")) for kind in KINDS)),
    max_size=8,
)


@given(PEOPLE, PEOPLE)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whoever_names_themselves_has_a_customer_and_every_identity_an_owner(
    first: list[tuple[str | None, ...]], second: list[tuple[str | None, ...]]
) -> None:
    engine = create_engine("sqlite+pysqlite://")
    METADATA.create_all(
        engine, tables=[METADATA.tables[name] for name in ("customers", "customer_identities")]
    )
    with Session(engine) as session:
        for batch, people in enumerate((first, second)):
            claimants = [
                Claimant(identities(*who), UUID(int=batch * 100 + place + 1), None, NOW)
                for place, who in enumerate(people)
            ]
            owners = numbers(store.settle(session, claimants))

            assert [owner is not None for owner in owners] == [any(who) for who in people]
            for kind, value in {each for one in claimants for each in one.identities}:
                assert known(session)[value] in everybody(session), kind
            for place, who in enumerate(people):
                heaviest = next((value for value in who if value), None)
                assert heaviest is None or who[0] is None or owners[place] == known(session)[heaviest]
    engine.dispose()
