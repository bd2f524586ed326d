"""The doctor beside the server it looks at."""

import json
from pathlib import Path

from typer.testing import CliRunner

from app.cli.main import app as command_line
from tests.served import serve


def test_a_running_server_is_well(tmp_path: Path) -> None:
    with serve(tmp_path / "data", HEARD_PUBLIC_URL="https://heard.example") as served:
        environment = {"HEARD_DATA_DIR": str(tmp_path / "data"), "HEARD_PUBLIC_URL": "https://heard.example"}
        done = CliRunner().invoke(command_line, ["doctor", "--json"], env=environment)
        with served.client() as client:
            taken = client.post("/v1/feedback", json={"kind": "comment", "text": "All is well."})
    found = {each["check"]: each for each in json.loads(done.stdout)}

    assert done.exit_code == 0
    assert {name for name, each in found.items() if each["level"] != "ok"} == {"backups"}
    assert found["server"]["says"] == "a server runs here"
    assert found["write-ahead log"]["says"].startswith("journal mode wal")
    assert taken.status_code == 201
