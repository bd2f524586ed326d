"""Figures of the faults, as a table at the end; small disks and databases that can crash."""

from typing import Any

import pytest

from tests.faults.form import FULL, SEED, Figures
from tests.faults.oracle import Verdict

COLUMNS = ("acknowledged", "faults", "lost", "doubled", "slowest recovery s")


def pytest_report_header() -> str:
    return f"faults: {'full' if FULL else 'short'} form, seed {SEED}"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what each test counted."""
    reports = terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", [])
    counted = {each.nodeid.rpartition("::")[2]: dict(each.user_properties) for each in reports}
    terminalreporter.section(f"faults, seed {SEED}")
    width = max(map(len, counted), default=0)
    terminalreporter.write_line(" | ".join([" " * width, *COLUMNS]))
    for name, figures in sorted(counted.items()):
        if figures:
            cells = [str(figures.get(column, "")).rjust(len(column)) for column in COLUMNS]
            terminalreporter.write_line(" | ".join([name.ljust(width), *cells]))


@pytest.fixture
def figures(record_property: Any) -> Figures:
    """Note what a test counted, for the table at the end."""

    def note(verdict: Verdict, *, faults: int, slowest: float | None = None) -> None:
        counted = (verdict.acknowledged, faults, len(verdict.lost), len(verdict.doubled))
        for column, value in zip(COLUMNS, counted, strict=False):
            record_property(column, value)
        if slowest is not None:
            record_property(COLUMNS[-1], f"{slowest:.1f}")

    return note
