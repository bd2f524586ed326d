"""Identifiers: sorted by time, readable over the phone, checked before anybody is asked."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ids import (
    CROCKFORD,
    PUBLIC_PREFIX,
    SECRET_PREFIX,
    looks_like_key,
    new_id,
    new_key,
    new_reference,
    read_reference,
)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SYMBOLS = st.sampled_from(CROCKFORD)


def test_ids_are_uuids_of_version_7_in_the_order_of_time() -> None:
    ids = [new_id(NOW + timedelta(milliseconds=n)) for n in range(100)]

    assert ids == sorted(ids)
    assert {(each.version, each.variant) for each in ids} == {(7, "specified in RFC 4122")}
    assert ids[7].int >> 80 == int(NOW.timestamp() * 1000) + 7


def test_ids_of_one_instant_differ() -> None:
    assert len({new_id(NOW) for _ in range(10_000)}) == 10_000


def test_a_reference_is_read_as_a_person_writes_it() -> None:
    reference = new_reference()
    bare = reference[2:].replace("-", "")

    assert reference[:2] == "H-"
    for said in (reference, reference.lower(), bare, f"h {bare[:5]} {bare[5:]}", bare.replace("0", "O")):
        assert read_reference(said) == reference
    assert read_reference(bare.replace("1", "l")) == reference


@given(st.integers(0, 9), SYMBOLS)
def test_one_wrong_symbol_is_always_noticed(place: int, symbol: str) -> None:
    bare = new_reference()[2:].replace("-", "")
    wrong = bare[:place] + symbol + bare[place + 1 :]

    assert read_reference(wrong) is None or wrong == bare


@given(st.integers(0, 9), st.integers(0, 9))
def test_two_swapped_symbols_are_always_noticed(one: int, other: int) -> None:
    bare = list(new_reference()[2:].replace("-", ""))
    swapped = list(bare)
    swapped[one], swapped[other] = bare[other], bare[one]

    assert swapped == bare or read_reference("".join(swapped)) is None


@given(st.text(max_size=30))
def test_no_text_breaks_the_reader_of_references(text: str) -> None:
    assert read_reference(text) is None or read_reference(text).startswith("H-")  # type: ignore[union-attr]


@pytest.mark.parametrize("prefix", [SECRET_PREFIX, PUBLIC_PREFIX])
def test_a_mistyped_key_is_told_from_an_unknown_one(prefix: str) -> None:
    key = new_key(prefix)
    mistyped = [
        key[:place] + ("a" if key[place] != "a" else "b") + key[place + 1 :] for place in range(9, 45)
    ]

    assert looks_like_key(key)
    assert len(key) == 45
    assert not any(looks_like_key(each) for each in [*mistyped, key + "0", key[:-1], "", prefix, "é" * 45])
