"""Heartbeats: workers in processes of their own give signs of life."""

import sqlalchemy as sa
from alembic import op

from app.db.types import UTC_TIME

revision = "5c0b7d2e91a4"
down_revision = "ff1d8313af59"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "heartbeats",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("seen_at", UTC_TIME(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_heartbeats")),
    )


def downgrade() -> None:
    op.drop_table("heartbeats")
