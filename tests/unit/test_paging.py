"""Cursors: ours alone, for one set of filters alone."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.edge.paging import BadCursorError, make_cursor, read_cursor

SECRET = b"a secret"
PLACE = (datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC), UUID(int=2**127 + 1))
FILTERS = {"status": ["open"], "q": None}
INSTANTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001


@given(INSTANTS, st.uuids())
def test_a_cursor_means_the_place_it_was_made_of(at: datetime, identifier: UUID) -> None:
    assert read_cursor(SECRET, make_cursor(SECRET, (at, identifier), FILTERS), FILTERS) == (at, identifier)


@pytest.mark.parametrize("place", range(54))
def test_a_cursor_with_one_letter_changed_is_refused(place: int) -> None:
    cursor = make_cursor(SECRET, PLACE, FILTERS)
    changed = cursor[:place] + ("A" if cursor[place] != "A" else "Q") + cursor[place + 1 :]
    with pytest.raises(BadCursorError):
        read_cursor(SECRET, changed, FILTERS)


@given(st.text(max_size=80))
def test_no_other_text_is_a_cursor(text: str) -> None:
    with pytest.raises(BadCursorError):
        read_cursor(SECRET, text, FILTERS)


@pytest.mark.parametrize("extra", ["!", "=", "\n", " ", "é", "AAAA"])
def test_a_cursor_with_something_added_is_refused(extra: str) -> None:
    cursor = make_cursor(SECRET, PLACE, FILTERS)
    for changed in (cursor + extra, extra + cursor, cursor[:9] + extra + cursor[9:]):
        with pytest.raises(BadCursorError):
            read_cursor(SECRET, changed, FILTERS)


@pytest.mark.parametrize(
    ("secret", "filters"),
    [(b"another", FILTERS), (SECRET, {"status": ["open"], "q": "x"}), (SECRET, {"status": ["open", "new"]})],
)
def test_a_cursor_fits_its_own_filters_and_secret_only(secret: bytes, filters: object) -> None:
    cursor = make_cursor(SECRET, (PLACE[0] + timedelta(1), PLACE[1]), FILTERS)
    with pytest.raises(BadCursorError):
        read_cursor(secret, cursor, filters)
