"""Whatever is said is kept to the letter and never interpreted: by a database, a template or a sheet."""

import csv
import io

import pytest

from tests import databases
from tests.acts import act, read
from tests.cast import Cast, complain, create

pytestmark = pytest.mark.parametrize("kind", databases.EACH, indirect=True, scope="session")
HOSTILE = {
    "SQL": "'; DROP TABLE tickets; --",
    "SQL, the other quotes": '" OR "1"="1',
    "a bind parameter": ":text %(text)s $1 ? {text}",
    "HTML": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "an entity": "&lt;b&gt; &amp; &#x202e; &nbsp;",
    "a template": "{{7*7}} ${7*7} #{7*7} <%= 7*7 %> {% raw %}",
    "a format string": "%s %n %x %1$s {0} {0.__class__}",
    "a look-up": "${jndi:ldap://x.example/a}",
    "a shell": "$(id) `id` | id; id && id\\",
    "a path": "../../../../etc/passwd \\\\host\\share",
    "ANSI": "\x1b[31mred\x1b[0m\x1b]0;title\x07",
    "control characters": "\x01\x02\x08\x0b\x0c\x0e\x1f\x7f\x80\x9f",
    "line ends": "a\r\nb\rc\nd\u2028e\u2029f\x85g",
    "a header": "x\r\nSet-Cookie: a=b\r\n\r\n<html>",
    "bidi": "\u202eevil\u202c \u2066x\u2069 \u200fy",
    "zero width": "a\u200b\u200c\u200d\u2060\ufeffb",
    "emoji": "👩‍👩‍👧‍👦 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🇵🇹 💩",
    "marks": "Z\u0351\u036b\u0343a\u0363l\u0368g\u034co\u0308" + "\u0301" * 50,
    "right to left": "שלום العربية فارسی",
    "four bytes": "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 \U0010fffd \U00020000",
    "no character": "\ufffe\uffff\ufdd0\U0001fffe",
    "private use": "\ue000\uf8ff\U000f0000",
    "composed": "é ﬁ Å ½",
    "the same, apart": "e\u0301 fi A\u030a 1\u20442",
    "case": "İ ı ß ẞ ŉ ǰ Σς",
    "blanks at its ends": "\u3000 \u00a0x\u00a0 \u3000",
    "a formula": "=cmd|' /C calc'!A0",
    "JSON": '{"a": "\\u0000", "b": [1e999]}',
    "a backslash": "\\u0041 \\x41 \\n \\\\",
    "percent": "100% _ % %00 %2e",
}
FORMULAS = ("=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "＝1", '=1,"b"')


async def _feedback(cast: Cast, text: str) -> tuple[str, str]:
    said = {
        "text": text, "subject": text, "topic": text, "product": text, "page_url": text,
        "attributes": {text[:64]: text, "x": text}, "external_id": text,
        "customer": {"name": text, "ref": text},
    }  # fmt: skip
    answer = await cast.crm.post("/v1/feedback", json={"kind": "question", **said})
    assert answer.status_code == 201, answer.text
    kept = await read(cast.admin, f"/v1/tickets/{answer.json()['id']}")
    found = {name: kept[name] for name in said if name != "customer"} | {"customer": kept["customer"]["name"]}
    assert found == {**said, "customer": text}
    return answer.json()["id"], answer.json()["ticket"]["tracking_token"]


@pytest.mark.parametrize("what", HOSTILE)
async def test_every_word_of_a_ticket_is_kept_to_the_letter(cast: Cast, what: str) -> None:
    text = HOSTILE[what]
    ticket_id, token = await _feedback(cast, text)
    agent = {"agent_id": cast.ids["alice"]}
    await act(cast.admin, ticket_id, "note", text=text, **agent)
    await act(cast.admin, ticket_id, "reply", text=text, **agent)
    said = await cast.visitor.post(f"/v1/track/{token}/messages", json={"text": text})
    edited = await cast.admin.patch(
        f"/v1/tickets/{ticket_id}", json={"subject": text + "2", "topic": text}, headers={"if-match": "*"}
    )
    timeline = await read(cast.admin, f"/v1/tickets/{ticket_id}/timeline")

    assert said.status_code == 201, said.text
    assert (edited.json()["subject"], edited.json()["topic"]) == (text + "2", text)
    assert [entry["text"] for entry in timeline["data"] if entry["text"]] == [text] * 4
    tracked = await read(cast.visitor, f"/v1/track/{token}")
    assert {message["text"] for message in tracked["messages"]} == {text}


@pytest.mark.parametrize("what", HOSTILE)
async def test_every_name_is_kept_to_the_letter(cast: Cast, what: str) -> None:
    text = HOSTILE[what][:200]
    made = {
        "teams": await create(cast.admin, "teams", name=text),
        "agents": await create(cast.admin, "agents", name=text, skills={text[:40]: 3}),
        "sites": await create(cast.admin, "sites", name=text, theme={text[:40]: text}),
        "sources": await create(cast.admin, "sources", name=text),
        "keys": await create(cast.admin, "keys", name=text, scopes=["tickets:read"], sources=[text]),
        "instruments": await create(cast.admin, "instruments", name="x", low=1, high=2, question=text),
    }
    for kind, answer in made.items():
        (listed,) = [
            each for each in (await read(cast.admin, f"/v1/{kind}"))["data"] if each["id"] == answer["id"]
        ]
        assert listed["question" if kind == "instruments" else "name"] == text
    assert made["agents"]["skills"] == {text[:40]: 3}
    assert made["sites"]["theme"] == {text[:40]: text}
    by_name = await cast.admin.get("/v1/tickets", params={"team": text, "assignee": text})
    assert by_name.status_code in {200, 422}, by_name.text


async def test_twins_that_only_look_alike_are_two(cast: Cast) -> None:
    """Nothing is normalised: who is called é and who is called e with an accent are different names."""
    twins = (HOSTILE["composed"], HOSTILE["the same, apart"])
    made = [await create(cast.admin, "sources", name=name) for name in twins]

    assert made[0]["id"] != made[1]["id"]
    assert [each["name"] for each in made] == list(twins)


SEARCHED = (
    "100%",
    "a_b",
    "a%b",
    "o'clock",
    'say "so"',
    "back\\slash",
    "*",
    "NEAR(a b)",
    "a OR b",
    "[a-z]",
    "x:y",
    "-",
)


@pytest.mark.parametrize("searched", SEARCHED)
async def test_a_search_means_what_it_says(cast: Cast, searched: str) -> None:
    every = (*SEARCHED, "100 percent", "axb", "anything")
    for text in every:
        await complain(cast.crm, f"«{text}»")
    found = await cast.admin.get("/v1/tickets", params={"q": searched, "limit": 100})

    assert found.status_code == 200
    tickets = [await read(cast.admin, f"/v1/tickets/{each['id']}") for each in found.json()["data"]]
    assert {ticket["text"] for ticket in tickets} == {
        f"«{text}»" for text in every if searched.casefold() in text.casefold()
    }


async def test_nothing_said_runs_in_a_sheet(cast: Cast) -> None:
    for text in FORMULAS:
        await complain(cast.crm, "x", subject=text, topic=text, product=text, customer={"name": text})
    answer = await cast.admin.get("/v1/tickets", params={"format": "csv", "limit": 100})
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))

    assert {row["subject"] for row in rows} == {f"'{text}" for text in FORMULAS}
    for row in rows:
        assert not [cell for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝"))]


@pytest.mark.parametrize("what", HOSTILE)
async def test_history_is_kept_to_the_letter(cast: Cast, what: str) -> None:
    text = HOSTILE[what][:200]
    line = {
        "source": text, "external_id": text, "kind": "question", "occurred_at": "2023-01-02T00:00:00Z",
        "subject": text, "text": text, "topic": text, "product": text, "team": text, "agent": text,
        "customer": {"name": text, "ref": text},
        "events": [{"type": "replied", "at": "2023-01-02T00:00:01Z", "text": text, "agent": text}],
    }  # fmt: skip
    loaded = await cast.admin.post("/v1/tickets/import", json=[line])
    assert loaded.json()["accepted"] == 1, loaded.text
    ticket = await read(cast.admin, f"/v1/tickets/{loaded.json()['results'][0]['id']}")
    again = await cast.admin.post("/v1/tickets/import", json=[line])

    assert {ticket[name] for name in ("subject", "text", "topic", "product", "external_id")} == {text}
    assert (ticket["team"]["name"], ticket["customer"]["name"]) == (text, text)
    assert again.json()["unchanged"] == 1
