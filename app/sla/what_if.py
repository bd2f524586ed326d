"""What a policy would have done: past tickets judged by a draft of it, beside what they were judged then.

The draft replays each ticket's own events; what was judged then is read as it is stored.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import Any

from app.policies.terms import Book, Facts, Policy
from app.sla.clocks import facts_of, happened
from app.sla.ledger import verdict
from app.sla.ledger_schemas import Verdict
from app.sla.rows import terms_of
from app.sla.rules import Episode, Fold, replay
from app.sla.verdicts import judge
from app.sla.what_if_schemas import ChangedVerdict, ClockCompared, PromisesKept
from app.sla.what_if_store import Piece

MOST_EXAMPLES = 20
CHANGES = ("worse", "better", "newly_judged")
THEN, DRAFT = "then", "draft"


def taking(draft: Policy, todays: Book) -> Callable[[Facts], bool]:
    """Tell which tickets a draft would take if it were in force, in place of any of its name."""
    others = {
        each.id: replace(each, is_default=each.is_default and not draft.is_default)
        for each in todays.policies.values()
        if each.name != draft.name
    }
    book = Book(others | {draft.id: draft})

    def takes(facts: Facts) -> bool:
        chosen = book.choose(facts)
        return chosen is not None and chosen.id == draft.id

    return takes


@dataclass(frozen=True, slots=True)
class _Judged:
    """What became of an episode, on one side."""

    ordinal: int
    verdict: Verdict
    due_at: datetime | None


@dataclass(slots=True)
class Tally:
    """What was found so far: how often each clock had each verdict on each side, and what changed."""

    policy: Policy
    clock: str | None
    as_of: datetime
    tickets: int = 0
    verdicts: Counter[tuple[str, str, Verdict]] = field(default_factory=Counter)
    changes: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], list[ChangedVerdict]] = field(default_factory=lambda: defaultdict(list))

    def take(self, piece: Piece) -> None:
        """Judge the tickets of a piece; no short work, and it needs no database."""
        for ticket in piece.tickets:
            self.tickets += 1
            then = {(each.name, each.start_version): self._then(each) for each in piece.clocks[ticket.id]}
            draft = self._draft(ticket, piece.events[ticket.id])
            for key in then.keys() | draft.keys():
                if self.clock in {None, key[0]}:
                    self._compare(ticket, key[0], then.get(key), draft.get(key))

    def answer(self) -> list[ClockCompared]:
        """Return what was found, clock by clock."""
        names = [each.name for each in self.policy.definitions]
        names += sorted({name for name, _, _ in self.verdicts} - {*names})
        return [self._compared(name) for name in names if self.clock in {None, name}]

    def _then(self, stored: Any) -> _Judged:
        target, due_at, stopped_at = stored.target_seconds, stored.due_at, stored.stopped_at
        became = verdict(target=target, due_at=due_at, stopped_at=stopped_at, as_of=self.as_of)
        return _Judged(stored.ordinal, became, due_at)

    def _draft(self, ticket: Any, events: Iterable[Any]) -> dict[tuple[str, int], _Judged]:
        facts = facts_of(ticket)
        told = [happened(each) for each in events]
        fold = replay(told, self.policy.definitions, priority=facts.priority)
        return {(each.name, each.start_version): self._by_draft(each, fold, facts) for each in fold.result()}

    def _by_draft(self, episode: Episode, fold: Fold, facts: Facts) -> _Judged:
        judged = judge(episode, fold.standings, terms_of(self.policy, episode.name), facts)
        stopped_at = episode.stopped_at
        became = verdict(target=judged.target, due_at=judged.due_at, stopped_at=stopped_at, as_of=self.as_of)
        return _Judged(episode.ordinal, became, judged.due_at)

    def _compare(self, ticket: Any, clock: str, then: _Judged | None, draft: _Judged | None) -> None:
        for side, judged in ((THEN, then), (DRAFT, draft)):
            if judged is not None:
                self.verdicts[clock, side, judged.verdict] += 1
        change = _change(then.verdict if then else "none", draft.verdict if draft else "none")
        if change is None or draft is None:
            return
        self.changes[clock, change] += 1
        if len(self.examples[clock, change]) < MOST_EXAMPLES:
            self.examples[clock, change].append(
                ChangedVerdict(
                    ticket_id=ticket.id,
                    reference=ticket.reference,
                    ordinal=draft.ordinal,
                    then=then.verdict if then else "none",
                    draft=draft.verdict,
                    then_due_at=then.due_at if then else None,
                    draft_due_at=draft.due_at,
                )
            )

    def _compared(self, clock: str) -> ClockCompared:
        worse, better, new = (self.changes[clock, each] for each in CHANGES)
        examples = chain.from_iterable(self.examples[clock, each] for each in CHANGES)
        return ClockCompared(
            clock=clock,
            then=self._kept(clock, THEN),
            draft=self._kept(clock, DRAFT),
            better=better,
            worse=worse,
            newly_judged=new,
            examples=list(examples)[:MOST_EXAMPLES],
        )

    def _kept(self, clock: str, side: str) -> PromisesKept:
        met, breached, running, unjudged = (
            self.verdicts[clock, side, each] for each in ("met", "breached", "running", "none")
        )
        return PromisesKept(
            episodes=met + breached + running + unjudged,
            met=met,
            breached=breached,
            running=running,
            unjudged=unjudged,
            attainment=met / (met + breached) if met + breached else None,
        )


def _change(then: Verdict, draft: Verdict) -> str | None:
    """Tell what a change of verdict is, if it is one worth telling."""
    if draft == "none":
        return None
    if then == "none":
        return "newly_judged"
    if (then == "breached") == (draft == "breached"):
        return None
    return "worse" if draft == "breached" else "better"
