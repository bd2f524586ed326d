"""The command line's way to the server, and the one file here that knows httpx.

`HEARD_URL` says where (else this machine, at `HEARD_PORT`); `HEARD_KEY` who, else the first admin key that
the server left in `admin.key` in `HEARD_DATA_DIR`.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from time import sleep
from typing import Any

import httpx
import typer

from app.cli.exits import MISUSED, CommandError

_TIMEOUT = httpx.Timeout(60, connect=10)
_BACKOFF = (0.5, 1.0, 2.0, 4.0, 8.0)
_LONGEST_WAIT = 120.0
_BUSY = {429, 503}

# The request never left, so trying again cannot do anything twice.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Api:
    """A conversation with the server, patient with one that is busy or not there yet."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def get(self, path: str) -> Any:
        """Read something."""
        return self._send(self._http.build_request("GET", path), repeatable=True)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Make something; not tried again once the server may have made it."""
        return self._send(self._http.build_request("POST", path, json=body), repeatable=False)

    def post_lines(self, path: str, lines: bytes, **params: str) -> Any:
        """Send NDJSON that the server knows again by its own ids, so that it may be sent twice."""
        headers = {"Content-Type": "application/x-ndjson"}
        request = self._http.build_request("POST", path, content=lines, params=params, headers=headers)
        return self._send(request, repeatable=True)

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """Set something."""
        return self._send(self._http.build_request("PUT", path, json=body), repeatable=True)

    def delete(self, path: str) -> Any:
        """Take something away."""
        return self._send(self._http.build_request("DELETE", path), repeatable=True)

    def _send(self, request: httpx.Request, *, repeatable: bool) -> Any:
        for pause in (*_BACKOFF, None):
            try:
                response = self._http.send(request)
            except httpx.TransportError as error:
                if pause is None or not (repeatable or isinstance(error, _NOT_SENT)):
                    raise CommandError(_unreachable(request.url, error)) from None
                _pause(pause)
            else:
                wait = _wait(response, pause, repeatable=repeatable)
                if wait is None:
                    return _content(response)
                _pause(wait)
        raise AssertionError("the last attempt returns or raises")


@contextmanager
def connect() -> Iterator[Api]:
    """Open a conversation with the server the environment names."""
    headers = {"Authorization": f"Bearer {_key()}", "User-Agent": "heard-cli"}
    with httpx.Client(base_url=_base_url(), headers=headers, timeout=_TIMEOUT, transport=transport()) as http:
        yield Api(http)


def transport() -> httpx.BaseTransport | None:
    """Return what carries requests, None for the network; tests put a server of their own here."""
    return None


def in_words(problem: Mapping[str, Any]) -> str:
    """Say a problem (RFC 9457) in one line."""
    words = [str(problem.get("code", "")), str(problem.get("detail") or problem.get("title") or "")]
    flaws = [
        " ".join(str(flaw[key]) for key in ("pointer", "code", "detail") if flaw.get(key))
        for flaw in problem.get("errors") or ()
        if isinstance(flaw, dict)
    ]
    line = ": ".join(word for word in words if word) + (f" ({'; '.join(flaws)})" if flaws else "")
    # What a server says may not steer the terminal.
    return " ".join("".join(letter if letter.isprintable() else " " for letter in line).split())


def _base_url() -> str:
    url = os.environ.get("HEARD_URL") or f"http://127.0.0.1:{os.environ.get('HEARD_PORT') or 8000}"
    try:
        fits = httpx.URL(url).scheme in {"http", "https"} and bool(httpx.URL(url).host)
    except (httpx.InvalidURL, ValueError):
        fits = False
    if not fits and not os.environ.get("HEARD_URL"):
        raise CommandError("HEARD_PORT must be a number", code=MISUSED)
    if not fits:
        raise CommandError("HEARD_URL must look like https://heard.example.org", code=MISUSED)
    return url


def _key() -> str:
    path = Path(os.environ.get("HEARD_DATA_DIR") or "data") / "admin.key"
    try:
        key = os.environ.get("HEARD_KEY") or path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise CommandError(
            f"no key: set HEARD_KEY, or run this where {path} can be read", code=MISUSED
        ) from None
    if not key or not key.isascii() or not key.isprintable():
        raise CommandError("the key in HEARD_KEY or admin.key is not one of ours", code=MISUSED)
    return key


def _pause(seconds: float) -> None:
    typer.echo(f"heard: the server is not ready; trying again in {seconds:g} s", err=True)
    sleep(seconds)


def _wait(response: httpx.Response, pause: float | None, *, repeatable: bool) -> float | None:
    """Return how long to wait before asking again, or None to take the answer as it is."""
    if pause is None or response.status_code not in _BUSY:
        return None
    # 503 may also mean that the server cannot tell whether it kept what we sent.
    if not repeatable and _problem(response).get("code") == "outcome_unknown":
        return None
    asked = _retry_after(response)
    return max(asked, pause) if asked <= _LONGEST_WAIT else None


def _retry_after(response: httpx.Response) -> float:
    """Return the seconds the server asks for; a date is measured by the server's own clock."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        until, now = (parsedate_to_datetime(text) for text in (value, response.headers.get("Date", "")))
        return max(0.0, (until - now).total_seconds())
    except (TypeError, ValueError):
        return 0.0


def _content(response: httpx.Response) -> Any:
    if not response.is_success:
        raise CommandError(_refusal(response))
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError:
        raise CommandError(
            f"the answer from {_place(response.url)} is not JSON; is it a Heard server?"
        ) from None


def _refusal(response: httpx.Response) -> str:
    problem = _problem(response)
    request_id = f" [request {problem['request_id']}]" if problem.get("request_id") else ""
    return f"{response.status_code} {in_words(problem) or response.reason_phrase}{request_id}"


def _problem(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _unreachable(url: httpx.URL, error: httpx.TransportError) -> str:
    said = f"no answer from {_place(url)}: {str(error) or type(error).__name__}"
    hint = "; is `heard serve` running there? (HEARD_URL, HEARD_PORT)"
    return said + hint * isinstance(error, httpx.ConnectError)


def _place(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode()}"
