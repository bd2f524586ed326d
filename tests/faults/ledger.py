"""The clients' own ledger: what was asked, and what was answered for good.

A client repeats a post, with the same key or external id, until the answer is final. So at the end of a run
everything that was asked was acknowledged, and the database must hold exactly that.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app import clock
from tests.faults.caller import GONE, Answer, Caller
from tests.faults.saying import ONE, Post, Said, Script

PAUSE = 0.05
ASK_AGAIN = 0.03
_MAY_PASS = {429, 503}


@dataclass(slots=True)
class Entry:
    """One submission that was asked for: under which record, and what the final answer was."""

    said: Said
    record: tuple[str, str] | None
    status: int = 0
    id: str = ""


class Ledger:
    """What all clients of a run asked and were told."""

    def __init__(self, seed: int) -> None:
        self.script = Script(seed)
        self.entries: dict[str, Entry] = {}
        self.ticket_ids: list[str] = []
        self.done: list[Post] = []
        self.acknowledged = 0
        self.acknowledged_at: list[float] = []
        self.interrupted = 0
        self.refusals: Counter[str] = Counter()
        self.unexpected: list[str] = []

    def next_post(self) -> Post:
        """Return what to post next, on record: now and then what was acknowledged before, once more."""
        if self.done and self.script.random.random() < ASK_AGAIN:
            return self.script.random.choice(self.done)
        return self.new_post()

    def new_post(self, *, keyed: bool = False) -> Post:
        """Return what nobody posted before, on record; with a key where one is wanted for certain."""
        return self.enter(self.script.post(self.ticket_ids, keyed=keyed))

    def enter(self, post: Post) -> Post:
        """Put on record that this is asked for."""
        for place, said in enumerate(post.said):
            self.entries[said.nonce] = Entry(said, post.record_of(place))
        return post

    def take(self, post: Post, answer: Answer) -> bool:
        """Write down an answer, and tell whether it was final."""
        if answer.status in _MAY_PASS and answer.code:
            self.refusals[answer.code] += 1
            return False
        if answer.status not in {200, 201}:
            self.unexpected.append(f"{answer.status} {answer.body[:200]!r}")
            return True
        results = (
            [answer.json() | {"status": answer.status}] if post.path == ONE else answer.json()["results"]
        )
        finals = [self._take_one(said, result) for said, result in zip(post.said, results, strict=True)]
        if all(finals):
            self.done.append(post)
        return all(finals)

    def _take_one(self, said: Said, result: dict[str, object]) -> bool:
        entry, status, found = self.entries[said.nonce], int(str(result["status"])), str(result.get("id"))
        if status in _MAY_PASS:
            return False
        if status not in {200, 201} or entry.id not in {"", found}:
            self.unexpected.append(f"{said} {entry} {result}")
            return True
        if not entry.id:
            entry.status, entry.id = status, found
            self.acknowledged += 1
            self.acknowledged_at.append(clock.monotonic())
            if not said.alone:
                self.ticket_ids.append(found)
        return True


async def insist(ledger: Ledger, caller: Caller, post: Post) -> None:
    """Post until the answer is final."""
    while True:
        try:
            if ledger.take(post, await caller.post(post.path, post.body, key=post.key)):
                return
        except GONE:
            ledger.interrupted += 1
        await asyncio.sleep(PAUSE)


async def _talk(ledger: Ledger, caller: Caller, over: asyncio.Event) -> None:
    try:
        while not over.is_set():
            await insist(ledger, caller, ledger.next_post())
    finally:
        caller.close()


@asynccontextmanager
async def talking(
    ledger: Ledger, call: Callable[[], Caller], *, clients: int = 32
) -> AsyncIterator[Callable[[], None]]:
    """Let clients talk as long as the context lasts; then each gets the final answer to its last post.

    The context is given a function that silences them at once, for when nobody will answer any more.
    """
    over = asyncio.Event()
    talks = [asyncio.create_task(_talk(ledger, call(), over)) for _ in range(clients)]

    def silence() -> None:
        for talk in talks:
            talk.cancel()

    try:
        yield silence
        over.set()
        _, unanswered = await asyncio.wait(talks, timeout=60)
        assert not unanswered, f"{len(unanswered)} clients got no final answer"
    finally:
        silence()
        found = await asyncio.gather(*talks, return_exceptions=True)
    for each in found:
        if isinstance(each, Exception):
            raise each
