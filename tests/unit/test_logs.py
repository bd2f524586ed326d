"""Logs: one JSON line each, to where standard error is now, of allowed keys only."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from app import logs


@pytest.fixture(autouse=True)
def _afterwards() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_a_line_keeps_what_is_allowed_and_drops_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    logs.get_logger("test").info("stored", rows=3, text="private", email="ana@example.org", key="heard_sk_x")
    line = json.loads(capsys.readouterr().err)

    assert line.keys() == {"event", "level", "timestamp", "where", "rows"}
    assert (line["event"], line["level"], line["where"], line["rows"]) == ("stored", "info", "test", 3)


def test_lines_below_the_level_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning", "console")
    log = logs.get_logger("test")
    log.info("quiet")
    log.warning("loud")
    written = capsys.readouterr()

    assert "quiet" not in written.err
    assert "loud" in written.err
    assert written.out == ""


def test_a_library_is_quoted_without_what_it_filled_in(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning", "json")
    told = ValueError("heard_sk_x")
    logging.getLogger("uvicorn.error").error("Exception in %s\nheard_sk_y", "heard_sk_z", exc_info=told)
    logging.getLogger("uvicorn.error").info("nobody needs to know")
    written = capsys.readouterr().err
    line = json.loads(written)

    assert "heard_sk" not in written
    assert (line["event"], line["level"], line["error"]) == ("Exception in %s", "error", "ValueError")
    assert line["where"] == "uvicorn.error"
