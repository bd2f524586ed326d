"""What is promised to clients is kept: each kind of break is noticed, and the released document holds."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.main import create_app
from tests.contract.changes import breaks

RELEASED = Path(__file__).parents[2] / "docs/openapi.released.json"
Json = dict[str, Any]
OPERATION = "POST /things/{id}"


def text(**limits: Any) -> Json:
    return {"type": "string", **limits}


def document() -> Json:
    """Return a document with one of everything that can break."""
    taken = {
        "type": "object",
        "additionalProperties": False,
        "required": ["name"],
        "properties": {
            "name": text(minLength=1, maxLength=10, pattern="^a"),
            "size": {"type": "number", "minimum": 0, "maximum": 9},
            "kind": text(enum=["a", "b"]),
            "tags": {"type": "array", "maxItems": 5, "items": text(maxLength=5)},
            "more": {"anyOf": [{"$ref": "#/components/schemas/More"}, {"type": "null"}]},
            "map": {"type": "object", "additionalProperties": text(maxLength=5)},
        },
    }
    given = {
        "type": "object",
        "required": ["id", "state"],
        "properties": {
            "id": text(),
            "state": text(enum=["x"]),
            "list": {"type": "array", "items": {"$ref": "#/components/schemas/More"}},
        },
    }
    operation = {
        "operationId": "change_thing",
        "security": [{"Key": []}, {"Other": []}],
        "parameters": [
            {"in": "path", "name": "id", "required": True, "schema": text(maxLength=9)},
            {"in": "query", "name": "q", "schema": text()},
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": taken}, "text/plain": {"schema": taken}},
        },
        "responses": {
            "200": {
                "content": {"application/json": {"schema": given}, "text/csv": {"schema": text()}},
                "headers": {"ETag": {}},
            },
            "201": {},
            "404": {},
        },
    }
    more = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    return {
        "paths": {"/things/{id}": {"post": operation, "get": {"operationId": "read_thing", "responses": {}}}},
        "components": {"schemas": {"More": more}},
    }


def operation(new: Json) -> Json:
    found: Json = new["paths"]["/things/{id}"]["post"]
    return found


def taken(new: Json) -> Json:
    """Return the fields of the body in JSON; the two content types have their own."""
    body: Json = operation(new)["requestBody"]["content"]["application/json"]["schema"]
    return body


def given(new: Json) -> Json:
    answer: Json = operation(new)["responses"]["200"]["content"]["application/json"]["schema"]
    return answer


def field(new: Json, name: str) -> Json:
    found: Json = taken(new)["properties"][name]
    return found


Change = Callable[[Json], Any]
BREAKS: dict[str, Change] = {
    "GET /things/{id} is gone": lambda d: d["paths"]["/things/{id}"].pop("get"),
    "GET /things/{id} is gone\nPOST /things/{id} is gone": lambda d: d["paths"].clear(),
    "is now named x, it was change_thing": lambda d: operation(d).update(operationId="x"),
    "no longer lets in Other": lambda d: operation(d)["security"].pop(),
    "GET /things/{id} no longer lets in those without a key": (
        lambda d: d["paths"]["/things/{id}"]["get"].update(security=[{"Key": []}])
    ),
    "no longer takes query parameter q": lambda d: operation(d)["parameters"].pop(),
    "query parameter q is needed now": lambda d: operation(d)["parameters"][1].update(required=True),
    "query parameter z is needed now": (
        lambda d: operation(d)["parameters"].append(
            {"in": "query", "name": "z", "required": True, "schema": text()}
        )
    ),
    "path parameter id has a narrower maxLength: 8": (
        lambda d: operation(d)["parameters"][0].update(schema=text(maxLength=8))
    ),
    "GET /things/{id} needs a body now": (
        lambda d: d["paths"]["/things/{id}"]["get"].update(requestBody={"required": True, "content": {}})
    ),
    "no longer takes text/plain": lambda d: operation(d)["requestBody"]["content"].pop("text/plain"),
    "body needs size now": lambda d: taken(d)["required"].append("size"),
    "body no longer takes size": lambda d: taken(d)["properties"].pop("size"),
    "body/name no longer takes string": lambda d: field(d, "name").update(type="integer"),
    "body/name has a narrower maxLength: 9": lambda d: field(d, "name").update(maxLength=9),
    "body/name has a narrower minLength: 2": lambda d: field(d, "name").update(minLength=2),
    "body/name has another pattern": lambda d: field(d, "name").update(pattern="^b"),
    "body/name has another format": lambda d: field(d, "name").update(format="uuid"),
    "body/name no longer takes any value": lambda d: field(d, "name").update(enum=["a"]),
    "body/size no longer takes number": lambda d: field(d, "size").update(type="integer"),
    "body/size has a narrower maximum: 8": lambda d: field(d, "size").update(maximum=8),
    "body/size has a narrower minimum: 1": lambda d: field(d, "size").update(minimum=1),
    "body/kind no longer takes b": lambda d: field(d, "kind").update(enum=["a", "c"]),
    "body/tags has a narrower maxItems: 4": lambda d: field(d, "tags").update(maxItems=4),
    "body/tags has a narrower minItems: 1": lambda d: field(d, "tags").update(minItems=1),
    "body/tags has another uniqueItems": lambda d: field(d, "tags").update(uniqueItems=True),
    "body/tags/items has a narrower maxLength: 4": lambda d: field(d, "tags")["items"].update(maxLength=4),
    "body/map/additionalProperties has a narrower maxLength: 4": (
        lambda d: field(d, "map")["additionalProperties"].update(maxLength=4)
    ),
    "body/map no longer takes fields of any name": lambda d: field(d, "map").update(
        additionalProperties=False
    ),
    "body/more no longer takes null": lambda d: field(d, "more")["anyOf"].pop(),
    "no longer answers 201": lambda d: operation(d)["responses"].pop("201"),
    "200 no longer comes as text/csv": lambda d: operation(d)["responses"]["200"]["content"].pop("text/csv"),
    "200 lost the header ETag": lambda d: operation(d)["responses"]["200"]["headers"].clear(),
    "200 lost id": lambda d: given(d)["properties"].pop("id"),
    "200/id may be absent now": lambda d: given(d)["required"].remove("id"),
    "200/id may be null now": lambda d: given(d)["properties"]["id"].update(type=["string", "null"]),
    "200/id may be integer now": lambda d: given(d)["properties"]["id"].update(type="integer"),
    "200/list/items/n may be absent now": lambda d: d["components"]["schemas"]["More"].pop("required"),
    "200/list/items/n may be null now": (
        lambda d: d["components"]["schemas"]["More"]["properties"].update(
            n={"anyOf": [{"type": "integer"}, {"type": "null"}]}
        )
    ),
}

HARMLESS: dict[str, Change] = {
    "nothing": lambda _: None,
    "a path": lambda d: d["paths"].update({"/new": {"get": {"operationId": "new", "responses": {}}}}),
    "another way in": lambda d: operation(d)["security"].append({"Third": []}),
    "no key needed": lambda d: operation(d).update(security=[]),
    "an optional parameter": (
        lambda d: operation(d)["parameters"].append({"in": "query", "name": "z", "schema": text(maxLength=1)})
    ),
    "a parameter no longer needed": lambda d: operation(d)["parameters"][0].update(required=False),
    "a content type": lambda d: operation(d)["requestBody"]["content"].update(
        {"application/x": {"schema": {}}}
    ),
    "an optional field": lambda d: taken(d)["properties"].update(new=text(maxLength=1)),
    "a field no longer needed": lambda d: taken(d).update(required=[]),
    "wider limits": lambda d: field(d, "name").update(minLength=0, maxLength=99),
    "no limit": lambda d: field(d, "name").pop("maxLength"),
    "a choice": lambda d: field(d, "kind").update(enum=["a", "b", "c"]),
    "null taken": lambda d: field(d, "name").update(type=["string", "null"]),
    "an answer's field": lambda d: given(d)["properties"].update(new=text()),
    "a field always there": lambda d: given(d)["required"].append("list"),
    "an answer's choice": lambda d: given(d)["properties"]["state"].update(enum=["x", "y"]),
    "a status": lambda d: operation(d)["responses"].update({"202": {}}),
    "a refusal less": lambda d: operation(d)["responses"].pop("404"),
    "words": lambda d: field(d, "name").update(description="x", examples=["a"]),
}


@pytest.mark.parametrize("sentence", BREAKS)
def test_each_break_is_told_in_a_sentence(sentence: str) -> None:
    new = document()
    BREAKS[sentence](new)

    told = breaks(document(), new)

    assert told
    for part in sentence.split("\n"):
        assert any(each.endswith(part) for each in told), told
    if sentence.startswith(("body", "200", "path", "query")):
        assert all(each.startswith(OPERATION) for each in told)


@pytest.mark.parametrize("what", HARMLESS)
def test_what_clients_may_leave_alone_breaks_nothing(what: str) -> None:
    new = document()
    HARMLESS[what](new)

    assert breaks(document(), new) == []


def test_the_released_document_is_kept() -> None:
    """A break on purpose is a release: write the reason into the changelog, then `make openapi-released`."""
    described = json.loads(json.dumps(create_app().openapi()))

    assert breaks(json.loads(RELEASED.read_text(encoding="utf-8")), described) == []


def test_the_apps_own_document_would_be_missed_anywhere() -> None:
    """Taking any operation out of the real document is a break: the comparison looks at all of it."""
    described = json.loads(json.dumps(create_app().openapi()))
    for path, operations in described["paths"].items():
        method, rest = next(iter(operations)), dict(list(operations.items())[1:])
        less = {**described, "paths": {**described["paths"], path: rest}}
        assert breaks(described, less) == [f"{method.upper()} {path} is gone"]
