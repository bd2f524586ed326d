"""The one reader of request bodies: bytes, within a limit, as strict JSON, into a model of known fields.

`json.loads` and FastAPI's own path take NaN, 1e999, lone surrogates and duplicate keys; two readers that
understand one body differently are a hole. Here each of these is a 4xx with its code.
"""

import math
from typing import Any, Generic, TypeVar

import jiter
from fastapi import Request
from pydantic import BaseModel
from pydantic import ValidationError as PydanticValidationError

from app.edge.problems import flaws_of
from app.errors import AppError, BadRequestError, ValidationError

M = TypeVar("M", bound=BaseModel)
PUBLIC_LIMIT = 64 * 1024
DEEPEST = 32
LARGEST = 2**53 - 1
_LONGEST_NUMBER = 18  # Python itself refuses to read a number of some thousand digits
_BOM = b"\xef\xbb\xbf"
_NESTED = (dict, list)


class TooLargeError(AppError):
    """More bytes than this route takes."""

    status, code, title = 413, "too_large", "The body is too large"


class MediaTypeError(AppError):
    """A content type or encoding this route does not take."""

    status, code, title = 415, "unsupported_media_type", "This content type is not taken here"


class BadJsonError(BadRequestError):
    """Not JSON, or JSON that two readers could understand differently."""

    code, title = "bad_json", "The body is not strict JSON"


class CutUploadError(BadRequestError):
    """The upload ended before its end."""

    code, title = "cut_upload", "The upload was cut short"


class JsonBody(Generic[M]):
    """A dependency that reads the body into a model; the OpenAPI names the model as the request body."""

    def __init__(self, model: type[M], *, media_types: tuple[str, ...] = ("application/json",)) -> None:
        """Take the model, and the content types besides `application/json` that may carry it."""
        self.model = model
        self.media_types = media_types

    async def __call__(self, request: Request) -> M:
        """Read and check the body."""
        require_media_type(request, self.media_types)
        raw = request.state.raw_body = await read(request, PUBLIC_LIMIT)
        return parse(self.model, raw)


def require_media_type(request: Request, taken: tuple[str, ...]) -> str:
    """Return the content type without its parameters.

    Raises:
        MediaTypeError: it is not among those taken, or the body is compressed.
    """
    if {each.lower() for each in request.headers.getlist("content-encoding")} - {"identity"}:
        raise MediaTypeError("compressed bodies are not taken")
    said = request.headers.getlist("content-type")
    found = said[0].partition(";")[0].strip().lower() if len(said) == 1 else ""
    if found not in taken:
        raise MediaTypeError("send " + " or ".join(taken))
    return found


async def read(request: Request, limit: int) -> bytes:
    """Return the body, counting while it arrives.

    Raises:
        TooLargeError: there is more than `limit` bytes of it, announced or not.
        CutUploadError: the sender hung up.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and (len(announced) > _LONGEST_NUMBER or int(announced) > limit):
        raise TooLargeError
    chunks, size, more = [], 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise CutUploadError
        chunk = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(chunk)
        if size > limit:
            raise TooLargeError
        chunks.append(chunk)
    return b"".join(chunks)


def parse(model: type[M], raw: bytes) -> M:
    """Return the model of a strict JSON text.

    Raises:
        BadJsonError: it is not strict JSON.
        ValidationError: it is, but not this model.
    """
    check(raw)
    return validate(model, raw)


def validate(model: type[M], raw: bytes) -> M:
    """Return the model of a JSON text that was checked already.

    Raises:
        ValidationError: it is not this model.
    """
    try:
        return model.model_validate_json(raw, strict=True)
    except PydanticValidationError as error:
        raise ValidationError(flaws=flaws_of(error.errors(include_url=False, include_input=False))) from None


def check(raw: bytes) -> Any:
    """Refuse what strict JSON is not, and return the plain value."""
    if raw.startswith(_BOM):
        raise BadJsonError("a byte order mark")
    try:
        value = jiter.from_json(raw, catch_duplicate_keys=True, allow_inf_nan=False)
    except ValueError as error:
        raise BadJsonError(_reason(str(error))) from None
    _check_parts(value)
    return value


def _reason(said: str) -> str:
    """Keep the parser's place but not the text it found there."""
    if said.startswith("Detected duplicate key"):
        return "a key appears twice"
    if said.startswith("recursion limit"):
        return "nested too deeply"
    return said if said.isascii() and '"' not in said and "`" not in said else "not valid JSON"


def _check_parts(value: Any) -> None:
    """Look at every key and scalar, level by level: no recursion, however deep it goes."""
    level, depth = [value], 1
    while level:
        below: list[Any] = []
        for part in level:
            if not isinstance(part, _NESTED):
                _check_scalar(part)
                continue
            if depth > DEEPEST:
                raise BadJsonError("nested too deeply")
            below += part
            if isinstance(part, dict):
                below += part.values()
        level, depth = below, depth + 1


def _check_scalar(value: Any) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise BadJsonError("a NUL character")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise BadJsonError("a number too large")
    elif isinstance(value, int) and abs(value) > LARGEST:
        raise BadJsonError("an integer beyond 2^53 - 1")
