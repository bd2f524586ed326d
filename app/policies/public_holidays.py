"""Public holidays by country and subdivision, in English where the library knows them so."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from types import MappingProxyType

from holidays import country_holidays, list_supported_countries


def is_known(country: str, subdivision: str | None) -> bool:
    """Tell whether holidays are known for an ISO 3166 country and, if one is named, its subdivision."""
    subdivisions = list_supported_countries(include_aliases=False).get(country)
    return subdivisions is not None and (subdivision is None or subdivision in subdivisions)


@lru_cache(maxsize=1024)
def of(country: str, subdivision: str | None, year: int) -> Mapping[date, str]:
    """Return a year's public holidays by date; none are known after 2100. Two on one date share a name."""
    days = country_holidays(country, subdivision, years=year, expand=False, language="en_US")
    return MappingProxyType(dict(days.items()))
