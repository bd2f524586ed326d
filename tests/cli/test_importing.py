"""`heard import`: chunks, one id for all, bad rows by their line, and a summary that can be acted on."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli import loading
from app.cli.convert import Line
from app.cli.importing import commands
from app.cli.loading import MOST_BYTES, MOST_LINES, chunks
from tests.cli.fake import FakeServer, run

MAPPING = """
[file]
format = "csv"
source = "legacy"
[columns]
external_id = "id"
kind = { default = "comment" }
occurred_at = "at"
text = "text"
"""
SCORES = """
[file]
format = "csv"
source = "legacy"
[columns]
external_id = "id"
occurred_at = "at"
[[scores]]
instrument = "csat"
value = "text"
"""
IMPORT_ID = "0b7b0c0e-2f9d-4f43-9f1e-0d8a5d0c7a11"


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "mapping.toml"
    path.write_text(MAPPING, encoding="utf-8")
    return path


def export(folder: Path, *rows: str) -> Path:
    path = folder / "export.csv"
    path.write_text("\n".join(["id,at,text", *rows]), encoding="utf-8")
    return path


def sent(request: httpx.Request) -> list[dict[str, Any]]:
    return [json.loads(line) for line in request.content.splitlines()]


def by_id(request: httpx.Request) -> httpx.Response:
    """Answer as the server would: what begins with `old` is known, what begins with `bad` is refused."""
    results = [{"index": index, **fate(line["external_id"])} for index, line in enumerate(sent(request))]
    return httpx.Response(200, json={"import_id": request.url.params["import_id"], "results": results[::-1]})


def fate(external_id: str) -> dict[str, Any]:
    if external_id.startswith("bad"):
        flaw = {"pointer": "/text", "code": "too_long", "detail": "is too long"}
        return {"status": 422, "problem": {"code": "validation", "detail": "Not valid", "errors": [flaw]}}
    if external_id.startswith("other"):
        return {"status": 409}
    return {"status": 200 if external_id.startswith("old") else 201}


def test_everything_is_loaded_under_one_id(server: FakeServer, mapping: Path, tmp_path: Path) -> None:
    server.handler = by_id
    rows = [f"{number},2026-01-02 03:04,hello" for number in range(1201)]

    done = run(commands, "tickets", export(tmp_path, *rows), "--mapping", mapping)

    assert (done.exit_code, done.stderr) == (0, "")
    counts, import_id, undo = done.stdout.splitlines()
    assert counts == "accepted 1201, unchanged 0, rejected 0"
    assert undo == f"to undo: heard import undo {UUID(import_id.removeprefix('import id '))}"
    assert [len(sent(request)) for request in server.requests] == [500, 500, 201]
    assert {(request.method, request.url.path) for request in server.requests} == {
        ("POST", "/v1/tickets/import")
    }
    assert {request.headers["Content-Type"] for request in server.requests} == {"application/x-ndjson"}
    assert {request.url.params["import_id"] for request in server.requests} == {import_id.split()[-1]}


def test_bad_rows_are_named_and_the_rest_is_loaded(server: FakeServer, mapping: Path, tmp_path: Path) -> None:
    server.handler = by_id
    path = export(
        tmp_path, "1,2026-01-02 03:04,[bold]hi", "2,yesterday,secret", "", "bad,2026-01-02 03:04,x",
        "old,2026-01-02 03:04,x", "other,2026-01-02 03:04,x", "3",
    )  # fmt: skip

    done = run(commands, "tickets", path, "--mapping", mapping, "--import-id", IMPORT_ID)

    assert done.exit_code == 3
    assert done.stderr.splitlines() == [
        'line 3, column "at": is not an ISO 8601 date and time',
        "line 8: has 1 of 3 columns",
        "line 5: validation: Not valid (/text too_long is too long)",
        "line 7: refused with status 409",
    ]
    assert done.stdout.splitlines() == [
        "accepted 1, unchanged 1, rejected 4",
        f"import id {IMPORT_ID}",
        f"to undo: heard import undo {IMPORT_ID}",
    ]


def test_a_dry_run_needs_no_server(server: FakeServer, mapping: Path, tmp_path: Path) -> None:
    path = export(tmp_path, "1,2026-01-02 03:04,hi", "2,yesterday,hi")

    done = run(commands, "tickets", path, "--mapping", mapping, "--dry-run")

    assert (done.exit_code, server.requests) == (3, [])
    assert done.stdout == "dry run: could be sent 1, rejected 1\n"
    assert done.stderr == 'line 3, column "at": is not an ISO 8601 date and time\n'


def test_unanswered_surveys_are_counted_apart(server: FakeServer, mapping: Path, tmp_path: Path) -> None:
    server.handler = by_id
    mapping.write_text(SCORES, encoding="utf-8")
    path = export(tmp_path, "1,2026-01-02 03:04,5", "2,2026-01-02 03:04,")

    done = run(commands, "scores", path, "--mapping", mapping)

    assert done.exit_code == 0
    assert done.stdout.startswith("accepted 1, unchanged 0, rejected 0, without a score 1\n")
    (line,) = sent(server.requests[0])
    assert (line["kind"], line["scores"]) == ("score", [{"instrument": "csat", "value": 5}])


def test_a_missing_column_stops_before_anything_is_sent(
    server: FakeServer, mapping: Path, tmp_path: Path
) -> None:
    path = tmp_path / "export.csv"
    path.write_text("id,when,text\n1,2026-01-02 03:04,hi\n", encoding="utf-8")

    done = run(commands, "tickets", path, "--mapping", mapping)

    assert (done.exit_code, server.requests) == (2, [])
    assert done.stderr == "heard: not in the file, or there more than once: column 'at'\n"


def test_a_wrong_mapping_and_a_missing_file_are_wrong_use(
    server: FakeServer, mapping: Path, tmp_path: Path
) -> None:
    mapping.write_text(MAPPING + "colour = 'c'\n", encoding="utf-8")
    refused = run(commands, "tickets", export(tmp_path), "--mapping", mapping)
    assert (refused.exit_code, server.requests) == (2, [])
    assert "unknown key columns.colour" in refused.stderr
    assert run(commands, "tickets", tmp_path / "none.csv", "--mapping", mapping).exit_code == 2


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(httpx.Response(403, json={"code": "forbidden"}), id="refused"),
        pytest.param(httpx.Response(200, json={"results": []}), id="too few results"),
        pytest.param(
            httpx.Response(200, json={"results": [{"index": 1, "status": 201}]}), id="another index"
        ),
        pytest.param(httpx.Response(200, json=[]), id="nonsense"),
    ],
)
def test_an_import_cut_short_says_how_to_go_on(
    server: FakeServer, mapping: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: httpx.Response
) -> None:
    monkeypatch.setattr(loading, "MOST_LINES", 1)
    server.queued = [httpx.Response(200, json={"results": [{"index": 0, "status": 201}]}), answer]
    path = export(tmp_path, *(f"{number},2026-01-02 03:04,hi" for number in range(3)))

    done = run(commands, "tickets", path, "--mapping", mapping, "--import-id", IMPORT_ID)

    assert (done.exit_code, len(server.requests)) == (1, 2)
    assert done.stdout.splitlines()[0] == "accepted 1, unchanged 0, rejected 0"
    assert f"run it again with --import-id {IMPORT_ID}" in done.stderr


def test_a_line_too_long_for_any_post_is_rejected(server: FakeServer, mapping: Path, tmp_path: Path) -> None:
    server.handler = by_id
    mapping.write_text(MAPPING.replace('"csv"', '"ndjson"'), encoding="utf-8")
    path = tmp_path / "export.ndjson"
    rows = [
        {"id": str(n), "at": "2026-01-02 03:04", "text": "x" * size} for n, size in enumerate((MOST_BYTES, 1))
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")

    done = run(commands, "tickets", path, "--mapping", mapping)

    assert done.stderr == f"line 1: is longer than {MOST_BYTES} bytes\n"
    assert done.stdout.startswith("accepted 1, unchanged 0, rejected 1\n")


@given(st.lists(st.integers(1, MOST_BYTES - 1), max_size=12) | st.lists(st.just(3), max_size=3 * MOST_LINES))
def test_chunks_keep_order_and_stay_small(lengths: list[int]) -> None:
    lines = [Line(number, bytes(length)) for number, length in enumerate(lengths)]
    cut = list(chunks(lines))
    assert [line for chunk in cut for line in chunk] == lines
    assert all(0 < len(chunk) <= MOST_LINES for chunk in cut)
    assert all(sum(len(line.body) + 1 for line in chunk) <= MOST_BYTES for chunk in cut)


def test_an_import_is_undone(server: FakeServer) -> None:
    server.queued.append(httpx.Response(200, json={"removed": 3}))
    done = run(commands, "undo", IMPORT_ID)
    assert (done.exit_code, done.stdout) == (0, f"import {IMPORT_ID} is undone: 3 taken back\n")
    assert [(r.method, r.url.path) for r in server.requests] == [("DELETE", f"/v1/imports/{IMPORT_ID}")]
    assert run(commands, "undo", "everything").exit_code == 2
