"""Which changes of an OpenAPI document break its clients: a sentence each. Pure.

What a client may send must still be taken, and what it could rely on in an answer must still be there. What
is new and may be left alone breaks nobody: paths, fields one may leave out, fields of answers, error codes.
"""

from collections.abc import Iterator
from math import inf
from typing import Any

Json = dict[str, Any]
METHODS = ("get", "put", "post", "patch", "delete")
AT_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
AT_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
AS_IT_IS = ("pattern", "format", "const", "uniqueItems", "if", "then", "multipleOf")
TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
DEEPEST = 12


def breaks(old: Json, new: Json) -> list[str]:
    """Return what breaks for a client of the old document."""
    return list(dict.fromkeys(_Pair(old, new).all()))


class _Pair:
    """Two documents, each with its components."""

    def __init__(self, old: Json, new: Json) -> None:
        self.old, self.new = old, new

    def all(self) -> Iterator[str]:
        for path, operations in self.old["paths"].items():
            for method in METHODS:
                if method in operations:
                    where = f"{method.upper()} {path}"
                    after = self.new["paths"].get(path, {}).get(method)
                    yield from (
                        [f"{where} is gone"]
                        if after is None
                        else self._operation(where, operations[method], after)
                    )

    def _operation(self, where: str, old: Json, new: Json) -> Iterator[str]:
        if old["operationId"] != new["operationId"]:
            yield f"{where} is now named {new['operationId']}, it was {old['operationId']}"
        for lost in _ways_in(old) - _ways_in(new) if "" not in _ways_in(new) else ():
            yield f"{where} no longer lets in {lost or 'those without a key'}"
        yield from self._parameters(where, old, new)
        yield from self._bodies(where, old.get("requestBody", {}), new.get("requestBody", {}))
        for status, before in old["responses"].items():
            if status.startswith("2") and status not in new["responses"]:
                yield f"{where} no longer answers {status}"
            elif status.startswith("2"):
                yield from self._answer(f"{where}, {status}", before, new["responses"][status])

    def _parameters(self, where: str, old: Json, new: Json) -> Iterator[str]:
        before, after = (
            {(each["in"], each["name"]): each for each in op.get("parameters", [])} for op in (old, new)
        )
        for place, name in before.keys() - after.keys():
            yield f"{where} no longer takes {place} parameter {name}"
        for key, parameter in after.items():
            was, what = before.get(key), f"{where}, {key[0]} parameter {key[1]}"
            if parameter.get("required") and not (was and was.get("required")):
                yield f"{what} is needed now"
            if was:
                yield from self._taken(what, was["schema"], parameter["schema"])

    def _bodies(self, where: str, old: Json, new: Json) -> Iterator[str]:
        before, after = old.get("content", {}), new.get("content", {})
        if new.get("required") and not old.get("required"):
            yield f"{where} needs a body now"
        for kind in before.keys() - after.keys():
            yield f"{where} no longer takes {kind}"
        for kind in before.keys() & after.keys():
            yield from self._taken(f"{where}, body", before[kind]["schema"], after[kind]["schema"])

    def _answer(self, where: str, old: Json, new: Json) -> Iterator[str]:
        before, after = old.get("content", {}), new.get("content", {})
        for kind in before.keys() - after.keys():
            yield f"{where} no longer comes as {kind}"
        for name in old.get("headers", {}).keys() - new.get("headers", {}).keys():
            yield f"{where} lost the header {name}"
        for kind in before.keys() & after.keys():
            yield from self._given(where, before[kind].get("schema", {}), after[kind].get("schema", {}))

    def _taken(self, where: str, old: Json, new: Json, depth: int = 0) -> Iterator[str]:
        """Yield why something the old schema let a client send is refused by the new one."""
        olds, news = _choices(old, self.old), _choices(new, self.new)
        for one in olds if depth < DEEPEST else ():
            yield from min((list(self._narrower(where, one, other, depth)) for other in news), key=len)

    def _narrower(self, where: str, old: Json, new: Json, depth: int) -> Iterator[str]:
        for lost in sorted(_types(old) - _types(new)):
            yield f"{where} no longer takes {lost}"
        yield from _tighter(where, old, new)
        for name in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
            yield f"{where} needs {name} now"
        yield from self._narrower_within(where, old, new, depth)

    def _narrower_within(self, where: str, old: Json, new: Json, depth: int) -> Iterator[str]:
        rest = new.get("additionalProperties", True)
        if rest is False and old.get("additionalProperties", True) is not False:
            yield f"{where} no longer takes fields of any name"
        for name, before in old.get("properties", {}).items():
            after = new.get("properties", {}).get(name, rest)
            if after is False:
                yield f"{where} no longer takes {name}"
            elif isinstance(after, dict):
                yield from self._taken(f"{where}/{name}", before, after, depth + 1)
        for word in ("items", "additionalProperties", "propertyNames"):
            if isinstance(new.get(word), dict):
                before = old.get(word)
                yield from self._taken(
                    f"{where}/{word}", before if isinstance(before, dict) else {}, new[word], depth + 1
                )

    def _given(self, where: str, old: Json, new: Json, depth: int = 0) -> Iterator[str]:
        """Yield why an answer of the new schema surprises a client that knows the old one."""
        olds, news = _choices(old, self.old), _choices(new, self.new)
        for one in news if depth < DEEPEST else ():
            yield from min((list(self._poorer(where, other, one, depth)) for other in olds), key=len)

    def _poorer(self, where: str, old: Json, new: Json, depth: int) -> Iterator[str]:
        for strange in sorted(_types(new) - _types(old)):
            yield f"{where} may be {strange} now"
        for name in sorted(set(old.get("required", ())) - set(new.get("required", ()))):
            if name in new.get("properties", {}):
                yield f"{where}/{name} may be absent now"
        for name, before in old.get("properties", {}).items():
            after = new.get("properties", {}).get(name)
            if after is None:
                yield f"{where} lost {name}"
            else:
                yield from self._given(f"{where}/{name}", before, after, depth + 1)
        for word in ("items", "additionalProperties"):
            if isinstance(old.get(word), dict):
                after = new.get(word)
                yield from self._given(
                    f"{where}/{word}", old[word], after if isinstance(after, dict) else {}, depth + 1
                )


def _tighter(where: str, old: Json, new: Json) -> Iterator[str]:
    lost = [value for value in old.get("enum", ["any value"]) if value not in new.get("enum", [value])]
    yield from (f"{where} no longer takes {value}" for value in lost)
    tight = [word for word in AT_MOST if new.get(word, inf) < old.get(word, inf)]
    for word in AT_LEAST:
        free = -inf if word.endswith("imum") else 0
        tight += [word] if new.get(word, free) > old.get(word, free) else []
    yield from (f"{where} has a narrower {word}: {new[word]}" for word in tight)
    other = [word for word in AS_IT_IS if word in new and new[word] not in (old.get(word), False)]
    yield from (f"{where} has another {word}" for word in other)


def _choices(schema: Json, document: Json) -> list[Json]:
    """Return the schemas of which one has to fit, each with what they share and without references."""
    schema = _plain(schema, document)
    shared = {name: value for name, value in schema.items() if name not in {"anyOf", "oneOf"}}
    found = [
        _merged(shared, choice)
        for word in ("anyOf", "oneOf")
        for each in schema.get(word, ())
        for choice in _choices(each, document)
    ]
    return found or [shared]


def _plain(schema: Json, document: Json) -> Json:
    """Return a schema with its reference followed and the parts of an `allOf` put together."""
    if "$ref" in schema:
        part: Any = document
        for name in schema["$ref"].removeprefix("#/").split("/"):
            part = part[name]
        schema = _merged(part, {name: value for name, value in schema.items() if name != "$ref"})
    for each in schema.get("allOf", ()):
        schema = _merged(_plain(each, document), schema)
    return {name: value for name, value in schema.items() if name != "allOf"}


def _merged(one: Json, other: Json) -> Json:
    both = {**one, **other}
    if "properties" in one and "properties" in other:
        shared = {
            name: _merged(one["properties"].get(name, {}), other["properties"].get(name, {}))
            for name in {**one["properties"], **other["properties"]}
        }
        both["properties"] = shared
    if "required" in one and "required" in other:
        both["required"] = [*one["required"], *other["required"]]
    return both


def _types(schema: Json) -> set[str]:
    """Return the types a schema lets through; a number may be an integer, and no type means any."""
    said = schema.get("type", TYPES)
    types = {said} if isinstance(said, str) else set(said)
    return types | ({"integer"} if "number" in types else set())


def _ways_in(operation: Json) -> set[str]:
    return {" and ".join(sorted(way)) for way in operation.get("security") or [{}]}
