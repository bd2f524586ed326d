"""Problems: RFC 9457 bodies in our own words, and pointers that repeat nothing the sender made up."""

import json
import re
from typing import Any

import pytest
from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field
from pydantic import ValidationError as PydanticValidationError

from app import errors
from app.edge import problems
from app.errors import AppError, Flaw, UnavailableError, ValidationError
from app.main import create_app


def every_error(root: type[AppError] = AppError) -> set[type[AppError]]:
    create_app()  # with all doors imported, all errors are
    return {root}.union(*(every_error(each) for each in root.__subclasses__()))


def test_a_problem_says_what_it_is() -> None:
    error = ValidationError("twice", flaws=[Flaw("/text", "required", "Field required")])

    assert problems.body(error, "1234") == {
        "type": "/problems/validation",
        "title": "The content is not valid",
        "status": 422,
        "code": "validation",
        "detail": "twice",
        "errors": [{"pointer": "/text", "code": "required", "detail": "Field required"}],
        "request_id": "1234",
    }


def test_an_answer_is_never_kept_and_carries_its_headers() -> None:
    request = Request({"type": "http", "headers": [], "heard.request_id": "1234"})
    answer = problems.response(UnavailableError(retry_after_seconds=7), request)

    assert (answer.status_code, answer.media_type) == (503, "application/problem+json")
    assert (answer.headers["cache-control"], answer.headers["retry-after"]) == ("no-store", "7")
    assert json.loads(bytes(answer.body))["request_id"] == "1234"


def test_every_refusal_has_a_stable_code_of_its_own_and_a_title() -> None:
    found = every_error()
    codes: dict[str, set[tuple[int, str]]] = {}
    for each in found:
        codes.setdefault(each.code, set()).add((each.status, each.title))

    assert {code for code, meanings in codes.items() if len(meanings) > 1} == set()
    assert [each for each in found if not re.fullmatch(r"[a-z][a-z0-9_]*", each.code)] == []
    assert [each for each in found if not (400 <= each.status < 600) or not each.title] == []


def test_the_family_tree_of_errors_names_all_of_them() -> None:
    tree = str(errors.__doc__)
    here = {each for each in every_error() if each.__module__ == "app.errors"}

    assert {each.__name__ for each in here if each.__name__ not in tree} == set()
    assert {each.code for each in here - {AppError} if each.code not in tree} == set()


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    amount: int = 0


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    items: list[Inner] = []
    free: dict[str, int] = {}
    short: str = Field("", max_length=3)


@pytest.mark.parametrize(
    ("sent", "pointer", "code"),
    [
        ({"items": [{}, {"amount": "SECRET"}]}, "/items/1/amount", "int_parsing"),
        ({"free": {"4111111111111111": "SECRET"}}, "/free", "int_parsing"),
        ({"free": {"ana@example.org": "SECRET"}}, "/free", "int_parsing"),
        ({"SECRET-1": 1}, "", "unknown_field"),
        ({"colour": 1}, "/colour", "unknown_field"),
        ({"josé": 1}, "", "unknown_field"),
        ({"short": "SECRET"}, "/short", "string_too_long"),
    ],
)
def test_a_flaw_points_at_our_field_and_repeats_nothing_that_was_sent(
    sent: dict[str, Any], pointer: str, code: str
) -> None:
    with pytest.raises(PydanticValidationError) as caught:
        Outer.model_validate(sent)
    flaws = problems.flaws_of(list(caught.value.errors()))

    assert [(it.pointer, it.code) for it in flaws] == [(pointer, code)]
    assert "SECRET" not in str(flaws)
    assert "4111" not in str(flaws)
