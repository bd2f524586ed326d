"""CSV out: what a spreadsheet reads is what we said, and nothing runs."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import Response
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from app.api.csv import as_csv, cell, write


class Owner(BaseModel):
    id: int
    name: str


class Thing(BaseModel):
    name: str
    owner: Owner | None
    claimed: dict[str, Any] | None


def body(*things: Thing) -> str:
    return bytes(as_csv(Thing, things, Response()).body).decode()


@pytest.mark.parametrize("lead", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_text_that_would_run_as_a_formula_is_defused(lead: str) -> None:
    assert cell(f"{lead}1+1") == f"'{lead}1+1"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param(-1, -1, id="a negative number is a number"),
        pytest.param(-0.5, -0.5, id="a negative fraction too"),
        pytest.param(None, None, id="unknown is empty"),
        pytest.param(True, "true", id="yes as JSON says it"),
        pytest.param("a=b", "a=b", id="only the first symbol counts"),
        pytest.param(datetime(2026, 3, 2, 9, tzinfo=UTC), "2026-03-02T09:00:00Z", id="an instant"),
        pytest.param({"name": "=x"}, '{"name": "=x"}', id="what visitors claim, in one cell"),
    ],
)
def test_values_become_cells(value: Any, shown: Any) -> None:
    assert cell(value) == shown


def test_columns_are_the_same_whatever_the_rows_hold() -> None:
    header = "name,owner.id,owner.name,claimed"

    assert body() == f"{header}\r\n"
    assert body(Thing(name="a", owner=None, claimed={"email": "x"})) == (
        f'{header}\r\na,,,"{{""email"": ""x""}}"\r\n'
    )
    assert body(Thing(name="b", owner=Owner(id=1, name="-o"), claimed=None)) == f"{header}\r\nb,1,'-o,\r\n"


@settings(deadline=None)
@given(st.lists(st.fixed_dictionaries({"a": st.text(), "b": st.text()}), max_size=5))
def test_another_reader_of_rfc_4180_gets_every_cell_back(rows: list[dict[str, str]]) -> None:
    content = write(rows, columns=("a", "b"))

    found = list(csv.DictReader(io.StringIO(content, newline="")))
    assert found == [{name: cell(value) for name, value in row.items()} for row in rows]
