"""One ticket's clocks brought in line with what happened: which rows change, and what is to be said. Pure.

A ticket whose new events come last in replay order, under the terms its running clocks were judged by, costs
one step of the fold for each; any other is replayed whole. What is over keeps the terms it was judged by.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from app.policies.definitions import BUILT_IN
from app.policies.terms import Book, Facts, Policy, Terms
from app.sla.rows import MICROSECOND, Row, definitions, judged_by, next_due, row, terms_of
from app.sla.rules import ACTIVE, Episode, Fold, Happened, in_replay_order, replay, resume
from app.sla.verdicts import RETRACTED, Meter, Notice, Settled, Told, judge, settle
from app.tickets.rules import OPENED

REJUDGED = "sla.rejudged"
_JUDGED_BY = frozenset(judged_by(None, ""))

Stored = Any
"""A clock as it is stored: `app.models.sla.Clock`, or a row of all its columns."""
OldTerms = Callable[[Stored], Terms | None]
"""Finds the terms that a stored clock was judged by."""


@dataclass(frozen=True, slots=True)
class Case:
    """A ticket as its clocks see it; `replayed` is the version, instant and standing they were replayed to.

    `is_told`: whether anybody is to be told of what falls due.
    """

    id: UUID
    facts: Facts
    is_told: bool
    policy_id: UUID | None
    replayed: tuple[int, datetime, str] | None


@dataclass(frozen=True, slots=True)
class Saying:
    """Something to be said of a ticket: an event's type, instant and data."""

    type: str
    at: datetime
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a ticket's clocks: new rows, changed columns by the id of the stored one, ids gone.

    `replayed` is the instant and standing they are replayed to now.
    """

    policy_id: UUID | None
    next_due_at: datetime | None
    replayed: tuple[datetime, str]
    added: Sequence[Row] = ()
    changed: Mapping[UUID, Row] = field(default_factory=dict)
    gone: Sequence[UUID] = ()
    sayings: Sequence[Saying] = ()


def policy_of(case: Case, book: Book) -> Policy | None:
    """Return the policy a ticket is under: its own while that is in force, else the one chosen for it now."""
    own = book.policies.get(case.policy_id) if case.policy_id else None
    return own or book.choose(case.facts)


def is_stale(stored: Stored, policy: Policy | None) -> bool:
    """Tell whether a running clock was judged by other terms than those of today."""
    if stored.stopped_at is not None:
        return False
    today = judged_by(policy, stored.name)
    return any(getattr(stored, column) != value for column, value in today.items())


def needs_replay(
    case: Case, stored: Iterable[Stored], new: Sequence[Happened], policy: Policy | None
) -> bool:
    """Tell whether all events must be read again, not only the new ones."""
    if case.replayed is None:
        return True
    place = (case.replayed[1], case.replayed[0])
    for event in new:
        if (event.at, event.version) < place or event.priority is not None:
            return True
        place = (event.at, event.version)
    return any(is_stale(each, policy) for each in stored)


def since_the_opening(
    case: Case, stored: Sequence[Stored], new: Sequence[Happened], policy: Policy | None
) -> Sequence[Happened]:
    """Return all events that matter where only the opening was replayed so far; none where they must be read.

    That is so while every clock counts from the instant they were replayed to. What else may have happened in
    that instant moves none of the clocks that every ticket has.
    """
    if case.replayed is None or definitions(policy) != BUILT_IN or any(each.priority for each in new):
        return ()
    _, at, standing = case.replayed
    is_alone = standing == ACTIVE and all(
        (each.start_version, each.started_at, each.stopped_at) == (1, at, None) for each in stored
    )
    return (Happened(OPENED, 1, at), *new) if stored and is_alone else ()


def step(
    case: Case, stored: Sequence[Stored], new: Sequence[Happened], policy: Policy | None, *, now: datetime
) -> Outcome:
    """Fold new events into what is stored of a ticket: its running clocks, and the last of each name."""
    if case.replayed is None:
        message = "a ticket that was never replayed has to be replayed whole"
        raise ValueError(message)
    _, at, standing = case.replayed
    fold = resume(
        [_episode(each) for each in stored if each.stopped_at is None],
        definitions(policy),
        priority=case.facts.priority,
        ordinals={each.name: each.ordinal for each in sorted(stored, key=attrgetter("ordinal"))},
        standing=(at, standing),
    )
    for event in new:
        fold.read(event)
    bench = _Bench(case, fold, policy, {(each.name, each.start_version): each for each in stored}, now)
    for episode in fold.result():
        known = bench.known(episode)
        bench.judge(episode, terms_of(policy, episode.name), so_far=_meter(known) if known else None)
    bench.note_last(stored, fold.ordinals)  # of what is over: another may be the last of its name now
    return bench.outcome(new[-1].at if new else at)


def start_over(
    case: Case,
    stored: Sequence[Stored],
    events: Sequence[Happened],
    policy: Policy | None,
    old_terms: OldTerms,
    *,
    now: datetime,
) -> Outcome:
    """Replay all events of a ticket, and bring all its stored clocks in line."""
    fold = replay(events, definitions(policy), priority=case.facts.priority)
    names = {each.name for each in definitions(policy)}
    # A clock of one's own that the policy no longer has: what is over stays, what runs ends without a trace.
    ours = [each for each in stored if each.name in names or each.stopped_at is None]
    bench = _Bench(case, fold, policy, _paired(ours, fold.result()), now)
    for episode in fold.result():
        known = bench.known(episode)
        is_over = known is not None and known.stopped_at is not None
        bench.judge(episode, old_terms(known) if is_over else terms_of(policy, episode.name), keeps=is_over)
    kept = {each.id for each in bench.present.values()}
    bench.drop([each for each in ours if each.id not in kept])
    left = [each for each in stored if each.name not in names and each.stopped_at is not None]
    left.sort(key=attrgetter("ordinal"))
    bench.note_last(left, {each.name: each.ordinal for each in left})
    return bench.outcome(in_replay_order(events)[-1].at)


@dataclass(slots=True)
class _Bench:
    """Where the clocks of one ticket are compared with what they should be, one after the other."""

    case: Case
    fold: Fold
    policy: Policy | None
    present: Mapping[tuple[str, int], Stored]
    now: datetime
    added: list[Row] = field(default_factory=list)
    changed: dict[UUID, Row] = field(default_factory=dict)
    gone: list[UUID] = field(default_factory=list)
    sayings: list[Saying] = field(default_factory=list)
    dues: list[Row] = field(default_factory=list)
    rejudged: dict[str, str | None] = field(default_factory=dict)

    def known(self, episode: Episode) -> Stored | None:
        """Return what is stored of an episode."""
        return self.present.get((episode.name, episode.start_version))

    def judge(
        self, episode: Episode, terms: Terms | None, *, so_far: Meter | None = None, keeps: bool = False
    ) -> None:
        """Judge an episode; `keeps` says that it stays under the terms it was judged by."""
        judged = judge(episode, self.fold.standings, terms, self.case.facts, so_far=so_far)
        known = self.known(episode)
        told = _told(known, self.now)
        settled = settle(episode, judged, told, now=self.now)
        if not self.case.is_told:  # what was said before it was set aside stays said
            silent = settled.told._replace(
                breached_at=told.breached_at, warned=told.warned, revision=told.revision
            )
            settled = Settled(silent, (), None)
        is_last = episode.ordinal == self.fold.ordinals[episode.name]
        made = row(episode, judged, settled.told, is_last=is_last, next_at=settled.next_at)
        if not keeps:
            made |= judged_by(self.policy, episode.name)
        if known is None:
            self.added.append(made)
        elif different := {name: value for name, value in made.items() if getattr(known, name) != value}:
            self.changed[known.id] = different
            was_stale = known.stopped_at is None and not _JUDGED_BY.isdisjoint(different)
            if self.case.is_told and was_stale and "due_at" in different:
                self.rejudged[episode.name] = _written(judged.due_at)
        self.dues.append(made)
        self.sayings += [_saying(episode.name, episode.ordinal, each) for each in settled.notices]

    def note_last(self, those: Iterable[Stored], ordinals: Mapping[str, int]) -> None:
        """Keep it true of clocks that are over whether each is the last of its name."""
        for each in those:
            is_last = each.ordinal == ordinals[each.name]
            if each.stopped_at is not None and each.is_last != is_last:
                self.changed[each.id] = {"is_last": is_last}

    def drop(self, those: Iterable[Stored]) -> None:
        """Take away clocks that turned out never to have run, and what was said of them."""
        for each in those:
            self.gone.append(each.id)
            if each.breached_at is not None:
                taken_back = Notice(RETRACTED, self.now, each.breached_at, each.revision + 1)
                self.sayings.append(_saying(each.name, each.ordinal, taken_back))

    def outcome(self, at: datetime) -> Outcome:
        """Return what was found; the clocks were replayed up to an event of this instant."""
        # What is taken back goes first, though it is taken back only now: the same may be said anew.
        sayings = sorted(self.sayings, key=lambda each: (each.type != RETRACTED, each.at))
        if self.rejudged:
            policy = {
                "policy_id": str(self.policy.id) if self.policy else None,
                "policy_version": self.policy.version if self.policy else None,
            }
            sayings.insert(0, Saying(REJUDGED, self.now, {**policy, "due": self.rejudged}))
        return Outcome(
            policy_id=self.policy.id if self.policy else None,
            next_due_at=next_due(self.dues),
            replayed=(at, self.fold.stands),
            added=self.added,
            changed=self.changed,
            gone=self.gone,
            sayings=sayings,
        )


def _paired(stored: Sequence[Stored], episodes: Sequence[Episode]) -> dict[tuple[str, int], Stored]:
    """Return the stored clock of each episode: the one of the same start, else a spare one of its name."""
    by_start = {(each.name, each.start_version): each for each in stored}
    wanted = [(each.name, each.start_version) for each in episodes]
    pairs = {key: by_start[key] for key in wanted if key in by_start}
    spare = [each for key, each in by_start.items() if key not in pairs]
    for key in wanted:
        if key not in pairs and (same := next((each for each in spare if each.name == key[0]), None)):
            spare.remove(same)
            pairs[key] = same
    return pairs


def _episode(stored: Stored) -> Episode:
    return Episode(stored.name, stored.ordinal, stored.start_version, stored.started_at)


def _meter(stored: Stored) -> Meter:
    return Meter(stored.counted * MICROSECOND, stored.counted_until, stored.counting, stored.due_at)


def _told(stored: Stored | None, now: datetime) -> Told:
    if stored is None:
        return Told(None, scheduled_at=now)
    warned = stored.warned * MICROSECOND
    return Told(stored.due_at, stored.scheduled_at, warned, stored.breached_at, stored.revision)


def _saying(name: str, ordinal: int, notice: Notice) -> Saying:
    data: dict[str, Any] = {
        "clock": name, "ordinal": ordinal, "due_at": _written(notice.due_at), "revision": notice.revision,
    }  # fmt: skip
    if notice.counted:
        data["counted_seconds"] = notice.counted.total_seconds()
    if notice.retroactive:
        data["retroactive"] = True
    return Saying(notice.kind, notice.at, data)


def _written(instant: datetime | None) -> str | None:
    return instant.isoformat().replace("+00:00", "Z") if instant else None
