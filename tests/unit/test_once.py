"""Idempotency keys as they come in, and what of a request they stand for."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import Request

from app.edge.once import BadKeyError, WeakKeyError, key_of, once_for
from app.intake.classify import Once

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
RANDOM = "0b0e7bd4-4b0c-4c1c-9a5e-0d6c9fd6b001"


def request(*keys: str, path: str = "/v1/feedback", query: str = "") -> Request:
    headers = [(b"idempotency-key", key.encode("latin-1")) for key in keys]
    return Request({
        "type": "http", "method": "POST", "path": path, "query_string": query.encode(), "headers": headers,
        "scheme": "http", "server": ("heard.test", 80), "root_path": "",
    })  # fmt: skip


def once(caller: str = "key:1", key: str = "k", raw: bytes = b"{}", **more: Any) -> Once:
    made = once_for(
        request(**{n: more.pop(n) for n in ("path", "query") if n in more}), caller, key, raw, now=NOW, **more
    )
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("sent", "key"),
    [
        (["abc"], "abc"),
        (['"abc"'], "abc"),
        ([" abc "], "abc"),
        (["x" * 255], "x" * 255),
        ([], None),
        (['"'], '"'),
    ],
)
def test_a_key_is_taken_bare_or_quoted(sent: list[str], key: str | None) -> None:
    assert key_of(request(*sent)) == key


@pytest.mark.parametrize("sent", [[""], ['""'], [" "], ["x" * 256], ["a b"], ["é"], ["a\x7f"], ["a", "b"]])
def test_what_is_no_key_is_refused(sent: list[str]) -> None:
    with pytest.raises(BadKeyError):
        key_of(request(*sent))


def test_a_request_without_a_key_leaves_no_record() -> None:
    assert once_for(request(), "key:1", None, b"{}", now=NOW) is None


def test_a_key_is_known_by_who_uses_it_and_where() -> None:
    same = {(once().scope, once().key_hash), (once(raw=b"other").scope, once(raw=b"other").key_hash)}
    other = [once(caller="key:2"), once(path="/v1/other"), once(key="l"), once(item=0), once(item=1)]

    assert len(same) == 1
    assert len(same | {(each.scope, each.key_hash) for each in other}) == 6


def test_a_request_is_known_by_all_of_it_but_how_it_showed_its_key() -> None:
    mine = once(query="a=1&b=2").fingerprint

    assert once(query="b=2&key=heard_pk_x&a=1").fingerprint == mine
    assert mine not in {once(query=q).fingerprint for q in ("", "a=1", "a=1&b=3")}
    assert mine != once(query="a=1&b=2", raw=b"[]").fingerprint


def test_a_record_holds_neither_the_key_nor_the_address() -> None:
    made = once(key="SECRET-KEY", path="/v1/track/SECRET-TOKEN/messages", raw=b"SECRET WORDS")

    assert "SECRET" not in repr(made)
    assert len(made.scope) <= 120


def test_public_keys_keep_for_a_day_and_secret_ones_for_three() -> None:
    assert once().expires_at == NOW + timedelta(hours=72)
    assert once(key=RANDOM, public=True).expires_at == NOW + timedelta(hours=24)


@pytest.mark.parametrize(
    "key",
    [
        "1",
        "",
        RANDOM.replace("-", ""),
        RANDOM.replace("4c1c", "1c1c"),
        RANDOM.replace("9a5e", "ca5e"),
        "{" + RANDOM + "}",
    ],
)
def test_under_a_public_key_only_a_random_uuid_is_a_secret(key: str) -> None:
    with pytest.raises(WeakKeyError):
        once(key=key, public=True)


def test_a_random_uuid_in_capitals_is_one_too() -> None:
    assert once(key=RANDOM.upper(), public=True).key_hash
