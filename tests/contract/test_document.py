"""The OpenAPI document as a product: valid, whole, with limits and examples that hold."""

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import jsonschema_rs
import pytest
from httpx import AsyncClient
from schemathesis.specs.openapi.definitions import OPENAPI_31

from app.access.rules import SCOPES
from app.errors import AppError
from app.main import create_app
from app.settings import Settings
from tests.cast import caller, create
from tests.conftest import TestClock
from tests.contract.changes import METHODS
from tests.door.test_identity import PUBLIC

Json = dict[str, Any]
APP = create_app()
DOCUMENT: Json = json.loads(json.dumps(APP.openapi()))
OPERATIONS = {
    found["operationId"]: (f"{method.upper()} {path}", found)
    for path, operations in DOCUMENT["paths"].items()
    for method, found in operations.items()
    if method in METHODS
}
BODIES = {
    f"{name} {kind}": media["schema"]
    for name, (_, operation) in OPERATIONS.items()
    for kind, media in operation.get("requestBody", {"content": {}})["content"].items()
}
ELSEWHERE = {"internal", "conflict", "forbidden"}
"""Codes that no operation promises: a fault of ours, and the names of families."""
IMPLIED = {"uuid", "date-time"}
"""Formats that say how long a text may be."""


def family(kind: type[AppError]) -> Iterator[type[AppError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from family(child)


def whole(schema: Json) -> Json:
    """Return a schema that stands alone."""
    return {**schema, "components": DOCUMENT["components"]}


def resolved(part: Json) -> Json:
    found: Any = part
    while "$ref" in found:
        names = found["$ref"].removeprefix("#/").split("/")
        found = DOCUMENT
        for name in names:
            found = found[name]
    assert isinstance(found, dict)
    return found


def examples_of(schema: Json) -> list[Any]:
    """Return the examples of a body: a batch's is one of its items, in a list."""
    found = resolved(schema)
    if found.get("type") == "array":
        return [examples_of(found["items"])]
    examples: list[Any] = found.get("examples", [])
    return examples


def unlimited(schema: Json, where: str) -> Iterator[str]:
    """Yield the places of a request where a sender could send without end."""
    schema = resolved(schema)
    kind, bounded = schema.get("type"), "enum" in schema or "const" in schema
    if kind == "string" and not bounded and "maxLength" not in schema and schema.get("format") not in IMPLIED:
        yield f"{where}: a text"
    if kind in {"integer", "number"} and not (
        schema.keys() & {"minimum", "exclusiveMinimum"} and schema.keys() & {"maximum", "exclusiveMaximum"}
    ):
        yield f"{where}: a number"
    if kind == "array":
        yield from [] if "maxItems" in schema else [f"{where}: a list"]
        yield from unlimited(schema["items"], f"{where}/items")
    if kind == "object":
        yield from _unlimited_object(schema, where)
    for word in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(word, ()):
            yield from unlimited(each, where)


def _unlimited_object(schema: Json, where: str) -> Iterator[str]:
    rest = schema.get("additionalProperties", True)
    if rest is not False and not (
        "maxProperties" in schema and "maxLength" in schema.get("propertyNames", {})
    ):
        yield f"{where}: fields of any name"
    for name, each in schema.get("properties", {}).items():
        yield from unlimited(each, f"{where}/{name}")
    if isinstance(rest, dict):
        yield from unlimited(rest, f"{where}/*")


def test_the_document_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    jsonschema_rs.validator_for(OPENAPI_31).validate(DOCUMENT)


def test_every_schema_is_a_json_schema() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert jsonschema_rs.meta.is_valid(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
        ), name


def test_every_reference_leads_somewhere_and_no_component_is_left_over() -> None:
    text = json.dumps(DOCUMENT)
    references = set(re.findall(r'"#/components/(\w+)/([^"]+)"', text))
    there = {
        (kind, name)
        for kind, parts in DOCUMENT["components"].items()
        if kind != "securitySchemes"
        for name in parts
    }

    assert references == there


def test_every_operation_has_a_name_of_its_own_and_words() -> None:
    operations = [each for each in DOCUMENT["paths"].values() for method in each if method in METHODS]
    tags = {tag["name"]: tag["description"] for tag in DOCUMENT["tags"]}

    assert len(OPERATIONS) == len(operations)
    for name, (where, operation) in OPERATIONS.items():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", name), where
        assert operation["summary"], where
        assert operation["description"].endswith((".", "`")), where
        assert operation["tags"], where
        assert all(tags[tag] for tag in operation["tags"]), where
    assert tags.keys() == {tag for _, operation in OPERATIONS.values() for tag in operation["tags"]}


@pytest.mark.parametrize("name", OPERATIONS)
def test_whoever_may_come_in_is_said(name: str) -> None:
    where, operation = OPERATIONS[name]
    statuses = {int(status) for status in operation["responses"]}
    public = where.split()[1] in PUBLIC

    assert (operation["security"] == []) == public
    assert ({401, 403} <= statuses) != public
    assert ({413, 415} <= statuses) == ("requestBody" in operation)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_answer_has_its_form_and_every_refusal_its_codes(name: str) -> None:
    known = {kind.code: kind.status for kind in family(AppError)}
    for status, said in OPERATIONS[name][1]["responses"].items():
        answer = resolved(said)
        assert answer["headers"]["X-Request-Id"]
        assert answer["description"]
        problem = answer.get("content", {}).get("application/problem+json")
        assert (problem is not None) == (status >= "400") or name == "read_readiness"
        if problem:
            properties = problem["schema"]["properties"]
            assert {known[code] for code in properties["code"]["enum"]} == {int(status)}
            jsonschema_rs.validator_for(whole(problem["schema"])).validate(problem["example"])


def test_every_refusal_is_promised_somewhere() -> None:
    promised = {
        code
        for answer in DOCUMENT["components"]["responses"].values()
        for code in answer["content"]["application/problem+json"]["schema"]["properties"]["code"]["enum"]
    }
    doors = {kind.code for kind in family(AppError) if kind.__module__ != "app.edge.protocol"}

    assert doors - promised == ELSEWHERE


@pytest.mark.parametrize("name", BODIES)
def test_every_body_has_limits_known_fields_and_an_example(name: str) -> None:
    schema = BODIES[name]
    examples = examples_of(schema)

    assert list(unlimited(schema, name)) == []
    assert examples
    for example in examples:
        jsonschema_rs.validator_for(whole(schema)).validate(example)


def test_every_example_of_a_model_fits_it() -> None:
    """Bodies and answers alike, whichever operation shows them."""
    models = {name: model for name, model in DOCUMENT["components"]["schemas"].items() if "examples" in model}
    for model in models.values():
        for example in model["examples"]:
            jsonschema_rs.validator_for(whole(model), validate_formats=True).validate(example)
    assert {"Receipt", "TicketOut", "TicketDetail", "Tracked", "AgentOut", "Submission"} <= models.keys()


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_parameter_has_limits_and_words(name: str) -> None:
    for parameter in OPERATIONS[name][1].get("parameters", ()):
        # Of preferences, what a server does not know it ignores (RFC 7240).
        if parameter["name"] != "Prefer":
            assert list(unlimited(parameter["schema"], parameter["name"])) == []


def test_every_link_leads_to_an_operation_that_takes_what_it_carries() -> None:
    for name, (_, operation) in OPERATIONS.items():
        for status, answer in operation["responses"].items():
            for link in answer.get("links", {}).values():
                takes = {each["name"] for each in OPERATIONS[link["operationId"]][1]["parameters"]}
                assert link["parameters"].keys() <= takes, (name, status)


async def test_every_example_is_taken_and_answered_as_described(empty_settings: Settings) -> None:
    app = create_app(empty_settings, clock=TestClock())
    async with app.router.lifespan_context(app):
        key = (empty_settings.data_dir / "admin.key").read_text().strip()
        async with caller(app, key) as admin:
            agent = await create(admin, "agents", name="Example")
            await create(admin, "sources", name="crm")
            made = await create(admin, "keys", name="all", scopes=sorted(SCOPES), agent_id=agent["id"])
        async with caller(app, made["key"], **{"if-match": "*"}) as everyone:
            for name in BODIES:
                operation, kind = name.split()
                answer = await _send(everyone, operation, kind, agent_id=agent["id"])
                assert answer.status_code < 300, (name, answer.text)
                said = resolved(OPERATIONS[operation][1]["responses"][str(answer.status_code)])
                schema = said["content"]["application/json"]["schema"]
                jsonschema_rs.validator_for(whole(schema), validate_formats=True).validate(answer.json())


async def _send(everyone: AsyncClient, operation: str, kind: str, *, agent_id: str) -> Any:
    """Send the example of a body, to a new ticket where one is needed."""
    said = {"kind": "question", "text": "An example."}
    ticket = (await everyone.post("/v1/feedback", json=said)).json()["ticket"]
    if operation == "reopen_ticket":
        await everyone.post(f"/v1/tickets/{ticket['id']}/resolve", json={})
    ids = {"ticket_id": ticket["id"], "agent_id": agent_id, "token": ticket["tracking_token"]}
    if operation in {"replace_calendar", "replace_policy"}:
        ids |= await _something_to_replace(everyone)
    method, path = OPERATIONS[operation][0].split()
    (example, *_) = examples_of(BODIES[f"{operation} {kind}"])
    if "agent_id" in example:
        example = {**example, "agent_id": agent_id}
    if operation.startswith("create_") and operation not in {"create_key", "create_instrument"}:
        example = {**example, "name": f"{example['name']} {kind}"}
    return await everyone.request(
        method, path.format(**ids), content=json.dumps(example), headers={"content-type": kind}
    )


async def _something_to_replace(everyone: AsyncClient) -> dict[str, str]:
    """Add a calendar and a policy, and return their ids."""
    week = {"monday": [{"from": "09:00", "to": "17:00"}]}
    calendar = await create(everyone, "calendars", name=str(uuid4()), zone="UTC", week=week)
    policy = await create(everyone, "policies", name=str(uuid4()), clocks=[])
    return {"calendar_id": calendar["id"], "policy_id": policy["id"]}
