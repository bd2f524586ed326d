"""A person is erased in the very moment they speak: their words are kept or go, and nothing is in between."""

import asyncio
import threading
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import Engine, event, func, select
from sqlalchemy.util import await_only

from app.desk import erasing
from app.models.customers import Customer, CustomerIdentity
from app.models.tickets import Ticket
from app.services import Services
from app.settings import Settings
from tests.acts import read
from tests.cast import Cast, complain
from tests.door.test_erasing import find
from tests.door.test_history import LINE, post
from tests.store.test_database import on_postgresql

ANA = {"ref": "C-1", "email": "ana@example.org"}


async def test_words_that_come_while_their_speaker_is_erased_are_stored_and_belong_to_somebody(
    cast: Cast, services: Services
) -> None:
    for round_ in range(6):
        await complain(cast.crm, customer=ANA)
        (ana,) = await find(cast.admin, ref="C-1")
        words = (complain(cast.crm, f"Word {round_}.{place}.", customer=ANA) for place in range(3))
        receipts, erased = await asyncio.gather(
            asyncio.gather(*words), cast.admin.delete(f"/v1/customers/{ana['id']}")
        )

        assert erased.status_code == 204
        for receipt in receipts:
            ticket = await read(cast.admin, f"/v1/tickets/{receipt['id']}")
            owner = ticket["customer"]["id"]
            assert (owner is None) == (ticket["text"] == "") == (ticket["erased_at"] is not None)
            assert owner != ana["id"]

    lost = select(func.count()).select_from(CustomerIdentity).outerjoin(Customer).where(Customer.id.is_(None))
    assert await services.read(lambda session: session.scalars(lost).one()) == 0


async def test_two_who_erase_the_same_person_at_once_do_it_once(cast: Cast, services: Services) -> None:
    for _ in range(5):
        await complain(cast.crm, customer=ANA)
    (ana,) = await find(cast.admin, ref="C-1")

    answers = await asyncio.gather(*(cast.admin.delete(f"/v1/customers/{ana['id']}") for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [204, 404, 404, 404]
    query = select(func.count()).select_from(Ticket).where(Ticket.erased_at.is_not(None), Ticket.version == 2)
    assert await services.read(lambda session: session.scalars(query).one()) == 5


@on_postgresql
async def test_a_word_after_the_last_look_waits_for_the_erasure_and_makes_a_new_customer(
    cast: Cast, services: Services
) -> None:
    """Without that wait the word would lose its owner with her, and no erasure would ever find it."""
    await complain(cast.crm, customer=ANA)
    (ana,) = await find(cast.admin, ref="C-1")
    speaking: list[asyncio.Task[dict[str, Any]]] = []

    def speak(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("DELETE FROM customer_identities") and not speaking:
            speaking.append(asyncio.ensure_future(complain(cast.crm, "It is Ana.", customer=ANA)))
            await_only(asyncio.wait(speaking, timeout=0.5))

    event.listen(Engine, "before_cursor_execute", speak)
    try:
        erased = await cast.admin.delete(f"/v1/customers/{ana['id']}")
    finally:
        event.remove(Engine, "before_cursor_execute", speak)

    assert erased.status_code == 204
    ticket = await read(cast.admin, f"/v1/tickets/{(await speaking[0])['id']}")
    (anew,) = await find(cast.admin, ref="C-1")
    assert (ticket["text"], ticket["customer"]["id"]) == ("It is Ana.", anew["id"])
    assert anew["id"] != ana["id"]


@on_postgresql
@pytest.mark.parametrize("door", ["feedback", "strict batch", "import"])
async def test_an_erasure_between_two_statements_of_a_submission_makes_a_new_customer(
    cast: Cast, services: Services, door: str
) -> None:
    """The submission has just learnt whose it is when that customer goes away."""
    await complain(cast.crm, customer=ANA)
    (ana,) = await find(cast.admin, ref="C-1")
    settings: Settings = services.settings
    other: Any = await asyncpg.connect(str(settings.database_url).replace("+asyncpg", ""))
    erased: list[str] = []

    def erase(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("INSERT INTO tickets") and not erased:
            erased.append(await_only(other.execute("DELETE FROM customers")))

    said = {"kind": "complaint", "text": "Again.", "customer": ANA}
    event.listen(Engine, "before_cursor_execute", erase)
    try:
        if door == "feedback":
            assert (await cast.crm.post("/v1/feedback", json=said)).status_code == 201
        elif door == "strict batch":
            headers = {"prefer": "handling=strict"}
            answer = await cast.crm.post("/v1/feedback/batch", json=[said], headers=headers)
            assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
        else:
            assert (await post(cast.admin, LINE | {"customer": ANA}))["accepted"] == 1
    finally:
        event.remove(Engine, "before_cursor_execute", erase)
        await other.close()

    assert erased == ["DELETE 1"]
    (anew,) = await find(cast.admin, ref="C-1")
    assert anew["id"] != ana["id"]
    erase_her = partial(erasing.erase_piece, customer_id=UUID(anew["id"]), by=None, now=services.clock())
    assert await services.write(erase_her)


async def test_a_claim_that_comes_while_the_others_are_erased_goes_too(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A visitor names Ana after the search for such claims, and before her record goes."""
    await complain(cast.crm, customer=ANA)
    (ana,) = await find(cast.admin, ref="C-1")
    erase_piece, searched, spoken = erasing.erase_piece, threading.Event(), threading.Event()

    def once_spoken(*given: Any, **named: Any) -> bool:
        searched.set()
        return spoken.is_set() and erase_piece(*given, **named)

    monkeypatch.setattr(erasing, "erase_piece", once_spoken)
    deleting = asyncio.create_task(cast.admin.delete(f"/v1/customers/{ana['id']}"))
    await asyncio.to_thread(searched.wait)
    receipt = await complain(cast.visitor, customer={"email": ANA["email"]})
    spoken.set()

    assert (await deleting).status_code == 204
    ticket = await read(cast.admin, f"/v1/tickets/{receipt['id']}")
    assert ticket["customer"]["claimed"] is None
