"""What others said with a score on somebody's ticket may name that person, so it goes with the ticket."""

import pytest
from sqlalchemy import select

from app.models.satisfaction import Score
from app.services import Services
from tests.cast import Cast, complain
from tests.door.test_erasing import find


@pytest.mark.parametrize("whole", ["person", "ticket"])
async def test_what_another_said_with_a_score_on_an_erased_ticket_goes_and_their_other_words_stay(
    cast: Cast, services: Services, whole: str
) -> None:
    receipt = await complain(cast.crm, customer={"ref": "C-1"})
    (ana,) = await find(cast.admin, ref="C-1")
    for value, said in ((1, {"text": "Ana waits.", "ticket_id": receipt["id"]}), (5, {"text": "Fine."})):
        score = {"kind": "score", "scores": [{"instrument": "csat", "value": value}]}
        answer = await cast.crm.post("/v1/feedback", json=score | {"customer": {"ref": "C-2"}} | said)
        assert answer.status_code == 201, answer.text

    if whole == "person":
        erased = await cast.admin.delete(f"/v1/customers/{ana['id']}")
    else:
        erased = await cast.admin.post(f"/v1/tickets/{receipt['id']}/erase")

    assert erased.status_code == 204, erased.text
    (other,) = await find(cast.admin, ref="C-2")
    query = select(Score).order_by(Score.value)
    scores = await services.read(lambda session: list(session.scalars(query)))
    assert [(each.value, each.comment, str(each.customer_id)) for each in scores] == [
        (1, None, "None"),
        (5, "Fine.", other["id"]),
    ]
