"""What a stranger deploys with: image, compose file, units and proxy say only what is there."""

import configparser
import json
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.routing import Match
from typer.main import get_command

from app.cli.main import app as command_line
from app.main import create_app
from app.settings import Settings
from app.worker.loop import LAST_STEP_SECONDS

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = (ROOT / "compose.yaml").read_text(encoding="utf-8")
CADDYFILE = (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
PAGE = (DEPLOY / "README.md").read_text(encoding="utf-8")
UNITS = sorted(path.name for path in DEPLOY.glob("*.service"))
OF_THE_COMMANDS = {"HEARD_PG_BIN", "HEARD_URL", "HEARD_KEY"}
KNOWN = {f"HEARD_{name.upper()}" for name in Settings.model_fields} | OF_THE_COMMANDS


def commands() -> set[str]:
    return set(get_command(command_line).commands)  # type: ignore[attr-defined]


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE)
    return found


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


def instructions() -> list[tuple[str, str, str]]:
    """Return the lines of the Dockerfile, put together, each with the stage it stands in."""
    found, stage = [], ""
    for line in re.sub(r"\\\n\s*", " ", DOCKERFILE).splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            stage = rest.rpartition(" AS ")[2]
        if word and word != "#":
            found.append((stage, word, rest.strip()))
    return found


def unit(name: str) -> dict[str, str]:
    """Return what a unit's service section says; of a word said twice, the last."""
    parser = configparser.RawConfigParser(strict=False, delimiters="=", comment_prefixes="#")
    parser.optionxform = str  # type: ignore[assignment]
    parser.read(DEPLOY / name)
    return dict(parser["Service"])


# The image


def test_the_image_runs_a_command_of_ours_as_a_user_without_rights() -> None:
    last = instructions()[-1][0]
    starts = [json.loads(rest) for _, word, rest in instructions() if word == "CMD"]

    assert (last, [rest for stage, word, rest in instructions() if (stage, word) == (last, "USER")]) == (
        "heard",
        ["heard"],
    )
    assert all(start[0] == "heard" and start[1] in commands() for start in starts)


def test_the_image_bears_the_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert f'org.opencontainers.image.version="{project["version"]}"' in DOCKERFILE
    assert f'org.opencontainers.image.licenses="{project["license"]}"' in DOCKERFILE


def test_what_the_image_is_made_of_is_there_and_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = {
        name
        for _, word, rest in instructions()
        if word == "COPY" and "--from" not in rest
        for name in rest.split()[:-1]
    }

    assert copied == {line[1:] for line in ignored if line.startswith("!")}
    assert all((ROOT / name).exists() for name in copied)
    assert ignored[0] == "*"


class Health(BaseHTTPRequestHandler):
    """Answers `/livez` as it is told."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/livez" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def health() -> Iterator[int]:
    """A server to ask how it is: its port."""
    server = HTTPServer(("127.0.0.1", 0), Health)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_health_check_says_how_the_server_is(
    health: int, monkeypatch: pytest.MonkeyPatch, status: int, *, healthy: bool
) -> None:
    monkeypatch.setattr(Health, "status", status)
    (check,) = (rest for _, word, rest in instructions() if word == "HEALTHCHECK" and rest != "NONE")
    command = json.loads(check.partition(" CMD ")[2])
    assert command[0] == "python"
    done = subprocess.run(
        [sys.executable, *command[1:]], env={"HEARD_PORT": str(health)}, check=False, capture_output=True
    )

    assert (done.returncode == 0) is healthy


# Compose


def test_the_services_lean_on_services_that_can_bear_them() -> None:
    for name, service in services().items():
        for leant_on, how in service.get("depends_on", {}).items():
            other = services()[leant_on]
            ends = other.get("restart") == "no"
            checked = "healthcheck" in other or "build" in other
            assert how["condition"] in {"service_healthy", "service_completed_successfully"}, name
            assert ends is (how["condition"] == "service_completed_successfully"), name
            assert ends or (checked and not other.get("healthcheck", {}).get("disable")), name


def test_every_volume_and_file_of_the_services_is_there() -> None:
    named = set()
    for service in services().values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("./"):
                assert source == "./backups" or (ROOT / source).is_file()
            else:
                named.add(source)

    assert named == set(compose()["volumes"])


def test_every_variable_of_the_services_has_a_default_or_a_word_for_who_left_it_out() -> None:
    used = re.findall(r"\$\{(\w+)(:[-?][^}]+)?\}", COMPOSE)

    assert len(used) == COMPOSE.count("${")
    assert all(rest for _, rest in used)
    assert {name for name, _ in used} == set(re.findall(r"^#   (\w+) ", COMPOSE, re.MULTILINE))


def test_our_services_run_commands_and_settings_that_exist() -> None:
    ours = {name: service for name, service in services().items() if "build" in service}

    assert {service["command"][1] for service in ours.values()} <= commands()
    assert {service["command"][0] for service in ours.values()} == {"heard"}
    assert {key for service in ours.values() for key in service["environment"]} <= KNOWN
    assert {service["build"]["target"] for service in ours.values()} <= {
        stage for stage, _, _ in instructions()
    }
    assert sorted(service["command"][1] for service in ours.values()).count("serve") == 2
    for service in ours.values():
        values = {key.removeprefix("HEARD_").lower(): value for key, value in service["environment"].items()}
        Settings(**values | {"secret": "x" * 32})
        ends = float(values["drain_seconds"]) + Settings().stop_seconds + LAST_STEP_SECONDS
        assert ends < float(service["stop_grace_period"].removesuffix("s"))


def test_only_the_proxy_is_reached_from_outside_and_it_is_the_one_we_believe() -> None:
    assert [name for name, service in services().items() if "ports" in service] == ["proxy"]
    (network,) = compose()["networks"]["default"]["ipam"]["config"]
    assert network["subnet"] == services()["api-a"]["environment"]["HEARD_TRUSTED_PROXIES"]
    servers = services()["proxy"]["environment"]["HEARD_SERVERS"].split()
    assert servers == [
        f"{name}:8000" for name, it in services().items() if it.get("command") == ["heard", "serve"]
    ]


def test_backups_use_the_programs_of_the_database_they_are_of() -> None:
    version = services()["database"]["image"].rpartition(":")[2]

    assert services()["backup"]["build"]["args"] == {"POSTGRESQL": version}
    assert ("backup", "ARG", f"POSTGRESQL={version}") in instructions()


# Proxy and units


def test_the_proxy_asks_who_is_ready_and_keeps_the_operators_doors_shut() -> None:
    shut = set((re.search(r"@operator path (.*)", CADDYFILE) or [""])[1].split())

    assert {"/metrics", "/readyz"} <= shut
    for path in ("/metrics", "/readyz"):
        asked: dict[str, Any] = {
            "type": "http",
            "path": path,
            "method": "GET",
            "headers": [],
            "root_path": "",
        }
        assert any(route.matches(asked)[0] is Match.FULL for route in create_app().routes), path
    assert "respond @operator 404" in CADDYFILE
    assert "health_uri /readyz" in CADDYFILE
    assert set(re.findall(r"\{\$(\w+):", CADDYFILE)) == set(services()["proxy"]["environment"])


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_runs_a_command_of_ours_without_rights(name: str) -> None:
    said = unit(name)
    hardened = {
        line for line in (DEPLOY / "heard.service").read_text().split("UMask")[1].splitlines() if "=" in line
    }

    assert re.findall(r"/heard (\w+)", said["ExecStart"])[0] in commands()
    assert said["User"] == "heard"
    assert set(re.findall(r"HEARD_\w+", said["Environment"] + said["ExecStart"])) <= KNOWN
    assert {line for line in hardened if "WantedBy" not in line} <= set(
        (DEPLOY / name).read_text().replace("UMask", "").splitlines()
    )


@pytest.mark.parametrize("name", ["heard.service", "heard-worker.service"])
def test_a_unit_waits_for_a_stop_in_order(name: str) -> None:
    settings = Settings()
    most = settings.drain_seconds + settings.stop_seconds + LAST_STEP_SECONDS

    assert int(unit(name)["TimeoutStopSec"]) > most


def test_a_command_by_hand_runs_as_the_server_does() -> None:
    """With other settings, `heard doctor` looks at another installation."""
    (command,) = re.findall(r"^    systemd-run [^\\\n]*(?:\\\n[^\\\n]*)*", PAGE, re.MULTILINE)
    said = unit("heard.service")
    data_dir = said["Environment"].split()[0]

    assert f"--uid={said['User']} " in command
    assert f"-p EnvironmentFile={said['EnvironmentFile'].removeprefix('-')} " in command
    assert f"-p WorkingDirectory={said['WorkingDirectory']} " in command
    assert f"-E {data_dir} " in command
    assert f" {said['ExecStart'].removesuffix(' serve')} " in command
    assert "sudo -u heard" not in PAGE
    assert "PostgreSQL needs `heard migrate` the same way" in PAGE


def test_the_page_names_every_file_beside_it_and_only_commands_that_exist() -> None:
    assert {path.name for path in DEPLOY.iterdir()} - {"README.md"} <= set(re.findall(r"[\w.-]+", PAGE))
    assert set(re.findall(r"(?:bin/|`|run [^`\n]*)heard ([a-z]+)", PAGE)) <= commands()
    assert set(re.findall(r"HEARD_[A-Z_]+", PAGE)) <= KNOWN | {"HEARD_SITE", "HEARD_SERVERS"}
