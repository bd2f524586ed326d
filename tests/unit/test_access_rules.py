"""Origins and keys: who may speak from where, and until when."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access.rules import KeyFacts, SiteFacts, read_origin

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ID = UUID(int=1)


@pytest.mark.parametrize(
    ("said", "origin"),
    [
        ("https://shop.example", "https://shop.example"),
        ("https://shop.example/", "https://shop.example"),
        ("HTTPS://Shop.Example", "https://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("http://shop.example:80", "http://shop.example"),
        ("http://shop.example:443", "http://shop.example:443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://shop.example/path", None),
        ("https://shop.example?x", None),
        ("https://shop.example#x", None),
        ("https://ana@shop.example", None),
        ("https://shop.example:99999", None),
        ("https://", None),
        ("shop.example", None),
        ("ftp://shop.example", None),
        ("null", None),
        ("*", None),
        ("", None),
    ],
)
def test_an_origin_is_read_as_browsers_send_it(said: str, origin: str | None) -> None:
    assert read_origin(said) == origin


@given(st.text(max_size=40))
def test_what_is_read_as_an_origin_reads_as_itself(text: str) -> None:
    origin = read_origin(text)

    assert origin is None or read_origin(origin) == origin


@pytest.mark.parametrize("servers", [True, False])
def test_a_site_listens_to_its_own_pages_and_to_servers_if_told_so(servers: bool) -> None:
    site = SiteFacts(ID, "shop", "heard_pk_x", frozenset({"https://shop.example"}), servers)

    assert site.allows("https://shop.example")
    assert not site.allows("https://shop.example.evil.example")
    assert not site.allows("null")
    assert site.allows(None) is servers


def test_a_key_lives_until_the_instant_it_expires() -> None:
    def key(expires_at: datetime | None) -> KeyFacts:
        return KeyFacts(ID, "hash", frozenset(), None, None, expires_at)

    assert key(None).live(NOW)
    assert key(NOW + timedelta(microseconds=1)).live(NOW)
    assert not key(NOW).live(NOW)
