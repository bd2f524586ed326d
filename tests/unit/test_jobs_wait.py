"""How long a failed job waits: twice as long each time, up to an hour, and not in step with others."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.db.jobs import wait


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 2), (2, 4), (3, 8), (11, 2048), (12, 3600), (10_000, 3600)]
)
def test_it_doubles_up_to_an_hour(attempts: int, seconds: int) -> None:
    assert wait(attempts, chance=0) == timedelta(seconds=seconds)


@given(attempts=st.integers(1, 100), chance=st.floats(0, 1))
def test_chance_shortens_it_by_a_half_at_most(attempts: int, chance: float) -> None:
    assert wait(attempts, chance=0) / 2 <= wait(attempts, chance=chance) <= wait(attempts, chance=0)
