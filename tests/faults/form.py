"""How much of each fault: a little of it in every check, all of it by `make faults`."""

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass

import pytest

FULL = os.environ.get("HEARD_FAULTS") == "full"
Figures = Callable[..., None]
SEED = int(os.environ.setdefault("HEARD_SEED", str(secrets.randbelow(1_000_000))))  # for every worker alike

at_length = pytest.mark.skipif(not FULL, reason="`make faults` takes the time for this one")


@dataclass(frozen=True, slots=True)
class Form:
    """The least of each."""

    kills: int
    kill_after: tuple[float, float]
    acknowledged: int
    crashes: int
    cut_commits: int
    keys: int


FORM = (
    Form(kills=50, kill_after=(1.0, 2.0), acknowledged=10_000, crashes=20, cut_commits=100, keys=200)
    if FULL
    else Form(kills=2, kill_after=(0.4, 0.8), acknowledged=200, crashes=2, cut_commits=5, keys=5)
)
