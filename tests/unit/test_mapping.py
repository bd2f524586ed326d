"""What a mapping file may say, and in which words it is refused."""

from pathlib import Path

import pytest

from app.cli.mapping import MappingError, ScoreMapping, TicketMapping, cells, read_mapping

TICKETS = """
[file]
format = "csv"
source = "legacy"

[columns]
external_id = "Id"
kind = { default = "question" }
occurred_at = "Created"
"""
SCORES = """
[file]
format = "ndjson"
source = "legacy"

[columns]
external_id = "id"
occurred_at = "at"
"""
SCORE = '\n[[scores]]\ninstrument = "csat"\nvalue = "v"\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "mapping.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(MappingError) as refused:
        read_mapping(written(folder, text), TicketMapping)
    assert refused.value.code == 2
    return str(refused.value)


def test_a_small_mapping_is_enough(tmp_path: Path) -> None:
    mapping = read_mapping(written(tmp_path, TICKETS), TicketMapping)

    assert mapping.columns.external_id.columns == ("Id",)
    assert mapping.columns.kind.default == "question"
    assert (mapping.file.encoding, mapping.file.header, mapping.file.zone.key) == ("utf-8", True, "UTC")


@pytest.mark.parametrize(
    "customer",
    [
        pytest.param('"customer.email" = "Mail"\n"customer.ref" = "No"', id="quoted keys"),
        pytest.param("[columns.customer]\nemail = 'Mail'\nref = 'No'", id="a table"),
        pytest.param("customer = { email = 'Mail' }\n'customer.ref' = 'No'", id="both"),
    ],
)
def test_a_customer_is_written_in_two_ways(tmp_path: Path, customer: str) -> None:
    mapping = read_mapping(written(tmp_path, TICKETS + customer), TicketMapping)

    found = mapping.columns.customer
    assert found is not None
    assert found.email is not None
    assert found.ref is not None
    assert (found.email.columns, found.ref.columns) == (("Mail",), ("No",))


def test_every_column_of_a_mapping_is_found(tmp_path: Path) -> None:
    more = (
        TICKETS + "[columns.customer]\nname = { columns = ['First', 'Last'] }\n[[events]]\ntype = 'replied'\n"
    )
    mapping = read_mapping(written(tmp_path, more + "at = 'Answered'\nagent = 'Who'" + SCORE), TicketMapping)

    names = {name for cell in cells(mapping) for name in cell.columns}
    assert names == {"Id", "Created", "First", "Last", "Answered", "Who", "v"}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("colour = 'C'", "unknown key columns.colour"),
        ("topic = { colum = 'C' }", "unknown key columns.topic.colum"),
        ("topic = { column = 'C', formats = ['%Y'] }", "unknown key columns.topic.formats"),
        ("[columns.customer]\nmail = 'C'", "unknown key columns.customer.mail"),
        ("'customer.mail' = 'C'", "unknown key columns.customer.mail"),
        ("'customer.email' = 'C'\ncustomer = { email = 'D' }", "columns: names a part of customer twice"),
        ("[[events]]\ntype = 'replied'\nat = 'C'\nwho = 'D'", "unknown key events[0].who"),
        ("[[events]]\ntype = 'replied'", "missing key events[0].at"),
        ("[[events]]\ntype = 'eaten'\nat = 'C'", "events[0].type: Input should be 'replied', 'pended'"),
        ("[[scores]]\nvalue = 'C'", "missing key scores[0].instrument"),
        ("[[scores]]\ninstrument = 'nps'\nvalue = { column = 'C', type = 'text' }", "scores[0].value.type: "),
        ("[mail]\nto = 'x'", "unknown key mail"),
        ("topic = { column = 'C', columns = ['D'] }", "columns.topic: names both column and columns"),
        ("topic = { values = { a = 'b' } }", "columns.topic: names neither a column nor a default"),
        ("topic = 1.5", "columns.topic: must be a column name or a table"),
        ("topic = 3", "columns of this file have names, not numbers: 3"),
        ("topic = ' '", "columns.topic.columns[0]: must be a column name"),
        (
            "priority = { column = 'C', values = { Medium = 'medium' } }",
            "columns.priority: may only become one of",
        ),
        (
            "channel = { column = 'C', default = 'fax' }",
            "columns.channel: may only become one of: web, phone",
        ),
    ],
)
def test_a_wrong_mapping_is_refused_in_words(tmp_path: Path, more: str, words: str) -> None:
    assert words in refusal(tmp_path, f"{TICKETS}{more}\n")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("format = 'xlsx'", "file.format: Input should be 'csv', 'tsv', 'json' or 'ndjson'"),
        ("encoding = 'utf-9'", "file.encoding: is not a text encoding Python knows"),
        ("encoding = 'base64'", "file.encoding: is not a text encoding Python knows"),
        ("delimiter = '::'", "file.delimiter: String should have at most 1 character"),
        ("zone = 'Mars/Olympus'", "file.zone: is not a time zone such as Europe/Lisbon"),
        ("zone = '../etc'", "file.zone: is not a time zone"),
        ("zone = 'America'", "file.zone: is not a time zone"),
        ("header = 'yes'", "file.header: Input should be a valid boolean"),
        ("header = false", "columns of this file have numbers from 0, not names: "),
        ("quote = '\"'", "unknown key file.quote"),
        ("format = 'json'\nheader = false", "file: delimiter and header are for csv and tsv"),
    ],
)
def test_a_wrong_file_section_is_refused_in_words(tmp_path: Path, line: str, words: str) -> None:
    without = TICKETS.replace('format = "csv"\n', "") if line.startswith("format") else TICKETS
    assert words in refusal(tmp_path, without.replace("[file]\n", f"[file]\n{line}\n"))


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("%d/%m %H:%M", "does not hold a whole date"),
        ("%H:%M:%S", "does not hold a whole date"),
        ("%Y-%m-%d %I:%M", "has a 12-hour clock without %p"),
        ("%Y-%m-%d %H:%M %Z", "a zone's short name is ambiguous"),
        ("%Y-%m-%d %Q", "is not a format of strptime"),
        ("%Y-%m-%d %", "is not a format of strptime"),
    ],
)
def test_a_format_that_would_read_wrong_is_refused(tmp_path: Path, form: str, words: str) -> None:
    cell = f"{{ column = 'Created', formats = ['{form}'] }}"
    assert words in refusal(tmp_path, TICKETS.replace('"Created"', cell))


@pytest.mark.parametrize(
    "form",
    [
        "%Y-%m-%d %H:%M:%S.%f",
        "%d/%m/%y %I:%M %p",
        "%Y-%m-%dT%H:%M:%S%z",
        "%d %b %Y",
        "%Y-%j",
        "%G-W%V-%u",
        "%c",
    ],
)
def test_a_whole_format_is_taken(tmp_path: Path, form: str) -> None:
    cell = f"{{ column = 'Created', formats = ['{form}'] }}"
    mapping = read_mapping(written(tmp_path, TICKETS.replace('"Created"', cell)), TicketMapping)
    assert mapping.columns.occurred_at.formats == (form,)


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    text = TICKETS.replace('external_id = "Id"\n', "") + "colour = 'C'\n"
    lines = refusal(tmp_path, text).splitlines()
    assert sorted(line.strip() for line in lines[1:]) == [
        "missing key columns.external_id",
        "unknown key columns.colour",
    ]


def test_what_is_not_toml_is_refused(tmp_path: Path) -> None:
    assert "is not TOML" in refusal(tmp_path, "[file\n")
    (tmp_path / "mapping.toml").write_bytes(b'[file]\nsource = "\xe9"\n')
    with pytest.raises(MappingError, match="is not UTF-8"):
        read_mapping(tmp_path / "mapping.toml", TicketMapping)


def test_scores_need_a_score_and_know_no_kind(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="missing key scores"):
        read_mapping(written(tmp_path, SCORES), ScoreMapping)
    with pytest.raises(MappingError, match=r"unknown key columns\.kind"):
        read_mapping(written(tmp_path, SCORES + "kind = 'k'\n" + SCORE), ScoreMapping)
    assert (
        read_mapping(written(tmp_path, SCORES + SCORE), ScoreMapping).scores[0].instrument.default == "csat"
    )
