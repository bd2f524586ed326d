"""What the interpreter is told before a server takes its first request."""

import gc

_THRESHOLDS = (50_000, 50, 1000)


def settle() -> None:
    """Keep the collector off what was made at the start, which stays, and let it look at the rest seldom.

    By default it walks through everything the imports left many times a second, and requests wait for it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
