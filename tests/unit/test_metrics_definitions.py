"""The definitions: one source, said everywhere in the same words."""

from pathlib import Path

from app.metrics import measure
from app.metrics.definitions import DEFINITIONS, OWN, markdown, of_response_times
from app.metrics.query import CLOCKS
from app.metrics.schemas import Ces, Csat, Keys, Nps, Own, ResponseTimes, Sla, Volume

DOCS = Path(__file__).parents[2] / "docs"
ROWS: dict[str, type[Keys]] = {
    **{f"response_time.{clock}": ResponseTimes for clock in (*CLOCKS, OWN)},
    "sla": Sla,
    "satisfaction.csat": Csat,
    "satisfaction.nps": Nps,
    "satisfaction.ces": Ces,
    "satisfaction.scale": Own,
    "volume": Volume,
}


def test_the_page_is_the_one_made_from_the_definitions() -> None:
    assert (DOCS / "definitions.md").read_text(encoding="utf-8") == markdown()


def test_every_number_on_the_wire_is_defined_and_nothing_else() -> None:
    about = {*Keys.model_fields, "instrument", "instrument_version", "clock", "mode"}

    assert {each.name: set(each.figures) for each in DEFINITIONS} == {
        name: set(row.model_fields) - about for name, row in ROWS.items()
    }


def test_clocks_of_ones_own_share_a_definition() -> None:
    named = {clock: of_response_times(clock).name for clock in (*CLOCKS, "callback", "own")}

    assert named == {clock: f"response_time.{clock}" for clock in CLOCKS} | dict.fromkeys(
        ("callback", "own"), "response_time.own"
    )


def test_the_api_says_what_the_page_says() -> None:
    said = measure.definitions().data

    assert [each.name for each in said] == [each.name for each in DEFINITIONS]
    assert all(
        f"| `{figure}` | {meaning} |" in markdown()
        for each in said
        for figure, meaning in each.figures.items()
    )
