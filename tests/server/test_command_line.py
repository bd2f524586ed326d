"""The command line against the real server, over a real socket."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.main import app as command_line
from tests.served import Served, serve

MAPPING = """
[file]
format = "csv"
source = "old desk"
zone = "Europe/Lisbon"
[columns]
external_id = "id"
kind = { default = "complaint" }
channel = { default = "phone" }
occurred_at = { column = "opened", formats = ["%Y-%m-%d %H:%M"] }
agent = "who"
[[events]]
type = "replied"
at = { column = "answered", formats = ["%Y-%m-%d %H:%M"] }
[[scores]]
instrument = "csat"
value = { column = "stars", type = "number" }
"""
ROWS = """id,opened,answered,who,stars
1,2025-06-01 10:00,2025-06-01 10:05,Ana,4
2,2025-06-01 11:00,,Rui,
3,not a time,,Rui,
4,2025-06-01 12:00,2025-06-01 12:01,Ana,9
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("served")) as running:
        yield running


def heard(served: Served, *arguments: str) -> Result:
    """Run the command line as a user would, but for the process of its own."""
    return CliRunner().invoke(command_line, list(arguments), env=served.environment())


def test_a_file_is_loaded_once_but_for_its_bad_rows_and_taken_back(served: Served, tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(MAPPING)
    (tmp_path / "rows.csv").write_text(ROWS)
    load = ("import", "tickets", str(tmp_path / "rows.csv"), "--mapping", str(tmp_path / "map.toml"))

    first = heard(served, *load)
    again = heard(served, *load)
    with served.client() as client:
        loaded = client.get("/v1/tickets").json()["data"]
    import_id = first.stdout.split("import id ")[1].split()[0]
    undone = heard(served, "import", "undo", import_id)
    with served.client() as client:
        left = client.get("/v1/tickets").json()["data"]

    assert (first.exit_code, again.exit_code, undone.exit_code) == (3, 3, 0)
    assert "line 4" in first.stderr
    assert "line 5" in first.stderr
    times = sorted(ticket["occurred_at"] for ticket in loaded if ticket["origin"] == "import")
    assert times == ["2025-06-01T09:00:00Z", "2025-06-01T10:00:00Z"]
    assert [ticket for ticket in left if ticket["origin"] == "import"] == []


def test_an_agent_set_up_by_commands_gets_the_waiting_complaint(served: Served) -> None:
    with served.client() as client:
        complaint = client.post(
            "/v1/feedback", json={"kind": "complaint", "text": "The lift is stuck."}
        ).json()
    agent = heard(served, "agent", "create", "Ana Silva", "--json")
    agent_id = agent.stdout.split('"id": "')[1].split('"')[0]
    made = [
        heard(served, "team", "create", "Billing"),
        heard(served, "site", "create", "shop", "--origin", "https://shop.example"),
        heard(served, "source", "create", "crm", "--kind", "api"),
        heard(served, "key", "create", "crm", "--scope", "feedback:write", "--source", "crm"),
        heard(served, "key", "create", "ana", "--scope", "tickets:read", "--agent-id", agent_id),
        heard(served, "agent", "online", agent_id),
    ]
    listed = [heard(served, what, "list") for what in ("agent", "team", "site", "source", "key")]
    refused = heard(served, "key", "create", "x", "--scope", "everything")

    with served.client() as client:
        ticket = client.get(f"/v1/tickets/{complaint['id']}").json()
    assert [(each.exit_code, each.stderr) for each in made if each.exit_code] == []
    assert ticket["assignee"]["name"] == "Ana Silva"
    assert [each.exit_code for each in listed] == [0] * 5
    assert refused.exit_code == 1
    assert "scopes" in refused.stderr
