"""A stranger who knows the OpenAPI document alone: schemathesis, with every check of its own.

It runs in process, over ASGI, with the key of an agent who may do everything; a seed fixes what it draws.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import schemathesis
from fastapi import FastAPI
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.engine import Status, events, from_schema
from schemathesis.openapi.checks import RejectedPositiveData

EXAMPLES = int(os.environ.get("HEARD_CONTRACT_EXAMPLES", "5"))
SEED = int(os.environ.get("HEARD_CONTRACT_SEED", "20261122"))

NO_SCHEMA_SAYS = {
    "bad_cursor": "a cursor is signed",
    "before_opened": "by what is stored",
    "built_in": "by the name of the clock",
    "clock_redefined": "by what is stored",
    "either_or": "one of two fields",
    "idempotency_key_reused": "the stranger draws the same key twice",
    "in_future": "by the clock",
    "incomplete": "fields that go together",
    "never_opens": "by the hours and the clock",
    "no_open_hours": "by the hours",
    "no_scale": "low lies below high",
    "not_a_date": "the 30th of February",
    "not_after_from": "`from` lies before `to`",
    "not_an_instant": "the 30th of February",
    "not_an_agents": "by the key",
    "not_in_team": "by what is stored",
    "not_its_kind": "a score has scores, anything else may have events",
    "out_of_bounds": "no JSON Schema compares times",
    "out_of_reach": "by the hours of a calendar",
    "out_of_scale": "by the instrument",
    "overtaken": "by what is stored",
    "overlapping": "no JSON Schema compares times",
    "repeated": "group_by, once as two values and once with a comma",
    "reserved": "a name that figures use otherwise",
    "says_nothing": "white space as Python sees it is a little more than as a pattern does",
    "score_only": "two fields that go together",
    "stale": "the version moves on",
    "stops_at_start": "two lists without a common word",
    "too_many_buckets": "from, to and interval together",
    "twice": "names and dates stand once",
    "unknown": "a name of nothing that is stored",
    "unknown_agent": "by what is stored",
    "unknown_calendar": "by what is stored",
    "unknown_country": "a list too long to repeat",
    "unknown_instrument": "by what is stored",
    "unknown_site": "by what is stored",
    "unknown_source": "by what is stored",
    "unknown_subdivision": "by the country",
    "unknown_team": "by what is stored",
    "unreachable": "by the targets before it",
    "use_import": "by the clock",
}
"""Refusals of what the document allows, each with the reason why no JSON Schema can say so."""

CHECKS = {
    # 428 is what RFC 6585 made for a missing If-Match; the tool's list lacks it.
    "missing_required_header": {"expected-statuses": ["401", "403", "422", "428"]},
    # So it does 413, for an array of more than 10,000.
    "negative_data_rejection": {
        "expected-statuses": ["400", "401", "403", "404", "405", "413", "415", "422", "428"]
    },
}
GENERATION = {
    "deterministic": "HEARD_CONTRACT_SEED" not in os.environ,  # then the draws are the same in every run
    "max-examples": EXAMPLES,
    "no-shrink": True,
    "database": "none",
    "allow-x00": False,  # no JSON Schema says "no NUL" without a pattern on every string
}

schemathesis.openapi.format("iana-zone", st.sampled_from(["UTC", "Europe/Lisbon", "Asia/Kathmandu"]))
schemathesis.openapi.format("web-origin", st.sampled_from(["https://shop.example", "http://127.0.0.1:8000"]))
schemathesis.openapi.format("phone-number", st.sampled_from(["+351912345678", "+44 20 7946 0018"]))


@schemathesis.serializer("application/x-ndjson", "application/merge-patch+json")
def _as_json(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    """Write JSON: the tool does not know that these are JSON too, the first with one line."""
    return value if isinstance(value, bytes) else json.dumps(value).encode()


@schemathesis.hook
def map_query(_context: schemathesis.HookContext, query: dict[str, Any] | None) -> dict[str, Any] | None:
    """Put a period the right way round, or most questions about figures would end at that."""
    if query and isinstance(query.get("from"), str) and isinstance(query.get("to"), str):
        query["from"], query["to"] = sorted((query["from"], query["to"]))
    return query


@schemathesis.hook
def filter_failure(
    _context: schemathesis.HookContext,
    failure: Failure,
    _case: schemathesis.Case[Any],
    response: schemathesis.Response,
) -> bool:
    """Drop what the tool cannot know: rules beyond any schema, and batches that answer for each item."""
    if isinstance(failure, RejectedPositiveData):
        # Of a header it knows the tool forgets the pattern: 0 is no version in quotes.
        is_odd_tag = response.request.headers.get("If-Match") == "0"
        return not is_odd_tag and not _codes(response) <= NO_SCHEMA_SAYS.keys()
    if isinstance(failure, AcceptedNegativeData) and response.status_code == 200:
        return not response.json().get("rejected")
    return True


def _codes(response: schemathesis.Response) -> set[str]:
    """Return the codes of a problem, the more telling ones of its flaws if it has any."""
    problem = response.json()
    codes = {flaw["code"] for flaw in problem.get("errors", ())} or {problem["code"]}
    # A stranger who takes an id from where there is none asks for the thing named null.
    named_null = any(part in {"None", "null"} for part in urlsplit(str(response.request.url)).path.split("/"))
    return codes - {"uuid_parsing"} if named_null else codes


def settings(key: str) -> SchemathesisConfig:
    """Return how the stranger behaves."""
    return SchemathesisConfig.from_dict(
        {
            "seed": SEED,
            "auth": {"openapi": {"Key": {"bearer": key}, "KeyInQuery": {"api_key": key}}},
            "checks": CHECKS,
            "continue-on-failure": True,
            "generation": GENERATION,
            "phases": {"stateful": {"generation": {**GENERATION, "max-examples": EXAMPLES * 6}}},
            "suppress-health-check": ["all"],
        }
    )


@dataclass
class Story:
    """What the stranger met: complaints, a paragraph each, and the operations that did something."""

    complaints: list[str] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    offered: int = 0


def explore(app: FastAPI, key: str) -> Story:
    """Let the stranger try everything."""
    story = Story()
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, config=settings(key))
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            story.complaints += _complaints(event)
            story.done |= _done(event)
        elif isinstance(event, events.NonFatalError):
            story.complaints.append(f"{event.label}: {event.value!r}")
        elif isinstance(event, events.FatalError):
            raise event.exception
    story.offered = schema.statistic.operations.total
    return story


def _complaints(event: events.ScenarioFinished) -> Iterator[str]:
    for case_id, checks in event.recorder.checks.items():
        for check in checks:
            if check.status is Status.FAILURE and check.failure_info is not None:
                found = event.recorder.interactions[case_id].response
                yield "\n".join(
                    (
                        f"{event.phase.value}: {check.name}: {check.failure_info.failure.message}",
                        check.failure_info.code_sample,
                        found.content[:1000].decode(errors="replace") if found else "no answer",
                    )
                )


def _done(event: events.ScenarioFinished) -> set[str]:
    """Return the operations that answered well."""
    return {
        event.recorder.cases[case_id].value.operation.label
        for case_id, exchange in event.recorder.interactions.items()
        if exchange.response is not None and exchange.response.status_code < HTTPStatus.MULTIPLE_CHOICES
    }
