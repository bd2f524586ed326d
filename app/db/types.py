"""Column types that behave alike on both databases."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer
from sqlalchemy import types as sa
from sqlalchemy.dialects import postgresql

from app import clock


class UTC_TIME(sa.TypeDecorator[datetime]):  # noqa: N801  (named like the SQL types it stands among)
    """An aware UTC instant: `timestamptz` on PostgreSQL, microseconds since 1970 on SQLite.

    An integer sorts, subtracts and indexes exactly, which SQLite's text dates do not.
    """

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.TypeEngine[Any]:
        """Pick the column type of that database."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(postgresql.TIMESTAMP(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse naive times: which instant they mean can't be known here."""
        if value is None:
            return None
        if value.tzinfo is None:
            message = "a naive datetime can't be stored"
            raise ValueError(message)
        if dialect.name == "sqlite":
            return clock.to_microseconds(value)
        return value

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """Leave what PostgreSQL's driver returns as it is: aware, and in UTC."""
        return super().result_processor(dialect, coltype) if dialect.name == "sqlite" else None

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Give back an aware UTC instant."""
        if value is None:
            return None
        if dialect.name == "sqlite":
            return clock.from_microseconds(value)
        instant: datetime = value.astimezone(UTC)
        return instant


DOCUMENT = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
"""A small JSON document."""

IDENTITY = BigInteger().with_variant(Integer(), "sqlite")
"""A number the database hands out, ever upwards."""
