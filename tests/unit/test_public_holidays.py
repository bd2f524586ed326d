"""Public holidays: which countries are known, and names that depend on no machine."""

from datetime import date

import pytest

from app.policies import public_holidays


@pytest.mark.parametrize(
    ("country", "subdivision", "known"),
    [("PT", None, True), ("PT", "30", True), ("PT", "99", False), ("XX", None, False), ("pt", None, False)],
)
def test_a_country_is_known_by_its_code(country: str, subdivision: str | None, known: bool) -> None:
    assert public_holidays.is_known(country, subdivision) is known


def test_public_holidays_are_those_of_the_subdivision_in_english() -> None:
    everywhere, madeira = public_holidays.of("PT", None, 2026), public_holidays.of("PT", "30", 2026)

    assert everywhere[date(2026, 4, 25)] == "Freedom Day"
    assert date(2026, 7, 1) in madeira.keys() - everywhere.keys()


def test_the_language_of_the_machine_changes_no_holiday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "th")  # one the library speaks
    public_holidays.of.cache_clear()

    assert public_holidays.of("GB", "SCT", 2026)[date(2026, 11, 30)] == "Saint Andrew's Day"
