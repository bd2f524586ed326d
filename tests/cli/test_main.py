"""The whole command, as it is typed."""

import pytest

from app.cli.main import app
from tests.cli.fake import FakeServer, run


def test_help_names_every_command() -> None:
    done = run(app, "--help")
    assert done.exit_code == 0
    for name in ("serve", "migrate", "openapi", "key", "agent", "team", "site", "source", "import"):
        assert f" {name} " in done.stdout


@pytest.mark.parametrize("group", ["key", "agent", "team", "site", "source", "import"])
def test_each_group_explains_itself(group: str) -> None:
    assert run(app, group, "--help").exit_code == 0


def test_a_refusal_inside_a_group_is_said_once(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEARD_KEY")
    done = run(app, "team", "list")
    assert done.exit_code == 2
    assert done.stderr.count("heard: no key") == 1
