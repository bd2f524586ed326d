"""The strict reader: what it takes, Python's own reader takes alike; all else is one kind of refusal."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from app.edge.reading import DEEPEST, LARGEST, BadJsonError, check, parse
from app.errors import ValidationError

NUMBERS = st.integers(-LARGEST, LARGEST) | st.floats(allow_nan=False, allow_infinity=False)
WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=20,
)


def no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        message = "a key twice"
        raise ValueError(message)
    return dict(pairs)


@given(VALUES, st.booleans(), st.sampled_from([None, 2]))
@settings(max_examples=200, deadline=None)
def test_every_plain_value_is_read_as_it_was_written(
    value: Any, ascii_only: bool, indent: int | None
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()

    assert check(text) == value


@given(st.binary(max_size=60) | st.text('{}[]",:0123456789eE+-.\\utrfalsn \u00e9\ud800', max_size=40))
@example(b'{"a": 1, "a": 1}')
@example(b'"\\ud83d\\ude00"')
@example(b"-0.0")
@example(b"1E+2")
@example(b"123456789012345678901234567890.5")
@settings(max_examples=400, deadline=None)
def test_any_text_is_read_as_python_reads_it_or_refused(sent: bytes | str) -> None:
    raw = sent if isinstance(sent, bytes) else sent.encode("utf-8", "surrogatepass")
    try:
        value = check(raw)
    except BadJsonError:
        return

    expected = json.loads(raw.decode("utf-8"), object_pairs_hook=no_twins)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize("depth", [DEEPEST, DEEPEST + 1])
def test_depth_ends_at_32(depth: int) -> None:
    for text in ("[" * depth + "]" * depth, '{"a":' * (depth - 1) + "{}" + "}" * (depth - 1)):
        if depth <= DEEPEST:
            assert check(text.encode()) is not None
        else:
            with pytest.raises(BadJsonError):
                check(text.encode())


@pytest.mark.parametrize("number", [LARGEST, -LARGEST])
def test_integers_end_where_doubles_stop_telling_them_apart(number: int) -> None:
    assert check(str(number).encode()) == number
    with pytest.raises(BadJsonError):
        check(str(number + (1 if number > 0 else -1)).encode())


def test_a_refusal_says_where_but_not_what() -> None:
    for raw in (
        b'{"SECRET": SECRET}',
        b'{"SECRET": 1, "SECRET": 2}',
        b'{"a" "SECRET"}',
        b"SECRET",
        b'"\\SECRET"',
    ):
        with pytest.raises(BadJsonError) as caught:
            check(raw)
        assert "SECRET" not in caught.value.detail


def test_a_field_we_do_not_know_is_a_flaw() -> None:
    class Word(BaseModel):
        model_config = ConfigDict(extra="forbid")
        text: str

    with pytest.raises(ValidationError) as caught:
        parse(Word, b'{"txt": "x"}')

    assert [(it.pointer, it.code) for it in caught.value.flaws] == [
        ("/text", "required"),
        ("/txt", "unknown_field"),
    ]
