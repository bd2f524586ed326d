"""The command line talks to a fake server, and waits for nothing."""

from pathlib import Path

import httpx
import pytest

from tests.cli.fake import FakeServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeServer:
    fake = FakeServer()
    monkeypatch.setattr("app.cli.client.transport", lambda: httpx.MockTransport(fake.answer))
    monkeypatch.setattr("app.cli.client.sleep", fake.waits.append)
    for name in ("HEARD_URL", "HEARD_PORT", "HEARD_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HEARD_KEY", "heard_sk_made_up")
    monkeypatch.chdir(tmp_path)
    return fake
