"""Whatever can be listed is in the docs, and the docs say what the code says."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from app.cli.main import app as command_line
from app.main import create_app

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


@cache
def paths() -> list[str]:
    return list(create_app().openapi()["paths"])


def test_no_generated_page_is_stale() -> None:
    check = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (check.returncode, check.stdout) == (0, "")


def test_every_decision_fits_on_a_screen_and_has_the_sentence_people_quote() -> None:
    for path in sorted((ROOT / "docs/decisions").glob("*.md")):
        text = path.read_text(encoding="utf-8")

        assert len(text.splitlines()) <= 40, path.name
        assert "**" in text, path.name


@pytest.mark.parametrize("said", sorted(set(re.findall(r"\.venv/bin/heard ([a-z]+(?: [a-z]+)?)", README))))
def test_every_command_of_the_readme_exists(said: str) -> None:
    command = get_command(command_line)
    for name in said.split():
        if not isinstance(command, TyperGroup):  # from here on arguments are given
            break
        command = command.commands[name]


@pytest.mark.parametrize("path", sorted(set(re.findall(r"/v1/[a-z/-]+[a-z]", README))))
def test_every_route_of_the_readme_exists(path: str) -> None:
    described = paths()
    patterns = [re.sub(r"\{[^}]+\}", "[^/]+", each) for each in described]

    assert any(re.fullmatch(pattern, path) for pattern in patterns) or any(
        each.startswith(path) for each in described
    )


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([a-zA-Z][^)#:]+)\)", README))))
def test_every_page_the_readme_links_to_is_there(target: str) -> None:
    assert (ROOT / target).exists()
