"""Files as they come: encodings, delimiters, quotes, broken rows; each row with its line."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.exits import CommandError
from app.cli.mapping import FileSpec, MappingError
from app.cli.rows import BadRow, Row, check_columns, open_rows, read_rows


def spec(form: str = "csv", **more: Any) -> FileSpec:
    return FileSpec.model_validate({"format": form, "source": "legacy", **more})


def read(folder: Path, content: str | bytes, file: FileSpec) -> list[Row | BadRow]:
    path = folder / "export"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with open_rows(path, file) as stream:
        return list(read_rows(stream, file))


@pytest.mark.parametrize(
    ("content", "file"),
    [
        pytest.param("a,b\n1,é\n".encode(), spec(), id="plain"),
        pytest.param("\ufeffa,b\r\n1,é\r\n".encode(), spec(), id="byte order mark"),
        pytest.param('\ufeff"a","b"\n"1","é"'.encode(), spec(), id="mark before a quote, no last newline"),
        pytest.param("a;b\n1;é\n".encode("latin-1"), spec(encoding="latin-1", delimiter=";"), id="latin-1"),
        pytest.param("a\tb\n1\té\n".encode("utf-16"), spec("tsv", encoding="utf-16"), id="utf-16 with tabs"),
        pytest.param(" a , b \n 1,é\n".encode(), spec(), id="names with space around"),
        pytest.param("a,b\n1,é,\n".encode(), spec(), id="a comma too many"),
        pytest.param('{"a": 1, "b": "é"}\n'.encode(), spec("ndjson"), id="ndjson"),
        pytest.param('[{"a": 1, "b": "é"}]'.encode(), spec("json"), id="json"),
    ],
)
def test_each_way_of_writing_gives_the_same_row(tmp_path: Path, content: bytes, file: FileSpec) -> None:
    (row,) = read(tmp_path, content, file)
    assert isinstance(row, Row)
    assert {name: value.strip() for name, value in row.cells.items()} == {"a": "1", "b": "é"}


def test_a_row_is_known_by_its_first_line(tmp_path: Path) -> None:
    rows = read(tmp_path, 'a,b\n1,"two\nlines"\n\n , \n3,4\n', spec())
    assert rows == [Row(2, {"a": "1", "b": "two\nlines"}), Row(6, {"a": "3", "b": "4"})]


def test_without_a_header_columns_are_counted(tmp_path: Path) -> None:
    assert read(tmp_path, "1,2\n3,4\n", spec(header=False)) == [
        Row(1, {0: "1", 1: "2"}),
        Row(2, {0: "3", 1: "4"}),
    ]


def test_a_broken_row_does_not_spoil_the_rest(tmp_path: Path) -> None:
    rows = read(tmp_path, 'a,b\n1\n1,2,3\n"x"y,2\n5,6\n', spec())
    assert [str(row) for row in rows[:2]] == [
        "line 2: has 1 of 2 columns",
        "line 3: has 3 columns instead of 2",
    ]
    assert str(rows[2]).startswith("line 4: is not valid csv: ")
    assert rows[3] == Row(5, {"a": "5", "b": "6"})


def test_a_quote_that_never_closes_is_said(tmp_path: Path) -> None:
    rows = read(tmp_path, 'a,b\n1,2\n3,"4\n5,6\n', spec())
    assert rows == [Row(2, {"a": "1", "b": "2"}), BadRow(3, "is not valid csv: unexpected end of data")]


def test_the_wrong_encoding_of_a_whole_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is not utf-16") as refused:
        read(tmp_path, b"\xff\xfea\x00,\x00b\x00\n\x00\x00\xd8a\x00", spec(encoding="utf-16"))
    assert refused.value.code == 2


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "is not valid JSON"),
        ("[1]", "is not a JSON object"),
        ('{"a": 1, "a": 2}', "is not valid JSON"),
        ('{"a": NaN}', "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
    ],
)
def test_a_broken_json_line_does_not_spoil_the_rest(tmp_path: Path, line: str, reason: str) -> None:
    rows = read(tmp_path, f'{{"a": 1}}\r\n\r\n{line}\r\n{{"a": 4}}', spec("ndjson"))
    assert rows == [Row(1, {"a": "1"}), BadRow(3, reason), Row(4, {"a": "4"})]


def test_json_values_stay_as_they_are_written(tmp_path: Path) -> None:
    line = (
        '{"n": 1.10, "big": 12345678901234567890, "t": true, "none": null, "list": [1], "in": {"ner": "x"}}'
    )
    (row,) = read(tmp_path, line, spec("ndjson"))
    assert isinstance(row, Row)
    assert row.cells == {
        "n": "1.10",
        "big": "12345678901234567890",
        "t": "true",
        "none": "",
        "list": '["1"]',
        "in.ner": "x",
    }


def test_a_json_array_knows_its_lines(tmp_path: Path) -> None:
    rows = read(tmp_path, '\n[\n  {"a": 1},\n\n  {"a":\n 2}\n, 3]\n', spec("json"))
    assert rows == [Row(3, {"a": "1"}), Row(5, {"a": "2"}), BadRow(7, "is not a JSON object")]


@pytest.mark.parametrize(
    ("content", "good", "bad"),
    [
        ("", 0, "line 1: is not a JSON array"),
        ('{"data": []}', 0, "line 1: is not a JSON array"),
        ('[{"a": 1}\n{"a": 2}]', 1, "line 2: is not valid JSON; nothing after it could be read"),
        ('[{"a": 1},\n{"a": ', 1, "line 2: is not valid JSON; nothing after it could be read"),
        ('[{"a": 1},\n]', 1, "line 2: is not valid JSON; nothing after it could be read"),
        ('[{"a": 1}', 1, "line 1: is not valid JSON; nothing after it could be read"),
    ],
)
def test_a_broken_array_is_read_as_far_as_it_goes(tmp_path: Path, content: str, good: int, bad: str) -> None:
    rows = read(tmp_path, content, spec("json"))
    assert [isinstance(row, Row) for row in rows] == [True] * good + [False]
    assert str(rows[-1]) == bad


def test_an_empty_array_has_no_rows(tmp_path: Path) -> None:
    assert read(tmp_path, " [ ] ", spec("json")) == []


def test_a_long_array_is_read_piece_by_piece(tmp_path: Path) -> None:
    items = [{"a": "x" * (index * 97 % 4000), "n": str(index)} for index in range(200)]
    rows = read(tmp_path, json.dumps(items, indent=1), spec("json"))
    assert [row.cells for row in rows if isinstance(row, Row)] == items


@given(
    st.lists(
        st.lists(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=3, max_size=3
        ),
        max_size=5,
    )
)
def test_whatever_csv_can_hold_comes_back(table: list[list[str]]) -> None:
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=";").writerows([["a", "b", "c"], *table])
    stream.seek(0)

    rows = list(read_rows(stream, spec(delimiter=";")))

    kept = [cells for cells in table if any(cell.strip() for cell in cells)]
    assert [list(row.cells.values()) for row in rows if isinstance(row, Row)] == kept
    assert not any(isinstance(row, BadRow) for row in rows)


@pytest.mark.parametrize(
    ("content", "file", "missing"),
    [
        pytest.param("a,b\n1,2\n", spec(), None, id="there"),
        pytest.param("a,c\n1,2\n", spec(), "'b'", id="absent"),
        pytest.param("a,b,b\n1,2,3\n", spec(), "'b'", id="twice"),
        pytest.param("a;b\n1;2\n", spec(), "'a', 'b'", id="another delimiter"),
        pytest.param('{"a": 1}\n{"b": 2}\n', spec("ndjson"), None, id="in another object"),
        pytest.param('{"a": 1}\n{"a": 2}\n', spec("ndjson"), "'b'", id="in no object"),
        pytest.param("a,b\n", spec(), None, id="no rows at all"),
    ],
)
def test_a_column_that_is_not_there_is_said_first(
    tmp_path: Path, content: str, file: FileSpec, missing: str | None
) -> None:
    rows = read(tmp_path, content, file)
    if missing is None:
        check_columns(rows, {"a", "b"}, file)
        return
    with pytest.raises(MappingError) as refused:
        check_columns(rows, {"a", "b"}, file)
    assert str(refused.value).endswith(f"column {missing}")
