"""The collector is told to leave alone what the start left."""

import gc

from app.cli import tuning


def test_what_the_start_left_is_frozen_and_the_rest_looked_at_seldom() -> None:
    before = gc.get_threshold()
    gc.unfreeze()
    gc.set_threshold(700, 10, 10)
    try:
        tuning.settle()
        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold()[0] > 10_000
    finally:
        gc.set_threshold(*before)
