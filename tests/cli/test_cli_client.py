"""How the command line finds the server, how patient it is, and how it says what went wrong."""

from pathlib import Path

import httpx
import pytest

from app.cli.client import Api, connect
from app.cli.exits import CommandError
from tests.cli.fake import FakeServer

BUSY = {"Retry-After": "7"}


def problem(status: int, headers: dict[str, str] | None = None, **body: object) -> httpx.Response:
    return httpx.Response(status, json=body, headers=headers)


def refusal(call: str) -> CommandError:
    with pytest.raises(CommandError) as refused, connect() as api:
        ask(api, call)
    return refused.value


def ask(api: Api, call: str) -> object:
    match call:
        case "get":
            return api.get("/v1/teams")
        case "post":
            return api.post("/v1/teams", {"name": "Billing"})
        case _:
            return api.post_lines("/v1/tickets/import", b"{}\n", import_id="x")


def test_the_server_is_on_this_machine_unless_said(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value, url in [
        ("HEARD_WORKER", "", "http://127.0.0.1:8000/v1/teams"),
        ("HEARD_PORT", "8123", "http://127.0.0.1:8123/v1/teams"),
        ("HEARD_URL", "https://heard.example.org/", "https://heard.example.org/v1/teams"),
    ]:
        monkeypatch.setenv(name, value)
        with connect() as api:
            assert api.get("/v1/teams") is None
        assert str(server.requests[-1].url) == url


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://example.org", "https://", "http://a:b", "nonsense"])
def test_an_address_that_is_none_is_refused(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("HEARD_URL", url)
    assert refusal("get").code == 2
    assert server.requests == []


def test_the_key_is_the_first_admin_key_unless_said(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with connect() as api:
        api.get("/v1/teams")
    assert server.requests[-1].headers["Authorization"] == "Bearer heard_sk_made_up"

    monkeypatch.delenv("HEARD_KEY")
    monkeypatch.setenv("HEARD_DATA_DIR", str(tmp_path))
    (tmp_path / "admin.key").write_text("heard_sk_first\n", encoding="utf-8")
    with connect() as api:
        api.get("/v1/teams")
    assert server.requests[-1].headers["Authorization"] == "Bearer heard_sk_first"


@pytest.mark.parametrize(
    ("key", "words"),
    [(None, "no key: set HEARD_KEY"), (b"", "not one of ours"), (b"a\nb", "not one of ours")],
)
def test_without_a_key_nothing_is_asked(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: bytes | None, words: str
) -> None:
    monkeypatch.delenv("HEARD_KEY")
    if key is not None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data/admin.key").write_bytes(key)
    refused = refusal("get")
    assert (refused.code, server.requests) == (2, [])
    assert words in str(refused)


@pytest.mark.parametrize("call", ["get", "post", "lines"])
def test_a_busy_server_is_asked_again(server: FakeServer, call: str) -> None:
    server.queued = [
        problem(429, BUSY),
        problem(503),
        httpx.ConnectError("refused"),
        httpx.Response(200, json=[1]),
    ]
    with connect() as api:
        assert ask(api, call) == [1]
    assert server.waits == [7.0, 1.0, 2.0]
    assert len({(request.method, request.content) for request in server.requests}) == 1


@pytest.mark.parametrize(
    ("call", "times"),
    [pytest.param("get", 6, id="read"), pytest.param("post", 1, id="made perhaps"), ("lines", 6)],
)
def test_a_lost_answer_is_asked_for_again_only_where_it_is_safe(
    server: FakeServer, call: str, times: int
) -> None:
    server.queued = [httpx.ReadTimeout("") for _ in range(6)]
    assert str(refusal(call)) == "no answer from http://127.0.0.1:8000: ReadTimeout"
    assert len(server.requests) == times


@pytest.mark.parametrize(("call", "times"), [("post", 1), ("lines", 2)])
def test_an_unknown_outcome_is_tried_again_only_where_it_is_safe(
    server: FakeServer, call: str, times: int
) -> None:
    server.queued = [problem(503, code="outcome_unknown"), problem(400, code="bad_request")]
    refusal(call)
    assert len(server.requests) == times


def test_patience_ends(server: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.handler = lambda _: problem(503, code="overloaded", detail="Too much is waiting")
    assert str(refusal("get")) == "503 overloaded: Too much is waiting"
    assert server.waits == [0.5, 1.0, 2.0, 4.0, 8.0]
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "heard: the server is not ready; trying again in 0.5 s"
    assert len(said) == 5


@pytest.mark.parametrize(
    ("headers", "waits"),
    [
        pytest.param({"Retry-After": "3"}, [3.0], id="seconds"),
        pytest.param(
            {"Retry-After": "Sun, 22 Nov 2026 10:01:00 GMT", "Date": "Sun, 22 Nov 2026 10:00:30 GMT"},
            [30.0],
            id="a date, by the server's clock",
        ),
        pytest.param({"Retry-After": "Sun, 22 Nov 2026 10:01:00 GMT"}, [0.5], id="a date without a clock"),
        pytest.param({"Retry-After": "soon"}, [0.5], id="nonsense"),
        pytest.param({"Retry-After": "86400"}, [], id="tomorrow"),
    ],
)
def test_the_server_says_how_long_to_wait(
    server: FakeServer, headers: dict[str, str], waits: list[float]
) -> None:
    server.queued = [problem(429, headers)]
    server.handler = lambda _: problem(400)
    refusal("get")
    assert server.waits == waits


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (
            problem(
                422,
                code="validation",
                detail="The content is not valid",
                errors=[{"pointer": "/name", "code": "too_long", "detail": "is too long"}, {"pointer": "/x"}],
                request_id="r-1",
            ),
            "422 validation: The content is not valid (/name too_long is too long; /x) [request r-1]",
        ),
        (problem(403, title="This key may not do that"), "403 This key may not do that"),
        (problem(400, detail="one\ntwo \x1b[31mred"), "400 one two [31mred"),
        (httpx.Response(502, text="<html>"), "502 Bad Gateway"),
        (httpx.Response(308, headers={"Location": "https://example.org/"}), "308 Permanent Redirect"),
        (httpx.Response(500, json=["?"]), "500 Internal Server Error"),
        (
            httpx.Response(200, text="<html>"),
            "the answer from http://127.0.0.1:8000 is not JSON; is it a Heard server?",
        ),
    ],
)
def test_a_problem_is_one_readable_line(server: FakeServer, answer: httpx.Response, line: str) -> None:
    server.queued = [answer]
    refused = refusal("get")
    assert (str(refused), refused.code) == (line, 1)
