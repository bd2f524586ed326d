"""Rows become lines, with the sample mappings of the documentation."""

import csv
import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from app.cli.convert import Converted, EmptyRow, Line, convert
from app.cli.mapping import ScoreMapping, TicketMapping, cells, read_mapping
from app.cli.rows import BadRow, check_columns, open_rows, read_rows
from tests.real_data import ROOT, real_data

SAMPLES = ROOT / "docs/mappings"
Mapping = TicketMapping | ScoreMapping

COMPLAINTS = """No.;Came by;Date;Time;Subject;Complaint;Urgent;Guest no.;E-mail;First name;Last name;\
Answered on;Answered at;Answered by
17;Desk;24/10/2026;09:15;Lift;"It said: ""stuck"";
then nothing.";X;C-1;jose@example.org;José;Simões;24/10/2026;10:00:30;Inês
18;Telephone;25/10/2026;01:30;Noise;Too loud;-;;;;;;;
19;Desk;29/03/2026;01:30;Heating;Cold;;;;;;;;
20;Pigeon;30/03/2026;01:30;Post;Late;;;;;;;;
21;Letter;30/03/2026
;Letter;30/03/2026;01:30;Post;Late;;;;;;;;
"""


def converted(path: Path, mapping: Mapping) -> list[Converted]:
    with open_rows(path, mapping.file) as stream:
        check_columns(
            read_rows(stream, mapping.file), {n for c in cells(mapping) for n in c.columns}, mapping.file
        )
    with open_rows(path, mapping.file) as stream:
        return list(convert(mapping, read_rows(stream, mapping.file)))


def bodies(items: list[Converted]) -> list[dict[str, Any]]:
    return [json.loads(item.body) for item in items if isinstance(item, Line)]


def test_complaints_of_a_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "complaints.csv"
    path.write_bytes(COMPLAINTS.replace("\n", "\r\n").encode("latin-1"))

    items = converted(path, read_mapping(SAMPLES / "complaints_semicolon.toml", TicketMapping))

    assert bodies(items) == [
        {
            "source": "front-desk",
            "external_id": "17",
            "kind": "complaint",
            "channel": "in_person",
            "occurred_at": "2026-10-24T08:15:00Z",
            "subject": "Lift",
            "text": 'It said: "stuck";\r\nthen nothing.',
            "priority": "urgent",
            "customer": {"ref": "C-1", "email": "jose@example.org", "name": "José Simões"},
            "events": [{"type": "replied", "at": "2026-10-24T09:00:30Z", "agent": "Inês"}],
        },
        {
            "source": "front-desk",
            "external_id": "18",
            "kind": "complaint",
            "channel": "phone",
            "occurred_at": "2026-10-25T00:30:00Z",
            "subject": "Noise",
            "text": "Too loud",
        },
    ]
    assert [str(item) for item in items if isinstance(item, BadRow)] == [
        'line 5, column "Date" + "Time": does not exist in Europe/Lisbon: the clocks went forward',
        'line 6, column "Came by": is none of: Desk, Letter, Telephone',
        "line 7: has 3 of 14 columns",
        'line 8, column "No.": is empty, and every line needs external_id',
    ]


def test_scores_of_a_survey(tmp_path: Path) -> None:
    answers: list[dict[str, Any]] = [
        {
            "id": "S-1",
            "answered_at": "2026-11-22T10:00:00+01:00",
            "agent": {"name": "Ana"},
            "ticket": {"number": 1012},
            "answers": {"satisfaction": 4, "expected": 4.5, "speed": "fair"},
        },
        {"id": "S-2", "answered_at": "2026-11-22T10:00:00Z", "answers": {"satisfaction": None}},
        {"id": "S-3", "answered_at": "2026-11-22T10:00:00Z", "answers": {"satisfaction": "four"}},
    ]
    path = tmp_path / "surveys.ndjson"
    path.write_text("\n".join(map(json.dumps, answers)), encoding="utf-8")

    items = converted(path, read_mapping(SAMPLES / "survey_scores.toml", ScoreMapping))

    assert bodies(items) == [
        {
            "source": "legacy-support",
            "external_id": "S-1",
            "kind": "score",
            "occurred_at": "2026-11-22T09:00:00Z",
            "channel": "email",
            "agent": "Ana",
            "ticket": "1012",
            "scores": [
                {"instrument": "csat", "value": 4, "expected": 4.5},
                {"instrument": "csat", "value": 2, "dimension": "speed"},
            ],
        }
    ]
    assert items[1:] == [EmptyRow(2), BadRow(3, "is not a number", '"answers.satisfaction"')]


def test_a_file_without_a_header(tmp_path: Path) -> None:
    (tmp_path / "mapping.toml").write_text(
        "[file]\nformat = 'csv'\nheader = false\nsource = 's'\n[columns]\nexternal_id = 0\noccurred_at = 2\n"
        "kind = { column = 1, values = { Q = 'question' } }\n'customer.email' = 3\n",
        encoding="utf-8",
    )
    path = tmp_path / "export.csv"
    path.write_text(
        "7,Q,2026-01-02 03:04:05.678901,ana@example.org\n8,C,2026-01-02 03:04,\n", encoding="utf-8"
    )

    items = converted(path, read_mapping(tmp_path / "mapping.toml", TicketMapping))

    assert bodies(items) == [
        {
            "source": "s",
            "external_id": "7",
            "kind": "question",
            "occurred_at": "2026-01-02T03:04:05.678901Z",
            "customer": {"email": "ana@example.org"},
        }
    ]
    assert items[1] == BadRow(2, "is none of: Q", "1")


def test_bytes_of_another_encoding_spoil_their_own_row_only(tmp_path: Path) -> None:
    (tmp_path / "mapping.toml").write_text(
        "[file]\nformat = 'csv'\nsource = 's'\n[columns]\nexternal_id = 'id'\noccurred_at = 'at'\n"
        "kind = { default = 'comment' }\ntext = 'text'\n",
        encoding="utf-8",
    )
    path = tmp_path / "export.csv"
    path.write_bytes(b"id,at,text\n1,2026-01-02 03:04,caf\xe9\n2,2026-01-02 03:04,caf\xc3\xa9\n")

    items = converted(path, read_mapping(tmp_path / "mapping.toml", TicketMapping))

    assert items[0] == BadRow(2, "holds bytes that are not in the encoding of the file", '"text"')
    assert [body["text"] for body in bodies(items)] == ["café"]


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_sample_is_valid(path: Path) -> None:
    says = path.read_text(encoding="utf-8")
    if "heard import scores" in says:
        assert read_mapping(path, ScoreMapping).file.source
    else:
        assert read_mapping(path, TicketMapping).file.source


def test_real_support_tickets() -> None:
    path = real_data("technical_support_sla.csv")

    lines = bodies(converted(path, read_mapping(SAMPLES / "technical_support_sla.toml", TicketMapping)))

    assert len(lines) == len({line["external_id"] for line in lines}) == 2330
    assert Counter(event["type"] for line in lines for event in line.get("events", ())) == {
        "replied": 2312,
        "resolved": 1912,
        "closed": 1173,
    }
    values = [score["value"] for line in lines for score in line.get("scores", ())]
    assert (len(values), round(sum(values) / len(values), 4)) == (1173, 3.5107)
    assert lines[0] == {
        "source": "legacy-support",
        "external_id": "1012",
        "kind": "question",
        "channel": "email",
        "occurred_at": "2023-01-02T00:58:36Z",
        "topic": "Feature request",
        "product": "Custom software development",
        "priority": "low",
        "team": "1st line support",
        "agent": "Kristos Westoll",
        "events": [
            {"type": "replied", "at": "2023-01-02T01:03:17.432000Z", "agent": "Kristos Westoll"},
            {"type": "resolved", "at": "2023-01-04T00:31:51.694000Z", "agent": "Kristos Westoll"},
            {"type": "closed", "at": "2023-01-04T04:02:59.013000Z", "agent": "Kristos Westoll"},
        ],
        "scores": [{"instrument": "csat", "value": 3, "at": "2023-01-04T04:02:59.013000Z"}],
    }


def test_real_times_are_kept_to_the_microsecond() -> None:
    path = real_data("technical_support_sla.csv")
    mapping = read_mapping(SAMPLES / "technical_support_sla.toml", TicketMapping)
    columns = {"replied": "First response time", "resolved": "Resolution time", "closed": "Close time"}

    with path.open(encoding="utf-8", newline="") as stream:
        for row, line in zip(csv.DictReader(stream), bodies(converted(path, mapping)), strict=True):
            written = {"created": row["Created time"]} | {kind: row[name] for kind, name in columns.items()}
            read = {"created": line["occurred_at"]} | {e["type"]: e["at"] for e in line.get("events", ())}
            assert {kind: datetime.fromisoformat(at) for kind, at in read.items()} == {
                kind: datetime.fromisoformat(f"{at}+00:00") for kind, at in written.items() if at
            }
