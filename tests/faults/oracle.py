"""The judge: compares the clients' ledger with the database, row by row and both ways."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.faults.ledger import Entry, Ledger
from tests.faults.rows import Row, Rows

CLOCKS = ["first_response", "resolution"]


@dataclass(slots=True)
class Verdict:
    """What was acknowledged and is not there, what is there twice, and whatever else does not fit."""

    acknowledged: int
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.wrong)


def judge(ledger: Ledger, rows: Rows) -> Verdict:
    """Compare; a run that ended early may hold what was asked and not yet acknowledged, once."""
    verdict = Verdict(ledger.acknowledged, wrong=list(ledger.unexpected))
    subjects = _subjects(rows)
    _judge_subjects(ledger, subjects, verdict)
    known = {row[0]: nonce for nonce, found in subjects.items() for row in found}
    _judge_records(ledger, rows, known, verdict)
    _judge_external_ids(ledger, rows, known, verdict)
    _judge_customers(ledger, rows, known, verdict)
    _judge_events(rows, known, verdict)
    _expect({row[0]: CLOCKS for row in rows.tickets}, _grouped(rows.clocks), "clocks of a ticket", verdict)
    return verdict


def _subjects(rows: Rows) -> dict[str, list[Row]]:
    """Return (id, kind, score, ticket, external id, customer) of what is stored, by nonce."""
    on_tickets = {row[0]: row[4] for row in rows.scores if not row[2]}
    subjects: dict[str, list[Row]] = defaultdict(list)
    for identifier, text, kind, external_id, customer_id in rows.tickets:
        subjects[text].append((identifier, kind, on_tickets.get(identifier), None, external_id, customer_id))
    for identifier, comment, standalone, ticket_id, value, customer_id in rows.scores:
        if standalone:
            subjects[comment].append((identifier, "score", value, ticket_id, None, customer_id))
    return subjects


def _judge_subjects(ledger: Ledger, subjects: dict[str, list[Row]], verdict: Verdict) -> None:
    verdict.wrong += [f"nobody asked for {nonce}" for nonce in subjects.keys() - ledger.entries.keys()]
    for nonce, entry in ledger.entries.items():
        found = subjects.get(nonce, [])
        if len(found) > 1:
            verdict.doubled.append(nonce)
        if entry.id and _hex(entry.id) not in {row[0] for row in found}:
            verdict.lost.append(nonce)
        verdict.wrong += [f"{entry} is stored as {row}" for row in found if row[1:5] != _as_stored(entry)]


def _as_stored(entry: Entry) -> Row:
    said = entry.said
    return (said.kind, said.score, _hex(said.ticket_id) if said.ticket_id else None, said.external_id)


def _judge_records(ledger: Ledger, rows: Rows, known: dict[str, str], verdict: Verdict) -> None:
    """Each stored submission that had a key has its record, and each record its submission."""
    asked = {entry.record: nonce for nonce, entry in ledger.entries.items() if entry.record}
    recorded: Counter[str] = Counter()
    for key_hash, fingerprint, status, subject_id in rows.idempotency:
        nonce = asked.get((key_hash, fingerprint), "")
        recorded[nonce] += 1
        if known.get(subject_id) != nonce or status != 201:
            verdict.wrong.append(f"a record of {nonce or 'nobody'} stands for {subject_id}, {status}")
    stored = {nonce for nonce in known.values() if nonce in ledger.entries and ledger.entries[nonce].record}
    verdict.wrong += [f"{nonce} is stored without its record" for nonce in stored - recorded.keys()]


def _judge_external_ids(ledger: Ledger, rows: Rows, known: dict[str, str], verdict: Verdict) -> None:
    wanted = {
        entry.said.external_id: [nonce]
        for nonce in known.values()
        if (entry := ledger.entries.get(nonce)) and entry.said.external_id
    }
    found = _grouped((external_id, known.get(subject_id)) for external_id, subject_id in rows.external_ids)
    _expect(wanted, found, "subjects of an external id", verdict)


def _judge_customers(ledger: Ledger, rows: Rows, known: dict[str, str], verdict: Verdict) -> None:
    """Each person who spoke is one customer with both identities, who owns what they said."""
    owners = {row[0]: row[4] for row in rows.tickets}
    spoke = {
        (person, owners.get(identifier))
        for identifier, nonce in known.items()
        if (entry := ledger.entries.get(nonce)) and (person := entry.said.person) is not None
    }
    wanted = {
        identity: [customer]
        for person, customer in spoke
        for identity in (("ref", f"C-{person}"), ("email", f"p{person}@example.org"))
    }
    found = _grouped(((kind, value), customer) for kind, value, customer in rows.identities)
    _expect(wanted, found, "customers of an identity", verdict)
    customers = Counter(identifier for (identifier,) in rows.customers)
    if customers != Counter({customer for _, customer in spoke}):
        verdict.wrong.append(f"{len(customers)} customers for {len(spoke)} who spoke")


def _judge_events(rows: Rows, known: dict[str, str], verdict: Verdict) -> None:
    """Each submission has one event; each event its one place, in the outbox or in a stream without gaps."""
    scored = {row[0] for row in rows.scores if row[2]}
    wanted = {
        identifier: [(1, "score.given" if identifier in scored else "ticket.opened")] for identifier in known
    }
    found = _grouped((subject_id, (version, kind)) for _, subject_id, version, kind in rows.events)
    _expect(wanted, found, "events of a subject", verdict)
    places = Counter([event_id for (event_id,) in rows.outbox] + [event_id for _, event_id in rows.stream])
    if any(places[row[0]] != 1 for row in rows.events) or max(places.values(), default=1) > 1:
        verdict.wrong.append("an event has no place, or two")
    if [sequence for sequence, _ in rows.stream] != list(range(1, len(rows.stream) + 1)):
        verdict.wrong.append("the stream has a gap")


def _expect(
    wanted: Mapping[Any, list[Any]], found: Mapping[Any, list[Any]], what: str, verdict: Verdict
) -> None:
    for key in wanted.keys() | found.keys():
        if wanted.get(key) != found.get(key):
            verdict.wrong.append(f"{what} {key}: {found.get(key)} instead of {wanted.get(key)}")


def _grouped(pairs: Iterable[Row]) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return {key: sorted(values, key=str) for key, values in groups.items()}


def _hex(identifier: str) -> str:
    return identifier.replace("-", "")
