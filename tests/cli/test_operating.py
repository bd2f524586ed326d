"""`heard jobs · customer`: each command is a request or a few, said back in words."""

import json

import httpx
import pytest

from app.cli import operating
from tests.cli.fake import FakeServer, run


def test_jobs_are_listed_to_the_last_page(server: FakeServer) -> None:
    pages = [{"data": [{"key": "a"}], "next_cursor": "xyz"}, {"data": [{"key": "b"}], "next_cursor": None}]
    server.queued = [httpx.Response(200, json=page) for page in pages]

    done = run(operating.jobs, "list", "--state", "dead", "--json")

    assert json.loads(done.stdout) == [{"key": "a"}, {"key": "b"}]
    assert [str(request.url.query, "ascii") for request in server.requests] == [
        "limit=100&state=dead",
        "limit=100&state=dead&cursor=xyz",
    ]


def test_a_list_of_jobs_is_a_table(server: FakeServer) -> None:
    job = {
        "id": "j-1",
        "kind": "closing",
        "key": "all",
        "state": "dead",
        "attempts": 12,
        "error": "ValueError",
    }
    server.handler = lambda _: httpx.Response(200, json={"data": [job], "next_cursor": None})

    heading, row = run(operating.jobs, "list").stdout.splitlines()

    assert heading.split() == ["id", "kind", "key", "state", "due_at", "attempts", "error"]
    assert row.split() == ["j-1", "closing", "all", "dead", "12", "ValueError"]


def test_a_job_is_replayed(server: FakeServer) -> None:
    server.handler = lambda _: httpx.Response(200, json={"id": "j-1"})

    done = run(operating.jobs, "replay", "j/1")

    assert (done.exit_code, done.stdout) == (0, "job j/1 will run again\n")
    (request,) = server.requests
    assert (request.method, request.url.raw_path) == ("POST", b"/v1/jobs/j%2F1/replay")


def test_a_customer_is_found_by_what_we_know_them_by(server: FakeServer) -> None:
    ana = {"id": "c-1", "name": "Ana", "identities": [{"kind": "phone", "value": "+351912345678"}]}
    server.handler = lambda _: httpx.Response(200, json={"data": [ana]})

    table = run(operating.customers, "find", "--phone", "+351912345678", "--email", "ana@example.org")

    assert "c-1" in table.stdout
    assert "+351912345678" in table.stdout
    (request,) = server.requests
    assert dict(request.url.params) == {"phone": "+351912345678", "email": "ana@example.org"}


@pytest.mark.parametrize(("answer", "erased"), [("y\n", True), ("n\n", False), ("", False)])
def test_a_customer_is_erased_only_on_a_yes(server: FakeServer, answer: str, *, erased: bool) -> None:
    done = run(operating.customers, "erase", "c-1", said=answer)

    assert (done.exit_code == 0) == erased
    assert [(each.method, each.url.path) for each in server.requests] == [
        ("DELETE", "/v1/customers/c-1")
    ] * erased


def test_a_script_says_yes_beforehand(server: FakeServer) -> None:
    done = run(operating.customers, "erase", "c-1", "--yes")

    assert (done.exit_code, done.stdout) == (
        0,
        "customer c-1 is erased; backups taken before still hold them\n",
    )
