"""Jobs; which tickets wait to be closed; and when a ticket forgot whose it was."""

import sqlalchemy as sa
from alembic import op

from app.db.types import DOCUMENT, UTC_TIME

revision = "8e41f6a2c7d3"
down_revision = "5c0b7d2e91a4"
branch_labels = None
depends_on = None

ALIVE = sa.text("dead_at IS NULL")
RESOLVED = sa.text("status = 'resolved'")


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("data", DOCUMENT, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("claimed", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", UTC_TIME(), nullable=False),
        sa.Column("leased_until", UTC_TIME(), nullable=True),
        sa.Column("dead_at", UTC_TIME(), nullable=True),
        sa.Column("error", sa.String(length=200), nullable=True),
        sa.Column("created_at", UTC_TIME(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("kind", "key", name=op.f("uq_jobs_kind_key")),
    )
    op.create_index("ix_jobs_due", "jobs", ["due_at"], postgresql_where=ALIVE, sqlite_where=ALIVE)
    # The index first: while it is built only writes wait; behind the column reads would wait as well.
    op.create_index(
        "ix_tickets_resolved",
        "tickets",
        ["resolved_at", "id"],
        postgresql_where=RESOLVED,
        sqlite_where=RESOLVED,
    )
    op.add_column("tickets", sa.Column("erased_at", UTC_TIME(), nullable=True))


def downgrade() -> None:
    op.drop_index(
        "ix_tickets_resolved", table_name="tickets", postgresql_where=RESOLVED, sqlite_where=RESOLVED
    )
    op.drop_column("tickets", "erased_at")
    op.drop_index("ix_jobs_due", table_name="jobs", postgresql_where=ALIVE, sqlite_where=ALIVE)
    op.drop_table("jobs")
