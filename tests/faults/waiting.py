"""Wait for what another process does, and be told when it does not."""

import asyncio
from collections.abc import Callable


async def until(holds: Callable[[], object], *, seconds: float) -> None:
    """Look until something holds.

    Raises:
        TimeoutError: it does not, in all this time.
    """
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110  (what is looked at is a number, a process or another machine's work)
            await asyncio.sleep(0.01)
