"""What a policy promises to whom."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.policies.definitions import BUILT_IN, Definition
from app.policies.terms import NO_POLICIES, Book, Conditions, Facts, Policy, Target, Terms, fits
from app.policies.terms import Warning as Warn

HOUR = timedelta(hours=1)
SITE = UUID(int=3)
FACTS = Facts("complaint", "web", "urgent", language="pt", segment="gold", site_id=SITE)
CALLBACK = Definition("callback", frozenset({"ticket.noted"}), frozenset({"ticket.replied"}))


@pytest.mark.parametrize(
    ("conditions", "fitting"),
    [
        pytest.param({}, True, id="no condition"),
        pytest.param({"priority": {"high", "urgent"}}, True, id="one of its values"),
        pytest.param({"priority": {"urgent"}, "channel": {"phone"}}, False, id="all have to be met"),
        pytest.param({"site_id": {SITE}, "language": {"pt"}}, True, id="ids and words"),
        pytest.param({"topic": {"billing"}}, False, id="a fact the ticket lacks"),
    ],
)
def test_conditions_fit(conditions: dict[str, set[str | UUID]], fitting: bool) -> None:
    assert fits(FACTS, {name: frozenset(values) for name, values in conditions.items()}) is fitting


def test_of_the_targets_the_first_that_fits_counts() -> None:
    urgent: Conditions = {"priority": frozenset({"urgent"})}
    gold: Conditions = {"segment": frozenset({"gold"})}
    of = Terms(
        BUILT_IN[0], (Target(HOUR, urgent), Target(2 * HOUR, gold), Target(3 * HOUR, {**urgent, **gold}))
    )

    assert of.target(FACTS) == HOUR
    assert of.target(replace(FACTS, priority="low")) == 2 * HOUR
    assert of.target(replace(FACTS, priority="low", segment=None)) is None


@pytest.mark.parametrize(
    ("warning", "after"),
    [
        pytest.param(Warn(fraction=0.8), timedelta(minutes=48), id="at a fraction"),
        pytest.param(Warn(lead=timedelta(minutes=10)), timedelta(minutes=50), id="so much before"),
        pytest.param(Warn(lead=HOUR), timedelta(), id="as long before as it takes: at the start"),
        pytest.param(Warn(lead=2 * HOUR), -HOUR, id="longer than it takes: before the start"),
        pytest.param(Warn(), timedelta(), id="none at all"),
    ],
)
def test_a_warning_is_due_after_so_much_counted_time(warning: Warn, after: timedelta) -> None:
    assert warning.after(HOUR) == after


@given(st.integers(1, 99), st.integers(1, 366 * 86_400))
def test_a_share_of_a_target_is_exact(percent: int, seconds: int) -> None:
    share = Warn(fraction=percent / 100).after(timedelta(seconds=seconds))

    assert share == timedelta(microseconds=percent * seconds * 10_000)


def policy(name: str, rank: int, segment: str | None = None, *, is_default: bool = False) -> Policy:
    applies_to = {"segment": frozenset[str | UUID]({segment})} if segment else {}
    return Policy(UUID(int=rank * 100 + ord(name)), 1, name, rank, is_default, applies_to, {})


GOLD, ALSO_GOLD, LATER_GOLD = policy("b", 1, "gold"), policy("c", 1, "gold"), policy("a", 2, "gold")
SILVER, NOBODY, DEFAULT = policy("s", 0, "silver"), policy("n", 0), policy("d", 9, is_default=True)


def book(*policies: Policy) -> Book:
    return Book({each.id: each for each in policies})


@pytest.mark.parametrize(
    ("policies", "chosen"),
    [
        pytest.param([DEFAULT, LATER_GOLD, GOLD], GOLD, id="the lowest rank"),
        pytest.param([ALSO_GOLD, GOLD], GOLD, id="of one rank by name"),
        pytest.param([SILVER, DEFAULT], DEFAULT, id="where none fits, the default"),
        pytest.param([NOBODY, SILVER], None, id="one without conditions takes nobody by itself"),
        pytest.param([], None, id="no policies, no promise"),
    ],
)
def test_a_new_ticket_gets_a_policy(policies: list[Policy], chosen: Policy | None) -> None:
    assert book(*policies).choose(FACTS) is chosen


def test_policies_are_told_in_the_order_they_are_asked() -> None:
    assert book(DEFAULT, LATER_GOLD, ALSO_GOLD, GOLD).in_order == [GOLD, ALSO_GOLD, LATER_GOLD, DEFAULT]
    assert NO_POLICIES.in_order == []


def test_under_a_policy_every_clock_of_all_tickets_runs_and_its_own() -> None:
    clocks = {each.name: Terms(each, ()) for each in (CALLBACK, BUILT_IN[2])}

    assert replace(GOLD, clocks=clocks).definitions == (*BUILT_IN, CALLBACK)
    assert GOLD.definitions == BUILT_IN
