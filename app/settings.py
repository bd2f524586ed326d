"""Every setting, read once from `HEARD_*` environment variables into one frozen object."""

from ipaddress import ip_network
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

SHORTEST_SECRET = 32


class Settings(BaseSettings):
    """How this process runs; each field is the environment variable `HEARD_` + its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="HEARD_", frozen=True, extra="ignore")

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    data_dir: Path = Field(
        Path("data"), description="Folder of the embedded database, the secret and the admin key."
    )
    database_url: str | None = Field(
        None, description="`postgresql+asyncpg://…` for PostgreSQL; unset for the embedded SQLite file."
    )
    database_pool: int = Field(
        10, ge=1, le=200, description="PostgreSQL connections besides the two of the intake."
    )
    secret: SecretStr | None = Field(
        None,
        min_length=SHORTEST_SECRET,
        description="Signs tracking tokens and cursors; unset, one is made in the data folder.",
    )
    trusted_proxies: str = Field(
        "",
        description="Networks, with commas between, whose `X-Forwarded-For` and `-Proto` are believed.",
    )
    drain_seconds: float = Field(
        0, ge=0, description="After SIGTERM, seconds to go on serving while `/readyz` is red already."
    )
    stop_seconds: int = Field(
        20, ge=1, description="Seconds that requests in hand have when stopping, before they are given up."
    )
    disk_free_bytes: int = Field(
        32 * 1024 * 1024, ge=0, description="Free space of the data folder below which `/readyz` is red."
    )
    public_url: str = Field("", description="Base of the links we hand out; unset, links are paths.")
    worker: bool = Field(default=True, description="Run the worker inside this process.")
    min_n: int = Field(
        1, ge=1, description="Fewer answers than this give no satisfaction figure, but the reason."
    )
    intake_waiting_rows: int = Field(
        20_000, ge=1, description="Rows that may wait for the intake writer before a post is answered 503."
    )
    close_after_days: int = Field(
        7, ge=0, le=3650, description="Quiet days after which a resolved ticket is closed; 0 closes none."
    )
    retention_days: int = Field(
        30,
        ge=1,
        le=3650,
        description="Days that an entry of the event stream is kept once every consumer has read it.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe line logged."
    )
    log_format: Literal["json", "console"] = Field("json", description="Shape of the log lines.")

    @field_validator("database_url")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        """Take what the driver can read; what is refused may hold a password, so it is never repeated."""
        if value is not None and not _is_address(value):
            raise ValueError(
                "it looks like postgresql+asyncpg://user:password@host/name, with what is special in the "
                "password percent-encoded, and ssl= where other drivers say sslmode="
            )
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        """Take networks and addresses only: a name, or a star, would trust more than was meant."""
        return ",".join(str(ip_network(each.strip())) for each in value.split(",") if each.strip())

    @property
    def embedded(self) -> bool:
        """Whether the database is the SQLite file in the data folder."""
        return self.database_url is None

    @property
    def sqlite_path(self) -> Path:
        """The embedded database file."""
        return self.data_dir / "heard.db"


def _is_address(value: str) -> bool:
    try:
        url = make_url(value)
        # A host with an @ is the rest of a password, and would be named where it can't be found.
        fine = url.drivername == "postgresql+asyncpg" and "@" not in (url.host or "")
        fine = fine and "sslmode" not in url.query  # not a word of this driver's
        return fine and bool(url.get_dialect()().create_connect_args(url))
    except (ArgumentError, ValueError):
        return False
