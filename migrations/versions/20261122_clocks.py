"""Calendars, policies, and clocks that are judged by them."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from app.db.types import DOCUMENT, UTC_TIME

revision = "2b9d4c07e6f5"
down_revision = "8e41f6a2c7d3"
branch_labels = None
depends_on = None

ALIVE = sa.text("deleted_at IS NULL")
DEFAULT = sa.text("is_default AND deleted_at IS NULL")
DUE = sa.text("next_due_at IS NOT NULL")
WAITING = sa.text("next_at IS NOT NULL")
RUNNING = sa.text("stopped_at IS NULL")
THREE = "name IN ('first_response', 'next_response', 'resolution')"
JUDGED: dict[str, sa.types.TypeEngine[Any]] = {
    "scheduled_at": UTC_TIME(),
    "counted": sa.BigInteger(),
    "counted_until": UTC_TIME(),
    "counting": sa.Boolean(),
    "warned": sa.BigInteger(),
    "revision": sa.Integer(),
}
MAY_BE_UNKNOWN: dict[str, sa.types.TypeEngine[Any]] = {
    "stop_version": sa.Integer(),
    "policy_id": sa.Uuid(),
    "policy_version": sa.Integer(),
    "calendar_id": sa.Uuid(),
    "calendar_version": sa.Integer(),
    "target_seconds": sa.Integer(),
    "due_at": UTC_TIME(),
    "breached_at": UTC_TIME(),
    "next_at": UTC_TIME(),
}
OF_TICKETS: dict[str, sa.types.TypeEngine[Any]] = {
    "segment": sa.String(length=200),
    "policy_id": sa.Uuid(),
    "promised_at": UTC_TIME(),
    "next_due_at": UTC_TIME(),
    "replayed_version": sa.Integer(),
    "replayed_at": UTC_TIME(),
    "replayed_standing": sa.String(length=40),
}


def upgrade() -> None:
    _create_versioned("calendars", "calendar")
    _create_versioned("policies", "policy", sa.Column("is_default", sa.Boolean(), nullable=False))
    op.create_index(
        "uq_policies_default",
        "policies",
        ["is_default"],
        unique=True,
        postgresql_where=DEFAULT,
        sqlite_where=DEFAULT,
    )
    for name, kind in OF_TICKETS.items():
        op.add_column("tickets", sa.Column(name, kind, nullable=True))
    op.create_index(
        "ix_tickets_due", "tickets", ["next_due_at", "id"], postgresql_where=DUE, sqlite_where=DUE
    )
    for name, kind in (JUDGED | MAY_BE_UNKNOWN).items():
        op.add_column("clocks", sa.Column(name, kind, nullable=True))
    op.execute(
        "UPDATE clocks SET scheduled_at = started_at, counted = 0, warned = 0, revision = 0,"
        " counted_until = coalesce(stopped_at, started_at), counting = (stopped_at IS NULL)"
    )
    with op.batch_alter_table("clocks") as clocks:
        for name, kind in JUDGED.items():
            clocks.alter_column(name, existing_type=kind, nullable=False)
        clocks.drop_constraint(op.f("ck_clocks_name"), type_="check")
        clocks.drop_constraint(op.f("uq_clocks_ticket_id_name_ordinal"), type_="unique")
        clocks.create_unique_constraint(
            op.f("uq_clocks_ticket_id_name_start_version"), ["ticket_id", "name", "start_version"]
        )
    op.create_index("ix_clocks_next", "clocks", ["next_at"], postgresql_where=WAITING, sqlite_where=WAITING)
    op.create_index(
        "ix_clocks_running", "clocks", ["ticket_id"], postgresql_where=RUNNING, sqlite_where=RUNNING
    )


def downgrade() -> None:
    op.drop_index("ix_clocks_running", table_name="clocks", postgresql_where=RUNNING, sqlite_where=RUNNING)
    op.drop_index("ix_clocks_next", table_name="clocks", postgresql_where=WAITING, sqlite_where=WAITING)
    op.execute(f"DELETE FROM clocks WHERE NOT ({THREE})")  # noqa: S608  (our own words)
    with op.batch_alter_table("clocks") as clocks:
        clocks.drop_constraint(op.f("uq_clocks_ticket_id_name_start_version"), type_="unique")
        clocks.create_unique_constraint(
            op.f("uq_clocks_ticket_id_name_ordinal"), ["ticket_id", "name", "ordinal"]
        )
        clocks.create_check_constraint(op.f("ck_clocks_name"), THREE)
        for name in JUDGED | MAY_BE_UNKNOWN:
            clocks.drop_column(name)
    op.drop_index("ix_tickets_due", table_name="tickets", postgresql_where=DUE, sqlite_where=DUE)
    for name in OF_TICKETS:
        op.drop_column("tickets", name)
    for many, one in (("policies", "policy"), ("calendars", "calendar")):
        op.drop_table(f"{one}_versions")
        op.drop_table(many)


def _create_versioned(many: str, one: str, *more: sa.Column[bool]) -> None:
    """Create a table of things that have versions, and that of their versions."""
    op.create_table(
        many,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        *more,
        sa.Column("created_at", UTC_TIME(), nullable=False),
        sa.Column("deleted_at", UTC_TIME(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{many}")),
    )
    op.create_index(
        f"uq_{many}_name", many, ["name"], unique=True, postgresql_where=ALIVE, sqlite_where=ALIVE
    )
    op.create_table(
        f"{one}_versions",
        sa.Column(f"{one}_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", DOCUMENT, nullable=False),
        sa.Column("created_at", UTC_TIME(), nullable=False),
        sa.ForeignKeyConstraint(
            [f"{one}_id"], [f"{many}.id"], name=op.f(f"fk_{one}_versions_{one}_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(f"{one}_id", "version", name=op.f(f"pk_{one}_versions")),
    )
