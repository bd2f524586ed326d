"""What the clients say: every kind of submission that writes other tables, each known by its nonce."""

import hashlib
import json
import random
from dataclasses import dataclass
from itertools import count
from typing import Any

PERSONS = 40
ONE, MANY = "/v1/feedback", "/v1/feedback/batch"


@dataclass(frozen=True, slots=True)
class Said:
    """One submission. The nonce stands in its text, so that its row is known without its id."""

    nonce: str
    score: int | None = None
    alone: bool = False
    ticket_id: str | None = None
    external_id: str | None = None
    person: int | None = None

    @property
    def kind(self) -> str:
        return "score" if self.alone else "complaint"

    def body(self) -> dict[str, Any]:
        """Return what is sent."""
        said: dict[str, Any] = {"kind": self.kind, "text": self.nonce}
        if self.score is not None:
            said["scores"] = [{"instrument": "csat", "value": self.score}]
        if self.person is not None:
            said["customer"] = {"ref": f"C-{self.person}", "email": f"p{self.person}@example.org"}
        if self.ticket_id is not None:
            said["ticket_id"] = self.ticket_id
        if self.external_id is not None:
            said["external_id"] = self.external_id
        return said


@dataclass(frozen=True, slots=True)
class Post:
    """One request: a submission alone, or a batch of them."""

    path: str
    key: str | None
    said: tuple[Said, ...]

    @property
    def lines(self) -> list[bytes]:
        return [json.dumps(each.body()).encode() for each in self.said]

    @property
    def body(self) -> bytes:
        return b"\n".join(self.lines)

    def record_of(self, place: int) -> tuple[str, str] | None:
        """Return the key's hash and the fingerprint under which the server promises to remember an item."""
        if self.key is None:
            return None
        key = self.key if self.path == ONE else f"{self.key}\0{place}"
        request = f"POST {self.path}\0\0".encode() + self.lines[place]
        return hashlib.sha256(key.encode()).hexdigest(), hashlib.sha256(request).hexdigest()


class Script:
    """Draws posts by a seed: mostly lone complaints, and some of everything else."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._numbers = count()

    def post(self, ticket_ids: list[str], *, keyed: bool = False) -> Post:
        """Return the next post; a score may hang on one of these tickets. Keyed, it is never a batch."""
        number, draw = next(self._numbers), self.random.random()
        if draw < 0.04 and not keyed:
            said = tuple(
                self._said(f"n{number}-{place}", self.random.random(), ticket_ids) for place in range(5)
            )
            return Post(MANY, f"k{number}", said)
        said = (self._said(f"n{number}", self.random.random(), ticket_ids),)
        safe = said[0].external_id is not None  # its own id makes a retry safe as well
        return Post(ONE, None if safe and draw < 0.5 and not keyed else f"k{number}", said)

    def _said(self, nonce: str, draw: float, ticket_ids: list[str]) -> Said:
        person = self.random.randrange(PERSONS)
        if draw < 0.60:
            return Said(nonce)
        if draw < 0.70:
            return Said(nonce, score=self.random.randint(1, 5), alone=True)
        if draw < 0.75 and ticket_ids:
            return Said(nonce, score=5, alone=True, ticket_id=self.random.choice(ticket_ids))
        if draw < 0.85:
            return Said(nonce, person=person)
        if draw < 0.95:
            return Said(nonce, external_id=f"x-{nonce}", person=person)
        return Said(nonce, score=self.random.randint(1, 5), person=person)
