"""Scales: which values an instrument takes. Pure."""

from dataclasses import dataclass
from uuid import UUID

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class InstrumentFacts:
    """The latest version of an instrument as the configuration snapshot holds it."""

    id: UUID
    name: str
    version: int
    low: int
    high: int
    step: float

    def takes(self, value: float) -> bool:
        """Whether a value lies on the scale: within its ends and on one of its steps."""
        steps = (value - self.low) / self.step
        return self.low <= value <= self.high and abs(steps - round(steps)) < _ROUNDING


READY = (("csat", "csat", 1, 5), ("nps", "nps", 0, 10), ("ces", "ces", 1, 7))
"""The instruments every installation starts with: name, kind, lowest and highest value."""
