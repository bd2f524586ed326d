"""Where the tests find real exports that are not ours to copy."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / os.environ.get("HEARD_REAL_DATA", "../shared/data")


def real_data(name: str) -> Path:
    """Return a file of real input; a test that needs it is skipped where the folder is not there."""
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"there is no {name} here; HEARD_REAL_DATA names its folder")
    return path
