"""Structured logs with an allow-list of keys: ids, codes, numbers; never bodies, tokens or personal data."""

import logging
import sys

import structlog
from pydantic_core import to_json
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

ALLOWED = frozenset({
    "event", "level", "timestamp", "logger", "request_id", "method", "route", "status", "seconds", "code",
    "subject_id", "rows", "count", "lane", "restarts", "attempt", "error", "where", "version", "database",
    "exception", "sequence", "import_id",
})  # fmt: skip


FOREIGN = ("uvicorn.error", "asyncio")


def configure(level: str, shape: str) -> None:
    """Send structured lines to standard error, one a line, in JSON or for a console."""
    renderer = (
        structlog.dev.ConsoleRenderer() if shape == "console" else structlog.processors.JSONRenderer(_as_json)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            only_allowed,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=_to_standard_error,
        cache_logger_on_first_use=False,
    )
    for name in FOREIGN:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [_Foreign()], False
        logger.setLevel(logging.WARNING)


class _Foreign(logging.Handler):
    """Passes on the lines of libraries that log in the standard way: their template's first line alone.

    What they fill in, and their stack traces, may repeat what was sent.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write one of our lines for one of theirs."""
        words, _, _ = str(record.msg).partition("\n")
        get_logger(record.name).log(record.levelno, words, error=_kind_of(record))


def _kind_of(record: logging.LogRecord) -> str | None:
    kind = record.exc_info[0] if record.exc_info else None
    return kind.__name__ if kind else None


def _as_json(line: EventDict, **_for_json_dumps: object) -> str:
    return to_json(line, fallback=str).decode()


def _to_standard_error(*_where: object) -> structlog.WriteLogger:
    """Write to what standard error is now: it may have been redirected since we were configured."""
    return structlog.WriteLogger(sys.stderr)


def only_allowed(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Drop every key that is not on the list, so that a careless call can't leak."""
    return {key: value for key, value in line.items() if key in ALLOWED}


def get_logger(where: str) -> FilteringBoundLogger:
    """Return the logger of one module."""
    logger: FilteringBoundLogger = structlog.get_logger(where=where)
    return logger
