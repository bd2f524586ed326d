"""Tracking tokens: only ours, in one spelling, open a ticket."""

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.tickets import tokens

SECRET = b"a secret for tests, long enough to sign"
TICKET = UUID("0198c0de-0000-7000-8000-000000000001")
TOKEN = tokens.make(SECRET, TICKET, 1)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@settings(deadline=None)
@given(st.uuids(), st.integers(0, 65_535))
def test_a_token_says_which_ticket_and_version(ticket_id: UUID, version: int) -> None:
    assert tokens.read(SECRET, tokens.make(SECRET, ticket_id, version)) == (ticket_id, version)


@pytest.mark.parametrize("place", range(len(TOKEN)))
def test_a_token_with_one_other_symbol_is_none(place: int) -> None:
    others = [symbol for symbol in ALPHABET if symbol != TOKEN[place]]

    assert [
        symbol for symbol in others if tokens.read(SECRET, TOKEN[:place] + symbol + TOKEN[place + 1 :])
    ] == []


@pytest.mark.parametrize(
    "said",
    [
        "", "=", TOKEN + "=", TOKEN + "==", TOKEN[:-1], TOKEN + "A", f" {TOKEN}", f"{TOKEN}\n", "é" * 46,
        "\0", "\ud800",
    ],
)  # fmt: skip
def test_what_is_not_our_spelling_is_no_token(said: str) -> None:
    assert tokens.read(SECRET, said) is None


def test_a_token_of_another_secret_or_version_is_another_one() -> None:
    assert tokens.read(b"another secret", TOKEN) is None
    assert tokens.make(SECRET, TICKET, 2) != TOKEN


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(said: str) -> None:
    assert tokens.read(SECRET, said) in {None, (TICKET, 1)}
