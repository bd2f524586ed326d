"""Asked, taken, finished, failed or forgotten in any order: the queue does what a dictionary would."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from app.db import jobs
from app.db.jobs import JOBS, LEASE, Again, Job, State

KEYS, KINDS = st.sampled_from(["a", "b"]), ("known",)
FEW = 2  # attempts, so that a short walk meets the end of them
MINUTES = st.sampled_from([timedelta(minutes=each) for each in (0, 1, 5)])


@dataclass
class Wanted:
    """What the dictionary knows of a key."""

    due_at: datetime
    n: int
    generation: int = 1
    claimed: int = 0
    attempts: int = 0
    leased_until: datetime | None = None
    dead: bool = False


class Queue(RuleBasedStateMachine):
    """The queue in SQLite beside a dictionary; workers hold what they claimed, however stale."""

    def __init__(self) -> None:
        super().__init__()
        engine = create_engine("sqlite://")
        JOBS.metadata.create_all(engine)
        self.most_attempts, jobs.MOST_ATTEMPTS = jobs.MOST_ATTEMPTS, FEW
        self.session = Session(engine, expire_on_commit=False)
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
        self.wanted: dict[str, Wanted] = {}
        self.held: list[tuple[Job, Wanted]] = []

    def teardown(self) -> None:
        jobs.MOST_ATTEMPTS = self.most_attempts
        self.session.close()
        self.session.get_bind().engine.dispose()

    def _ask(self, key: str, due_at: datetime, n: int) -> None:
        it = self.wanted.get(key)
        if it is None:
            self.wanted[key] = Wanted(due_at, n)
            return
        untouched = it.claimed < it.generation
        it.due_at = min(it.due_at, due_at) if untouched else due_at
        it.generation, it.n, it.dead = it.generation + 1, n, False

    def _is_held(self, job: Job, it: Wanted) -> bool:
        """Whether the worker's claim is still the last one of a job that is still there."""
        return (
            self.wanted.get(job.key) is it
            and (it.claimed, it.attempts) == (job.generation, job.attempts)
            and it.leased_until is not None
        )

    @rule(minutes=st.sampled_from([LEASE, timedelta(hours=2)]))
    def time_passes(self, minutes: timedelta) -> None:
        self.now += minutes

    @rule(key=KEYS, later=MINUTES, n=st.sampled_from([1, 7]))
    def ask(self, key: str, later: timedelta, n: int) -> None:
        self.now += timedelta(seconds=1)  # ids of one instant have no order, and a walk must be repeatable
        jobs.enqueue(self.session, "known", key, due_at=self.now + later, now=self.now, data={"n": n})
        self._ask(key, self.now + later, n)

    @initialize()
    def newer_code_asks(self) -> None:
        jobs.enqueue(self.session, "unknown", "a", due_at=self.now, now=self.now)

    @rule()
    def claim(self) -> None:
        expected = {
            key: it
            for key, it in self.wanted.items()
            if not it.dead
            and it.due_at <= self.now
            and (it.leased_until is None or it.leased_until <= self.now)
        }
        assert jobs.anything_due(self.session, KINDS, now=self.now) == bool(expected)
        dead = self._dead()
        job = jobs.claim(self.session, KINDS, now=self.now)
        died = self._dead() - dead
        key = job.key if job else next(iter(died), None)
        if key is None:
            assert not expected
            return
        it = expected[key]
        assert it.due_at == min(each.due_at for each in expected.values())
        it.attempts = it.attempts + 1 if it.claimed == it.generation else 1
        it.claimed, it.leased_until = it.generation, self.now + LEASE
        assert (job is None) == (it.attempts > FEW)
        if job is None:
            it.dead, it.leased_until = True, None
            it.due_at = self.now + jobs.wait(it.attempts, chance=0)
            return
        assert (job.generation, job.attempts, job.state) == (it.generation, it.attempts, State.RUNNING)
        self.held.append((job, it))

    @precondition(lambda self: self.held)
    @rule(data=st.data(), again=st.booleans())
    def complete(self, data: st.DataObject, *, again: bool) -> None:
        job, it = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        is_held = self._is_held(job, it)
        due = Again(self.now + timedelta(minutes=3), {"n": 2}) if again else None
        assert jobs.complete(self.session, job, now=self.now, again=due) == is_held
        if not is_held:
            return
        it.leased_until = None
        if it.generation > job.generation:
            return
        if due:
            self._ask(job.key, due.due_at, 2)
        else:
            del self.wanted[job.key]

    @precondition(lambda self: self.held)
    @rule(data=st.data(), chance=st.sampled_from([0.0, 0.5]))
    def fail(self, data: st.DataObject, chance: float) -> None:
        job, it = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        is_held = self._is_held(job, it)
        assert jobs.fail(self.session, job, error="Trouble", now=self.now, chance=chance) == is_held
        if not is_held:
            return
        it.leased_until = None
        if it.generation == job.generation:
            it.due_at = self.now + jobs.wait(job.attempts, chance=chance)
            it.dead = job.attempts >= FEW

    @invariant()
    def both_agree(self) -> None:
        found = {job.key: job for job in self._listed() if job.kind == "known"}
        assert found.keys() == self.wanted.keys()
        for key, it in self.wanted.items():
            leased = it.leased_until is not None and it.leased_until > self.now
            state = State.DEAD if it.dead else State.RUNNING if leased else State.WAITING
            job = found[key]
            assert (job.generation, job.due_at, job.data, job.state) == (
                it.generation,
                it.due_at,
                {"n": it.n},
                state,
            )

    @invariant()
    def what_newer_code_asked_for_is_left_alone(self) -> None:
        others = [job for job in self._listed() if job.kind == "unknown"]
        assert {(job.state, job.attempts) for job in others} <= {(State.WAITING, 0)}

    def _dead(self) -> set[str]:
        return {job.key for job in self._listed() if job.state is State.DEAD}

    def _listed(self) -> list[Job]:
        return jobs.page(self.session, None, after=None, limit=100, now=self.now)


TestQueue = Queue.TestCase
TestQueue.settings = settings(
    max_examples=30, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
