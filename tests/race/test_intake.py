"""Many submissions at once: each is stored once, a bad one fails alone, and the same one is one ticket."""

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from app.db.database import Lane
from app.events import store as events
from app.intake.commit import commit
from app.models.customers import Customer, CustomerIdentity
from app.models.events import ExternalId, Idempotency, Outbox
from app.models.tickets import Ticket
from app.services import Services
from tests.conftest import TestClock
from tests.race.making import codes, keys, opened, said, spoilt, submit, ticket_ids
from tests.store.test_database import on_postgresql


async def test_forty_words_of_one_customer_are_forty_tickets_of_one_customer(services: Services) -> None:
    who = {"ref": "C-1", "email": "Ana@Example.org", "phone": "+351912345678", "name": "Ana"}
    answers = await submit(services, [said(services, customer=who) for _ in range(40)])

    owners = await services.read(lambda s: set(s.scalars(select(Ticket.customer_id))))
    customers = await services.read(lambda s: list(s.scalars(select(Customer.id))))
    identities = await services.read(
        lambda s: sorted((each.kind, each.value) for each in s.scalars(select(CustomerIdentity)))
    )
    assert codes(answers) == [201] * 40
    assert sorted(await services.read(ticket_ids)) == sorted(answer.id for answer in answers)
    assert (len(customers), owners) == (1, set(customers))
    assert identities == [("email", "ana@example.org"), ("phone", "+351912345678"), ("ref", "C-1")]


async def test_every_ticket_has_its_event_and_every_event_its_place_in_the_outbox(services: Services) -> None:
    answers = await submit(services, [said(services) for _ in range(40)])

    assert sorted(await services.read(opened)) == sorted(answer.id for answer in answers)
    assert (await services.read(lambda s: s.scalars(select(func.count()).select_from(Outbox)).one())) >= 40


async def test_the_same_external_id_twice_in_one_batch_is_stored_once(services: Services) -> None:
    items = [
        said(services, external_id="1"),
        said(services, external_id="1"),
        said(services, external_id="1", text="other"),
        said(services, external_id="2", text="other"),
    ]
    outcomes = await services.write(partial(commit, batch=items))

    assert [outcome.status for outcome in outcomes] == [201, 200, 409, 201]
    assert [outcome.id for outcome in outcomes] == [items[0].id, items[0].id, items[0].id, items[3].id]
    assert await services.read(ticket_ids) == sorted([items[0].id, items[3].id])


async def test_the_same_key_twice_in_one_batch_is_stored_once(services: Services) -> None:
    items = [said(services, key="k", body=body) for body in ("a", "a", "b")]
    outcomes = await services.write(partial(commit, batch=items))

    assert [(it.status, it.id, it.replayed) for it in outcomes] == [
        (201, items[0].id, False),
        (201, items[0].id, True),
        (422, items[2].id, False),
    ]
    assert await services.read(ticket_ids) == [items[0].id]


async def test_a_key_remembers_that_its_submission_was_a_duplicate_or_a_conflict(services: Services) -> None:
    first = said(services, external_id="1")
    later = [
        said(services, key="same", external_id="1"),
        said(services, key="other", external_id="1", text="other"),
    ]
    for items in ([first], later, later):
        outcomes = await services.write(partial(commit, batch=items))

    assert [(it.status, it.id, it.replayed) for it in outcomes] == [
        (200, first.id, True),
        (409, first.id, True),
    ]
    assert await services.read(keys) == {"same": (200, first.id), "other": (409, first.id)}


async def test_one_bad_row_among_forty_fails_alone(services: Services) -> None:
    items = [said(services, key=f"k{n}", external_id=f"{n}") for n in range(40)]
    items[17] = spoilt(items[17])
    answers = await submit(services, items)
    good = [item.id for place, item in enumerate(items) if place != 17]

    assert codes(answers) == [201] * 17 + ["refused_by_database"] + [201] * 22
    assert await services.read(ticket_ids) == sorted(good)
    assert set(await services.read(keys)) == {f"k{n}" for n in range(40) if n != 17}
    assert services.intake.healthy


async def test_a_reference_drawn_twice_is_not_the_senders_fault(services: Services) -> None:
    first, second = said(services), said(services)
    second = replace(second, reference=first.reference)

    assert codes(await submit(services, [first, second])) == [201, "unavailable"]


@on_postgresql
@pytest.mark.parametrize("poison", [{"topic": "x" * 201}, {"language": "a\0b"}, {"language": "\ud800"}])
async def test_postgresql_refuses_what_does_not_fit_and_keeps_the_rest(
    services: Services, poison: dict[str, Any]
) -> None:
    items = [said(services) for _ in range(3)]
    items[1] = replace(items[1], common=items[1].common | poison)

    assert codes(await submit(services, items)) == [201, "refused_by_database", 201]


async def test_two_flushers_with_the_same_ids_and_keys_agree_on_one_winner(services: Services) -> None:
    """Overlapping batches in opposite orders, many times: on PostgreSQL they run side by side."""
    for turn in range(8):
        who = [{"ref": f"{turn} {n}", "email": f"{turn}-{n % 5}@example.org"} for n in range(15)]
        batches = [
            [
                said(services, key=f"{turn} {n}", external_id=f"{turn} {n}", customer=who[n])
                for n in range(15)[:: 1 if way % 2 else -1]
            ]
            for way in range(4)
        ]
        done = await asyncio.gather(
            *(services.write(partial(commit, batch=batch), lane=Lane.INTAKE) for batch in batches)
        )
        by_key: dict[str, set[Any]] = {}
        for batch, outcomes in zip(batches, done, strict=True):
            for item, outcome in zip(batch, outcomes, strict=True):
                assert item.once is not None
                by_key.setdefault(item.once.key_hash, set()).add((outcome.status, outcome.id))

        assert {len(found) for found in by_key.values()} == {1}
        assert {status for found in by_key.values() for status, _ in found} == {201}

    assert len(await services.read(ticket_ids)) == 8 * 15


async def test_expired_keys_renewed_by_two_flushers_at_once_have_one_winner(
    services: Services, clock: TestClock
) -> None:
    names = [f"k{n}" for n in range(20)]
    await services.write(partial(commit, batch=[said(services, key=name, body="a") for name in names]))
    clock.advance(days=366)
    batches = [[said(services, key=name, body="b") for name in names[::way]] for way in (1, -1)]
    done = await asyncio.gather(
        *(services.write(partial(commit, batch=batch), lane=Lane.INTAKE) for batch in batches)
    )

    forth, back = (
        {(item.once and item.once.key_hash): outcome.id for item, outcome in zip(batch, found, strict=True)}
        for batch, found in zip(batches, done, strict=True)
    )
    assert forth == back
    assert len(await services.read(ticket_ids)) == 40


@on_postgresql
@pytest.mark.parametrize("table", [ExternalId, Idempotency])
async def test_what_vanishes_between_two_statements_spoils_nobody(
    services: Services, table: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import undone, or an old key swept away, between a lost claim and the look at who won it."""
    await services.write(partial(commit, batch=[said(services, key="k", body="a", external_id="1")]))
    again = [said(services, key="k", body="a", external_id="1"), said(services, external_id="1")]
    name = "known_keys" if table is Idempotency else "known_external_ids"
    look, gone = getattr(events, name), [False]

    def sweep(session: Session, wanted: Any) -> Any:
        wanted = list(wanted)
        if wanted and not gone[0]:
            gone[0] = True
            session.execute(delete(table))
        return look(session, wanted)

    monkeypatch.setattr(events, name, sweep)
    outcomes = await services.write(partial(commit, batch=again))

    assert gone == [True]
    assert {outcome.status for outcome in outcomes} <= {200, 201}


async def test_a_waiter_who_gave_up_before_its_flush_is_not_stored(services: Services) -> None:
    leaving = asyncio.gather(submit(services, [said(services) for _ in range(3)]), return_exceptions=True)
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    stays = said(services)

    assert codes(await submit(services, [stays])) == [201]
    assert await services.read(ticket_ids) == [stays.id]
    assert services.intake.healthy


async def test_parallel_changes_of_one_row_lose_nothing(services: Services) -> None:
    item = said(services)
    await submit(services, [item])

    def read_modify_write(session: Session) -> int:
        ticket = session.get_one(Ticket, item.id, with_for_update=True, populate_existing=True)
        seen = ticket.delayed_seconds or 0
        session.execute(update(Ticket).where(Ticket.id == item.id).values(delayed_seconds=seen + 1))
        return seen

    seen = await asyncio.gather(*(services.write(read_modify_write) for _ in range(20)))
    stored = await services.read(lambda s: s.scalar(select(Ticket.delayed_seconds)))

    assert (sorted(seen), stored) == (list(range(20)), 20)


NAMES = ("a", "m", "z")


@on_postgresql
@pytest.mark.parametrize("what", ["keys", "expired keys", "external ids", "customers"])
async def test_two_flushers_that_need_the_same_rows_in_opposite_orders_wait_and_never_deadlock(
    services: Services, clock: TestClock, what: str
) -> None:
    """A third holds the middle row until both stand in line; in two orders, one would have to repeat."""

    def one(name: str) -> Any:
        if "keys" in what:
            return said(services, key=name, body="new")
        return said(services, **({"external_id": name} if "ids" in what else {"customer": {"ref": name}}))

    if what == "expired keys":
        await services.write(partial(commit, batch=[said(services, key=name, body="old") for name in NAMES]))
        clock.advance(days=366)
    attempts: list[int] = []

    def store(session: Session, *, batch: list[Any]) -> list[Any]:
        attempts.append(1)
        return commit(session, batch)

    engine = create_async_engine(str(services.settings.database_url))
    async with AsyncSession(engine) as holder, engine.connect() as watcher:
        await holder.run_sync(partial(commit, batch=[one("m")]))
        batches = [[one(name) for name in names] for names in (NAMES, NAMES[::-1])]
        both = [
            asyncio.ensure_future(services.write(partial(store, batch=batch), lane=Lane.INTAKE))
            for batch in batches
        ]
        blocked = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        while (await watcher.execute(blocked)).scalar_one() < len(both):
            assert not any(each.done() for each in both)
        await holder.rollback()
    done = await asyncio.wait_for(asyncio.gather(*both), 10)
    await engine.dispose()

    assert len(attempts) == 2
    assert {outcome.status for outcomes in done for outcome in outcomes} <= {200, 201}
