"""The query parameters of each metric, as OpenAPI describes them; `query.py` is what reads them."""

from collections.abc import Sequence
from typing import Any

from app.metrics import query
from app.metrics.query import WORDS
from app.metrics.rules import Interval
from app.metrics.values import CODE, MAX_LENGTH

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH}
_DAY = r"(19|2[01])\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_TIME = r"T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)"
_INSTANT: dict[str, Any] = {
    "type": "string", "maxLength": 32, "pattern": f"^{_DAY}({_TIME})?$",
    "examples": ["2026-01-01", "2026-01-01T00:00:00Z"],
}  # fmt: skip


def response_times() -> list[dict[str, Any]]:
    """Describe what may be asked about response times."""
    seconds = {"type": "integer", "minimum": 0, "maximum": query.MAX_WITHIN_SECONDS}
    own = [
        _clock("Which wait is measured"),
        _parameter(
            "mode",
            "All the time there was, or what counted of it by the clock's calendar.",
            _choice(query.MODES, default=query.MODES[0]),
        ),
        _parameter(
            "within", "Seconds: the share that took no longer.", _several(seconds, most=query.MAX_WITHIN)
        ),
    ]
    return _described(own, query.TICKET_DIMENSIONS)


def sla() -> list[dict[str, Any]]:
    """Describe what may be asked about promises."""
    own = [
        _clock("Which promise is judged"),
        _parameter(
            "as_of", "When to judge what still runs. By default now, or `known_at`; may lie ahead.", _INSTANT
        ),
        _parameter("known_at", "Leave out what was not known by then. By default all is known.", _INSTANT),
    ]
    return _described(own, query.TICKET_DIMENSIONS)


def satisfaction() -> list[dict[str, Any]]:
    """Describe what may be asked about satisfaction."""
    number = {"type": "integer", "minimum": 1, "maximum": query.MAX_VERSION}
    own = [
        _parameter("instrument", "Name of the instrument.", {**_TEXT, "default": "csat"}),
        _parameter("version", "Version of the instrument; by default its latest.", number),
    ]
    return _described(own, query.SCORE_DIMENSIONS)


def volume() -> list[dict[str, Any]]:
    """Describe what may be asked about volume."""
    return _described([], query.TICKET_DIMENSIONS)


def _described(own: Sequence[dict[str, Any]], dimensions: Sequence[str]) -> list[dict[str, Any]]:
    taken = {each["name"] for each in own}
    filters = [_filter(name) for name in (*dimensions, "origin") if name not in taken]
    groups = {
        **_several({"type": "string", "enum": list(dimensions)}, most=query.MAX_GROUPS), "uniqueItems": True,
    }  # fmt: skip
    common = [
        _parameter(
            "from", "First instant; a date is its local midnight. By default 30 days earlier.", _INSTANT
        ),
        _parameter(
            "to", "The instant before which it ends. By default now (or as_of, known_at), included.", _INSTANT
        ),
        _parameter(
            "tz", "IANA zone of dates and buckets.", {**_TEXT, "format": "iana-zone", "default": "UTC"}
        ),
        _parameter("interval", "Length of a bucket.", _choice(tuple(Interval), default=Interval.NONE)),
        _parameter("group_by", "One or two dimensions; also as one value with a comma.", groups),
        _parameter("format", "By default what `Accept` says.", _choice(("json", "csv"))),
    ]
    return [*own, *common, *filters]


def _clock(about: str) -> dict[str, Any]:
    either = [{"enum": list(query.CLOCKS)}, {"pattern": CODE}]
    named = {"type": "string", "maxLength": 40, "anyOf": either, "default": query.CLOCKS[0]}
    return _parameter("clock", f"{about}: one every ticket has, or one of your own.", named)


def _filter(name: str) -> dict[str, Any]:
    item = {"type": "string", "enum": list(WORDS[name])} if name in WORDS else _TEXT
    about = "By id or name." if name in query.NAMED else f"Any of these values of {name}."
    return _parameter(name, about, _several(item, most=query.MAX_FILTER_VALUES))


def _parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def _choice(words: Sequence[str], *, default: str | None = None) -> dict[str, Any]:
    return {"type": "string", "enum": list(words)} | ({} if default is None else {"default": default})


def _several(item: dict[str, Any], *, most: int) -> dict[str, Any]:
    return {"type": "array", "items": item, "maxItems": most}
