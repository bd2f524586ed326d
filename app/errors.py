"""What may go wrong on purpose: each refusal has a status, a stable code and a sentence.

    AppError
    ├── NotFoundError            404  not_found
    ├── UnauthorisedError        401  unauthorised
    ├── ForbiddenError           403  forbidden
    ├── ConflictError            409  conflict           (subclasses live beside what raises them)
    ├── ValidationError          422  validation         carries flaws, one a field
    ├── BadRequestError          400  bad_request
    └── UnavailableError         503  unavailable        carries Retry-After
        ├── OverloadedError           overloaded
        └── OutcomeUnknownError       outcome_unknown

One handler in `app/edge/problems.py` turns them into RFC 9457 bodies. 422 is for malformed content only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing wrong with one field; `pointer` is a JSON pointer, and the value is never repeated."""

    pointer: str
    code: str
    detail: str


class AppError(Exception):
    """An anticipated refusal."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong on our side"

    def __init__(
        self, detail: str = "", *, flaws: Sequence[Flaw] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.flaws = tuple(flaws)
        self.headers = dict(headers or {})


class NotFoundError(AppError):
    """There is no such thing, or it is not for this caller to know."""

    status, code, title = 404, "not_found", "Not found"


class UnauthorisedError(AppError):
    """No key, or one we don't know."""

    status, code, title = 401, "unauthorised", "A valid key is needed"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer realm="heard"'})


class ForbiddenError(AppError):
    """A known caller who may not do this."""

    status, code, title = 403, "forbidden", "This key may not do that"


class ConflictError(AppError):
    """The state of things says no."""

    status, code, title = 409, "conflict", "In conflict with the current state"


class ValidationError(AppError):
    """The content is malformed; `flaws` says where."""

    status, code, title = 422, "validation", "The content is not valid"


class BadRequestError(AppError):
    """The request itself is malformed."""

    status, code, title = 400, "bad_request", "The request is malformed"


class UnavailableError(AppError):
    """The work could not be done now; nothing was stored, and trying again later is right."""

    status, code, title = 503, "unavailable", "Not available right now"

    def __init__(self, detail: str = "", *, retry_after_seconds: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after_seconds)})


class OverloadedError(UnavailableError):
    """More is waiting than we can promise to store in time."""

    code, title = "overloaded", "Too much is waiting"


class OutcomeUnknownError(UnavailableError):
    """The database did not say whether it kept the write; the same key or external id makes a retry safe."""

    code, title = "outcome_unknown", "The outcome is not known"


class CannotStartError(RuntimeError):
    """What keeps a process from starting, in words for the one who started it."""


def invalid(pointer: str, code: str, detail: str) -> ValidationError:
    """Return a validation error with one flaw."""
    return ValidationError(flaws=(Flaw(pointer, code, detail),))
