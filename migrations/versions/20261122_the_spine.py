"""The spine: tickets and their clocks, agents, scores, events; and what every installation starts with."""

from uuid import UUID

import sqlalchemy as sa
from alembic import op

from app.db.types import DOCUMENT, IDENTITY, UTC_TIME

revision = "ff1d8313af59"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=200), nullable=True),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("languages", DOCUMENT, nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("skills", DOCUMENT, nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", UTC_TIME(), nullable=False),
        sa.CheckConstraint("capacity >= 0", name=op.f("ck_agents_capacity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agents")),
    )
    op.create_index(
        "uq_agents_email", "agents", ["email"], unique=True, postgresql_where=sa.text("email IS NOT NULL")
    )
    op.create_index("uq_agents_name", "agents", ["name"], unique=True)
    op.create_table(
        "configuration_version",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_configuration_version")),
    )
    op.create_table(
        "cursors",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_cursors")),
    )
    op.create_table(
        "customers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("import_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", UTC_TIME(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers")),
    )
    op.create_table(
        "events",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("subject_type", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("subject_version", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("occurred_at", UTC_TIME(), nullable=False),
        sa.Column("received_at", UTC_TIME(), nullable=False),
        sa.Column("data", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint(
            "subject_id", "subject_version", name=op.f("uq_events_subject_id_subject_version")
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "external_ids",
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("source_id", "external_id", name=op.f("pk_external_ids")),
    )
    op.create_index("ix_external_ids_subject", "external_ids", ["subject_id"], unique=False)
    op.create_table(
        "idempotency",
        sa.Column("scope", sa.String(length=120), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", UTC_TIME(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "key_hash", name=op.f("pk_idempotency")),
    )
    op.create_index("ix_idempotency_expires", "idempotency", ["expires_at"], unique=False)
    op.create_table(
        "imports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", UTC_TIME(), nullable=False),
        sa.Column("undone_at", UTC_TIME(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
    )
    op.create_table(
        "instruments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("low", sa.Integer(), nullable=False),
        sa.Column("high", sa.Integer(), nullable=False),
        sa.Column("step", sa.Numeric(precision=6, scale=3, asdecimal=False), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("created_at", UTC_TIME(), nullable=False),
        sa.CheckConstraint("kind IN ('csat', 'nps', 'ces', 'scale')", name=op.f("ck_instruments_kind")),
        sa.CheckConstraint("low < high", name=op.f("ck_instruments_scale")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instruments")),
    )
    op.create_index("uq_instruments_name_version", "instruments", ["name", "version"], unique=True)
    op.create_table(
        "outbox",
        sa.Column("event_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_outbox")),
    )
    op.create_table(
        "schema",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("min_code", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schema")),
    )
    op.create_table(
        "sites",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("public_key", sa.String(length=200), nullable=False),
        sa.Column("origins", DOCUMENT, nullable=False),
        sa.Column("allow_servers", sa.Boolean(), nullable=False),
        sa.Column("languages", DOCUMENT, nullable=False),
        sa.Column("theme", DOCUMENT, nullable=False),
        sa.Column("created_at", UTC_TIME(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sites")),
    )
    op.create_index("uq_sites_name", "sites", ["name"], unique=True)
    op.create_index("uq_sites_public_key", "sites", ["public_key"], unique=True)
    op.create_table(
        "sources",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", UTC_TIME(), nullable=False),
        sa.CheckConstraint("kind IN ('api', 'import', 'call_centre', 'form')", name=op.f("ck_sources_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sources")),
    )
    op.create_index("uq_sources_name", "sources", ["name"], unique=True)
    op.create_table(
        "stream",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_stream")),
        sa.UniqueConstraint("event_id", name=op.f("uq_stream_event_id")),
    )
    op.create_table(
        "teams",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("strategy", sa.String(length=40), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", UTC_TIME(), nullable=False),
        sa.CheckConstraint("strategy IN ('pull', 'least_loaded')", name=op.f("ck_teams_strategy")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teams")),
    )
    op.create_index("uq_teams_name", "teams", ["name"], unique=True)
    op.create_table(
        "agent_load",
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.CheckConstraint("open >= 0", name=op.f("ck_agent_load_open")),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_agent_load_agent_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("agent_id", name=op.f("pk_agent_load")),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("prefix", sa.String(length=40), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", DOCUMENT, nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("sources", DOCUMENT, nullable=True),
        sa.Column("expires_at", UTC_TIME(), nullable=True),
        sa.Column("revoked_at", UTC_TIME(), nullable=True),
        sa.Column("last_used_at", UTC_TIME(), nullable=True),
        sa.Column("created_at", UTC_TIME(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_api_keys_agent_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
    )
    op.create_index("uq_api_keys_hash", "api_keys", ["hash"], unique=True)
    op.create_table(
        "customer_identities",
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", UTC_TIME(), nullable=False),
        sa.CheckConstraint("kind IN ('ref', 'email', 'phone')", name=op.f("ck_customer_identities_kind")),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_customer_identities_customer_id"),
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("kind", "value", name=op.f("pk_customer_identities")),
    )
    op.create_index(
        op.f("ix_customer_identities_customer_id"), "customer_identities", ["customer_id"], unique=False
    )
    op.create_table(
        "presence",
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("seen_at", UTC_TIME(), nullable=False),
        sa.CheckConstraint("status IN ('online', 'away', 'offline')", name=op.f("ck_presence_status")),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_presence_agent_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("agent_id", name=op.f("pk_presence")),
    )
    op.create_table(
        "team_members",
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_team_members_agent_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name=op.f("fk_team_members_team_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("team_id", "agent_id", name=op.f("pk_team_members")),
    )
    op.create_index(op.f("ix_team_members_agent_id"), "team_members", ["agent_id"], unique=False)
    op.create_table(
        "tickets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=True),
        sa.Column("external_id", sa.String(length=200), nullable=True),
        sa.Column("origin", sa.String(length=40), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=40), nullable=False),
        sa.Column("topic", sa.String(length=200), nullable=True),
        sa.Column("product", sa.String(length=200), nullable=True),
        sa.Column("priority", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("assignee_id", sa.Uuid(), nullable=True),
        sa.Column("resolver_id", sa.Uuid(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("claimed", DOCUMENT, nullable=True),
        sa.Column("attributes", DOCUMENT, nullable=True),
        sa.Column("page_url", sa.Text(), nullable=True),
        sa.Column("delayed_seconds", sa.Integer(), nullable=True),
        sa.Column("follow_up_of", sa.Uuid(), nullable=True),
        sa.Column("occurred_at", UTC_TIME(), nullable=False),
        sa.Column("received_at", UTC_TIME(), nullable=False),
        sa.Column("queue_at", UTC_TIME(), nullable=True),
        sa.Column("quarantined_at", UTC_TIME(), nullable=True),
        sa.Column("resolved_at", UTC_TIME(), nullable=True),
        sa.Column("closed_at", UTC_TIME(), nullable=True),
        sa.Column("token_version", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("kind IN ('complaint', 'question', 'comment')", name=op.f("ck_tickets_kind")),
        sa.CheckConstraint("origin IN ('live', 'import')", name=op.f("ck_tickets_origin")),
        sa.CheckConstraint(
            "priority IN ('low', 'normal', 'high', 'urgent')", name=op.f("ck_tickets_priority")
        ),
        sa.CheckConstraint(
            "status IN ('new', 'open', 'pending', 'resolved', 'closed')", name=op.f("ck_tickets_status")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_tickets_customer_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets")),
        sa.UniqueConstraint("follow_up_of", name=op.f("uq_tickets_follow_up_of")),
    )
    op.create_index(op.f("ix_tickets_assignee_id"), "tickets", ["assignee_id"], unique=False)
    op.create_index(op.f("ix_tickets_customer_id"), "tickets", ["customer_id"], unique=False)
    op.create_index(
        "ix_tickets_import",
        "tickets",
        ["import_id"],
        unique=False,
        postgresql_where=sa.text("import_id IS NOT NULL"),
        sqlite_where=sa.text("import_id IS NOT NULL"),
    )
    op.create_index("ix_tickets_occurred", "tickets", ["occurred_at"], unique=False)
    op.create_index(
        "ix_tickets_queue",
        "tickets",
        ["team_id", "queue_at", "id"],
        unique=False,
        postgresql_where=sa.text("queue_at IS NOT NULL"),
        sqlite_where=sa.text("queue_at IS NOT NULL"),
    )
    op.create_index("ix_tickets_received", "tickets", ["received_at", "id"], unique=False)
    op.create_index("uq_tickets_reference", "tickets", ["reference"], unique=True)
    op.create_table(
        "assignments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("by", sa.String(length=40), nullable=False),
        sa.Column("reason", DOCUMENT, nullable=False),
        sa.Column("decided_at", UTC_TIME(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_assignments_ticket_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignments")),
    )
    op.create_index("ix_assignments_ticket", "assignments", ["ticket_id", "decided_at"], unique=False)
    op.create_table(
        "clocks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("start_version", sa.Integer(), nullable=False),
        sa.Column("started_at", UTC_TIME(), nullable=False),
        sa.Column("stopped_at", UTC_TIME(), nullable=True),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("inconsistent", sa.Boolean(), nullable=False),
        sa.Column("is_last", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "name IN ('first_response', 'next_response', 'resolution')", name=op.f("ck_clocks_name")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_clocks_ticket_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clocks")),
        sa.UniqueConstraint("ticket_id", "name", "ordinal", name=op.f("uq_clocks_ticket_id_name_ordinal")),
    )
    op.create_index("ix_clocks_figures", "clocks", ["name", "started_at"], unique=False)
    op.create_table(
        "messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("author", sa.String(length=40), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("occurred_at", UTC_TIME(), nullable=False),
        sa.Column("received_at", UTC_TIME(), nullable=False),
        sa.CheckConstraint("author IN ('customer', 'agent')", name=op.f("ck_messages_author")),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_messages_ticket_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
    )
    op.create_index("ix_messages_ticket", "messages", ["ticket_id", "occurred_at"], unique=False)
    op.create_table(
        "scores",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("standalone", sa.Boolean(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("instrument_id", sa.Uuid(), nullable=False),
        sa.Column("value", sa.Numeric(precision=9, scale=3, asdecimal=False), nullable=False),
        sa.Column("expected", sa.Numeric(precision=9, scale=3, asdecimal=False), nullable=True),
        sa.Column("dimension", sa.String(length=40), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=True),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("topic", sa.String(length=200), nullable=True),
        sa.Column("product", sa.String(length=200), nullable=True),
        sa.Column("language", sa.String(length=40), nullable=False),
        sa.Column("origin", sa.String(length=40), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=True),
        sa.Column("quarantined_at", UTC_TIME(), nullable=True),
        sa.Column("given_at", UTC_TIME(), nullable=False),
        sa.Column("received_at", UTC_TIME(), nullable=False),
        sa.CheckConstraint("origin IN ('live', 'import')", name=op.f("ck_scores_origin")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_scores_customer_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_scores_ticket_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scores")),
    )
    op.create_index(op.f("ix_scores_agent_id"), "scores", ["agent_id"], unique=False)
    op.create_index(op.f("ix_scores_customer_id"), "scores", ["customer_id"], unique=False)
    op.create_index("ix_scores_figures", "scores", ["instrument_id", "given_at"], unique=False)
    op.create_index("ix_scores_import", "scores", ["import_id"], unique=False)
    op.create_index("ix_scores_submission", "scores", ["submission_id"], unique=False)
    op.create_index("ix_scores_ticket", "scores", ["ticket_id"], unique=False)
    _start_with()


def _start_with() -> None:
    """Give a new installation its default team, its first source and the three standard instruments."""
    began = (
        sa.text("CURRENT_TIMESTAMP")
        if op.get_context().dialect.name == "postgresql"
        else sa.text(_SQLITE_NOW)
    )
    op.execute(sa.text("INSERT INTO configuration_version (id, version) VALUES (1, 1)"))
    op.execute(sa.text("INSERT INTO schema (id, min_code) VALUES (1, 1)"))
    op.execute(sa.text("INSERT INTO cursors (name, sequence) VALUES ('publisher', 0)"))
    _insert("teams", _id(1), began, name="Support", strategy="least_loaded", is_default=True)
    _insert("sources", _id(2), began, name="api", kind="api", zone="UTC")
    for number, (name, low, high, question) in enumerate(_INSTRUMENTS, start=3):
        scale = {"low": low, "high": high, "step": 1, "question": question}
        _insert("instruments", _id(number), began, name=name, version=1, kind=name, **scale)


_SQLITE_NOW = "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"
_INSTRUMENTS = (
    ("csat", 1, 5, "How satisfied are you?"),
    ("nps", 0, 10, "How likely are you to recommend us?"),
    ("ces", 1, 7, "How easy was it to get this done?"),
)


def _id(number: int) -> UUID:
    """Return one of the fixed ids of the first rows; they are the same in every installation."""
    return UUID(f"00000000-0000-7000-8000-{number:012d}")


def _insert(table: str, row_id: UUID, began: sa.TextClause, **values: object) -> None:
    columns = [sa.column("id", sa.Uuid()), sa.column("created_at"), *(sa.column(name) for name in values)]
    shown = {"id": row_id, "created_at": began, **values}
    op.execute(sa.table(table, *columns).insert().values(shown))


def downgrade() -> None:
    op.drop_index("ix_scores_ticket", table_name="scores")
    op.drop_index("ix_scores_submission", table_name="scores")
    op.drop_index("ix_scores_import", table_name="scores")
    op.drop_index("ix_scores_figures", table_name="scores")
    op.drop_index(op.f("ix_scores_customer_id"), table_name="scores")
    op.drop_index(op.f("ix_scores_agent_id"), table_name="scores")
    op.drop_table("scores")
    op.drop_index("ix_messages_ticket", table_name="messages")
    op.drop_table("messages")
    op.drop_index("ix_clocks_figures", table_name="clocks")
    op.drop_table("clocks")
    op.drop_index("ix_assignments_ticket", table_name="assignments")
    op.drop_table("assignments")
    op.drop_index("uq_tickets_reference", table_name="tickets")
    op.drop_index("ix_tickets_received", table_name="tickets")
    op.drop_index(
        "ix_tickets_queue",
        table_name="tickets",
        postgresql_where=sa.text("queue_at IS NOT NULL"),
        sqlite_where=sa.text("queue_at IS NOT NULL"),
    )
    op.drop_index("ix_tickets_occurred", table_name="tickets")
    op.drop_index(
        "ix_tickets_import",
        table_name="tickets",
        postgresql_where=sa.text("import_id IS NOT NULL"),
        sqlite_where=sa.text("import_id IS NOT NULL"),
    )
    op.drop_index(op.f("ix_tickets_customer_id"), table_name="tickets")
    op.drop_index(op.f("ix_tickets_assignee_id"), table_name="tickets")
    op.drop_table("tickets")
    op.drop_index(op.f("ix_team_members_agent_id"), table_name="team_members")
    op.drop_table("team_members")
    op.drop_table("presence")
    op.drop_index(op.f("ix_customer_identities_customer_id"), table_name="customer_identities")
    op.drop_table("customer_identities")
    op.drop_index("uq_api_keys_hash", table_name="api_keys")
    op.drop_table("api_keys")
    op.drop_table("agent_load")
    op.drop_index("uq_teams_name", table_name="teams")
    op.drop_table("teams")
    op.drop_table("stream")
    op.drop_index("uq_sources_name", table_name="sources")
    op.drop_table("sources")
    op.drop_index("uq_sites_public_key", table_name="sites")
    op.drop_index("uq_sites_name", table_name="sites")
    op.drop_table("sites")
    op.drop_table("schema")
    op.drop_table("outbox")
    op.drop_index("uq_instruments_name_version", table_name="instruments")
    op.drop_table("instruments")
    op.drop_table("imports")
    op.drop_index("ix_idempotency_expires", table_name="idempotency")
    op.drop_table("idempotency")
    op.drop_index("ix_external_ids_subject", table_name="external_ids")
    op.drop_table("external_ids")
    op.drop_table("events")
    op.drop_table("customers")
    op.drop_table("cursors")
    op.drop_table("configuration_version")
    op.drop_index("uq_agents_name", table_name="agents")
    op.drop_index("uq_agents_email", table_name="agents", postgresql_where=sa.text("email IS NOT NULL"))
    op.drop_table("agents")
