"""Who gets the next ticket."""

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.routing.rules import Candidate, least_loaded

LOADS = st.tuples(st.integers(0, 6), st.integers(0, 6))


@pytest.mark.parametrize(
    ("loads", "chosen"),
    [
        pytest.param([], None, id="nobody there"),
        pytest.param([(3, 3), (5, 4)], None, id="nobody free"),
        pytest.param([(0, 0)], None, id="no capacity at all"),
        pytest.param([(2, 4), (1, 4)], 1, id="the fewer tickets of equals"),
        pytest.param([(1, 2), (2, 10)], 1, id="the smaller share, not the smaller number"),
        pytest.param([(0, 1), (0, 5)], 1, id="of two idle ones, who has more room"),
        pytest.param([(1, 3), (1, 3)], 0, id="of two alike, always the same"),
    ],
)
def test_the_least_loaded_agent_is_chosen(loads: list[tuple[int, int]], chosen: int | None) -> None:
    candidates = [Candidate(UUID(int=place), *load) for place, load in enumerate(loads)]

    found = least_loaded(candidates)

    assert found == (None if chosen is None else candidates[chosen])


@settings(deadline=None)
@given(st.lists(LOADS, max_size=8))
def test_the_choice_has_room_and_does_not_depend_on_the_order(loads: list[tuple[int, int]]) -> None:
    candidates = [Candidate(UUID(int=place), *load) for place, load in enumerate(loads)]

    chosen = least_loaded(candidates)

    free = [each for each in candidates if each.open < each.capacity]
    assert (chosen is None) == (not free)
    assert chosen is None or chosen.load == min(each.load for each in free)
    assert least_loaded(reversed(candidates)) == chosen
