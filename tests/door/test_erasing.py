"""A person who asks to be forgotten is, everywhere; the ticket that nobody owns and its figures stay."""

from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient
from sqlalchemy import func, select

from app.desk import erasing
from app.models.customers import Customer, CustomerIdentity
from app.models.events import Event
from app.models.satisfaction import Score
from app.models.tickets import Message, Ticket
from app.services import Services
from tests.acts import act, clocks_of, events_of, read, stored
from tests.cast import Cast, complain
from tests.conftest import TestClock
from tests.door.test_track import say, track

ANA = {"ref": "C-1", "email": "Ana@Example.org", "phone": "+351912345678", "name": "Ana"}
FIGURES = (
    "response-times?clock=first_response&group_by=agent&group_by=channel&within=60",
    "response-times?clock=next_response&group_by=topic",
    "response-times?clock=resolution&group_by=source",
    "satisfaction?instrument=csat&group_by=agent",
    "satisfaction?instrument=nps",
    "volume?group_by=kind&group_by=product&interval=day",
)


async def find(admin: AsyncClient, **by: str) -> list[dict[str, Any]]:
    answer = await admin.get("/v1/customers", params=by)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


async def erase(cast: Cast, customer_id: str, *, status: int = 204) -> None:
    answer = await cast.admin.delete(f"/v1/customers/{customer_id}")
    assert answer.status_code == status, answer.text


async def owner_of(cast: Cast, receipt: dict[str, Any]) -> str:
    ticket = await read(cast.admin, f"/v1/tickets/{receipt['id']}")
    return str(ticket["customer"]["id"])


async def figures(admin: AsyncClient) -> list[Any]:
    return [await read(admin, f"/v1/metrics/{each}") for each in FIGURES]


async def count(services: Services, model: Any) -> int:
    query = select(func.count()).select_from(model)
    return await services.read(lambda session: session.scalars(query).one())


@pytest.fixture
async def told(cast: Cast, anyone: AsyncClient, clock: TestClock) -> dict[str, Any]:
    """The receipt of a long story between Ana and Alice."""
    receipt = await complain(
        cast.crm, "My lift is stuck.", subject="Lift", customer=ANA, topic="lifts", product="L-2",
        external_id="crm-1", page_url="https://example.org/ana", attributes={"street": "Rua 1"},
        scores=[{"instrument": "csat", "value": 2}],
    )  # fmt: skip
    clock.advance(minutes=3)
    await act(cast.alice, receipt["id"], "note", text="She called before.")
    await act(cast.alice, receipt["id"], "reply", text="Dear Ana!")
    clock.advance(minutes=1)
    await say(anyone, track(receipt), text="I am still waiting.", scores=[{"instrument": "nps", "value": 3}])
    clock.advance(minutes=7)
    await act(cast.alice, receipt["id"], "reply", text="We are there, Ana.")
    await act(cast.alice, receipt["id"], "resolve")
    score = {"kind": "score", "text": "Slow.", "scores": [{"instrument": "csat", "value": 1}]}
    for more in ({"ticket_id": receipt["id"]}, {"customer": {"ref": "C-1"}}):
        answer = await cast.crm.post("/v1/feedback", json=score | more)
        assert answer.status_code == 201, answer.text
    return receipt


@pytest.mark.parametrize(
    "by", [{"ref": "C-1"}, {"email": "ana@EXAMPLE.org"}, {"phone": "+351 912 345 678"}], ids=str
)
async def test_an_operator_finds_whom_to_erase(
    cast: Cast, told: dict[str, Any], clock: TestClock, by: dict[str, str]
) -> None:
    (found,) = await find(cast.admin, **by)

    assert found["id"] == await owner_of(cast, told)
    assert (found["name"], found["created_at"]) == ("Ana", "2026-03-02T09:00:00Z")
    assert found["identities"] == [
        {"kind": "email", "value": "ana@example.org"},
        {"kind": "phone", "value": "+351912345678"},
        {"kind": "ref", "value": "C-1"},
    ]
    assert await read(cast.admin, f"/v1/customers/{found['id']}") == found


async def test_whom_nobody_knows_is_not_found_and_whom_nobody_names_is_refused(cast: Cast) -> None:
    nobody = "0198c0de-0000-7000-8000-000000000001"
    unsaid = await cast.admin.get("/v1/customers")

    assert await find(cast.admin, email="eve@example.org") == []
    assert (await cast.admin.get(f"/v1/customers/{nobody}")).status_code == 404
    await erase(cast, nobody, status=404)
    assert (unsaid.status_code, unsaid.json()["errors"][0]["code"]) == (422, "says_nothing")


@pytest.mark.parametrize("query", ["email=ana", "phone=907060504", "ref=", "name=Ana"])
async def test_a_lookup_that_cannot_be_meant_is_refused_without_repeating_it(cast: Cast, query: str) -> None:
    answer = await cast.admin.get(f"/v1/customers?{query}")

    assert answer.status_code == 422
    said = query.split("=")[1]
    assert not said or said not in answer.text


async def test_nothing_of_a_person_is_left_but_the_anonymous_ticket(
    cast: Cast, told: dict[str, Any], services: Services, clock: TestClock
) -> None:
    customer_id = await owner_of(cast, told)
    before, clocks = await events_of(services, told["id"]), await clocks_of(services, told["id"])
    clock.advance(days=1)
    await erase(cast, customer_id)

    ticket = await read(cast.alice, f"/v1/tickets/{told['id']}")
    assert ticket["erased_at"] == "2026-03-03T09:11:00Z"
    assert {name: ticket[name] for name in ("subject", "text")} == {"subject": "", "text": ""}
    assert {ticket[name] for name in ("external_id", "attributes", "page_url")} == {None}
    assert ticket["customer"] == {"id": None, "name": None, "claimed": None}
    assert (ticket["status"], ticket["topic"], ticket["product"]) == ("resolved", "lifts", "L-2")
    row = await stored(services, told["id"])
    assert (row.search_text, row.token_version, row.version) == ("", 2, len(before) + 1)
    for model in (Customer, CustomerIdentity, Message):
        assert await count(services, model) == 0
    query = select(Score.comment, Score.customer_id).distinct()
    assert await services.read(lambda session: [tuple(row) for row in session.execute(query)]) == [
        (None, None)
    ]
    assert await count(services, Score) == 4
    assert await clocks_of(services, told["id"]) == clocks
    timeline = (await read(cast.alice, f"/v1/tickets/{told['id']}/timeline"))["data"]
    assert {each["text"] for each in timeline} == {None, ""}
    assert timeline[-1]["type"] == "ticket.erased"


async def test_figures_before_are_figures_after(cast: Cast, told: dict[str, Any]) -> None:
    before = await figures(cast.admin)
    await erase(cast, await owner_of(cast, told))

    assert await figures(cast.admin) == before
    assert [each["total"]["n"] for each in before] == [1, 1, 1, 3, 1, 4]


async def test_an_erasure_leaves_an_event_that_names_nobody(
    cast: Cast, told: dict[str, Any], services: Services, clock: TestClock
) -> None:
    customer_id = await owner_of(cast, told)
    await erase(cast, customer_id)

    (happened,) = await events_of(services, customer_id)
    assert (happened.subject_type, happened.type, happened.data) == ("customer", "customer.erased", {})
    last = (await events_of(services, told["id"]))[-1]
    assert (last.type, last.data) == ("ticket.erased", {"status": "resolved", "part": "all"})


async def test_the_customers_link_ends_and_no_search_finds_the_words(
    cast: Cast, anyone: AsyncClient, told: dict[str, Any]
) -> None:
    assert (await anyone.get(track(told))).status_code == 200
    (found,) = (await read(cast.admin, "/v1/tickets?q=stuck"))["data"]
    await erase(cast, found["customer"]["id"])

    assert (await anyone.get(track(told))).status_code == 404
    assert (await anyone.post(f"{track(told)}/messages", json={"text": "Hello?"})).status_code == 404
    assert (await read(cast.admin, "/v1/tickets?q=stuck"))["data"] == []
    assert len((await read(cast.admin, "/v1/tickets"))["data"]) == 1


async def test_who_edits_what_they_read_before_is_told_that_it_is_stale(
    cast: Cast, told: dict[str, Any]
) -> None:
    url = f"/v1/tickets/{told['id']}"
    etag = (await cast.alice.get(url)).headers["etag"]
    await erase(cast, await owner_of(cast, told))

    answer = await cast.alice.patch(url, json={"subject": "Ana's lift"}, headers={"if-match": etag})
    assert answer.status_code == 412


async def test_a_replayed_key_or_a_submission_sent_again_brings_nobody_back(
    cast: Cast, anyone: AsyncClient, services: Services
) -> None:
    body = {"kind": "complaint", "text": "Stuck.", "customer": ANA, "source": "crm", "external_id": "crm-1"}
    headers = {"idempotency-key": "k-1"}
    first = (await cast.crm.post("/v1/feedback", json=body, headers=headers)).json()
    said = {"text": "Ana, it works."}
    reply = f"/v1/tickets/{first['id']}/reply"
    await cast.alice.post(reply, json=said, headers=headers)
    await erase(cast, await owner_of(cast, first))

    replayed = await cast.crm.post("/v1/feedback", json=body, headers=headers)
    again = await cast.crm.post("/v1/feedback", json=body)
    replied = await cast.alice.post(reply, json=said, headers=headers)

    assert (replayed.status_code, replayed.json()) == (201, first)
    assert (again.status_code, again.json()) == (200, first | {"duplicate": True})
    assert (await anyone.get(first["ticket"]["status_url"])).status_code == 404
    assert replied.headers["idempotency-replayed"] == "true"
    assert (replied.json()["text"], replied.json()["customer"]["id"]) == ("", None)
    assert await count(services, Customer) == await count(services, Message) == 0
    assert await count(services, Ticket) == 1


async def test_twice_is_not_found_and_the_next_word_makes_a_new_customer(
    cast: Cast, told: dict[str, Any]
) -> None:
    customer_id = await owner_of(cast, told)
    await erase(cast, customer_id)
    await erase(cast, customer_id, status=404)
    anew = await complain(cast.crm, customer=ANA)

    assert await owner_of(cast, anew) not in {customer_id, "None"}
    assert (await read(cast.admin, f"/v1/tickets/{anew['id']}"))["text"] == "The lift is stuck."


async def test_what_others_claimed_in_this_persons_name_goes_and_only_that(
    cast: Cast, told: dict[str, Any], services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "CLAIMS", 2)
    claims: list[dict[str, str]] = [
        {"email": "ANA@example.org", "name": "Ana"}, {"email": "eve@example.org"}, {"name": "Ana"},
        {"phone": "+351 912345678", "email": "eve@example.org"}, {"phone": "+351912345679"},
    ]  # fmt: skip
    told_by = [await complain(cast.visitor, customer=each) for each in claims]
    await erase(cast, await owner_of(cast, told))

    left = [await read(cast.admin, f"/v1/tickets/{each['id']}") for each in told_by]
    assert [each["customer"]["claimed"] for each in left] == [
        None, claims[1], claims[2], None, {"phone": "+351912345679"},
    ]  # fmt: skip
    assert {each["text"] for each in left} == {"The lift is stuck."}
    assert [each["version"] for each in left] == [2, 1, 1, 2, 1]
    last = (await events_of(services, told_by[0]["id"]))[-1]
    assert (last.type, last.data) == ("ticket.erased", {"status": "new", "part": "claim"})


async def test_other_people_stay_as_they_are(cast: Cast, told: dict[str, Any], services: Services) -> None:
    eve = await complain(cast.crm, "Eve's words.", customer={"ref": "C-2", "email": "eve@example.org"})
    before = await read(cast.admin, f"/v1/tickets/{eve['id']}")
    await erase(cast, await owner_of(cast, told))

    assert await read(cast.admin, f"/v1/tickets/{eve['id']}") == before
    assert len(await find(cast.admin, ref="C-2")) == 1


async def test_a_person_of_many_words_goes_piece_by_piece_and_after_an_interruption_the_rest(
    cast: Cast, services: Services, monkeypatch: pytest.MonkeyPatch, clock: TestClock
) -> None:
    monkeypatch.setattr(erasing, "PIECE", 3)
    monkeypatch.setattr(erasing, "SCORES", 2)
    receipts = [await complain(cast.crm, customer={"ref": "C-1"}) for _ in range(7)]
    for _ in range(5):
        score = {"kind": "score", "scores": [{"instrument": "csat", "value": 1}], "customer": {"ref": "C-1"}}
        await cast.crm.post("/v1/feedback", json=score | {"text": "Slow."})
    customer_id = await owner_of(cast, receipts[0])

    def one_piece(session: Any) -> bool:
        return erasing.erase_piece(session, UUID(customer_id), by=None, now=clock())

    assert not await services.write(one_piece)
    erased = select(func.count()).select_from(Ticket).where(Ticket.erased_at.is_not(None))
    assert await services.read(lambda session: session.scalars(erased).one()) == 3
    await erase(cast, customer_id)

    assert await services.read(lambda session: session.scalars(erased).one()) == 7
    assert await find(cast.admin, ref="C-1") == []
    happened = select(func.count()).select_from(Event).where(Event.type == "ticket.erased")
    assert await services.read(lambda session: session.scalars(happened).one()) == 7
    comments = select(func.count(Score.comment), func.count(Score.customer_id))
    assert await services.read(lambda session: tuple(session.execute(comments).one())) == (0, 0)


async def test_only_an_admin_finds_and_erases(cast: Cast, told: dict[str, Any]) -> None:
    customer_id = await owner_of(cast, told)
    for caller in (cast.alice, cast.crm, cast.visitor):
        assert (await caller.get("/v1/customers?ref=C-1")).status_code == 403
        assert (await caller.delete(f"/v1/customers/{customer_id}")).status_code == 403
    assert len(await find(cast.admin, ref="C-1")) == 1


async def test_what_an_unknown_visitor_wrote_is_erased_by_its_ticket(
    cast: Cast, anyone: AsyncClient, services: Services
) -> None:
    zoe = {"name": "Zoe", "email": "zoe@example.org"}
    receipt = await complain(
        cast.visitor, "I am Zoe.", customer=zoe, scores=[{"instrument": "csat", "value": 1}]
    )
    before = await figures(cast.admin)

    erased = await cast.admin.post(f"/v1/tickets/{receipt['id']}/erase")

    ticket = await stored(services, receipt["id"])
    assert (erased.status_code, ticket.text, ticket.claimed) == (204, "", None)
    assert (await anyone.get(track(receipt))).status_code == 404
    assert await figures(cast.admin) == before


async def test_only_an_admin_erases_a_ticket_and_one_that_is_not_there_is_not_found(cast: Cast) -> None:
    receipt = await complain(cast.crm, "x")

    assert (await cast.alice.post(f"/v1/tickets/{receipt['id']}/erase")).status_code == 403
    assert (await cast.admin.post(f"/v1/tickets/{UUID(int=0)}/erase")).status_code == 404
