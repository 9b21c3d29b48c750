"""Users, sessions, tokens, devices and the audit log, whose rows the database itself refuses to change."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

ROOT = "0" * 64


def upgrade(op: Operations) -> None:
    _audit(op)
    _people(op)
    _keys(op)


def _audit(op: Operations) -> None:
    op.create_table(
        "security_audit",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("actor_id", sa.String(80), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("owner", sa.String(80), nullable=False),
        sa.Column("origin", sa.String(100), nullable=False),
        sa.Column("action", sa.String(80), nullable=False),
        sa.Column("subject", sa.String(500), nullable=False),
        sa.Column("path", sa.String(500), nullable=False),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("before", sa.Text),
        sa.Column("after", sa.Text),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("security_audit_actor", "security_audit", ["actor_id", "seq"])
    op.create_index("security_audit_action", "security_audit", ["action", "seq"])
    op.create_index("security_audit_at", "security_audit", ["at_us"])
    head = op.create_table(
        "security_audit_head",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.bulk_insert(head, [{"id": 1, "seq": 0, "hash": ROOT}])
    for statement in _APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


_REFUSAL = "the audit log is append-only"
_REFUSE_SQLITE = (
    "CREATE TRIGGER security_audit_no_{verb} BEFORE {verb} ON security_audit "
    f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
)
_REFUSE_POSTGRES = (
    "CREATE FUNCTION security_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$"
)
_WATCH_POSTGRES = (
    "CREATE TRIGGER security_audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON security_audit "
    "FOR EACH STATEMENT EXECUTE FUNCTION security_audit_refuse()"
)
_APPEND_ONLY = {
    "sqlite": [_REFUSE_SQLITE.format(verb=verb) for verb in ("update", "delete")],
    "postgresql": [_REFUSE_POSTGRES, _WATCH_POSTGRES],
}


def _people(op: Operations) -> None:
    op.create_table(
        "security_users",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("login", sa.String(100), nullable=False, unique=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("home", sa.String(500), nullable=False),
        sa.Column("password_hash", sa.String(200), nullable=False),
        sa.Column("grants", sa.Text, nullable=False),
        sa.Column("language", sa.String(10), nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("signed_in_us", sa.BigInteger),
    )
    op.create_table(
        "security_sessions",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("secret_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("user_id", sa.String(32), nullable=False, index=True),
        sa.Column("origin", sa.String(100), nullable=False),
        sa.Column("agent", sa.String(200), nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("seen_us", sa.BigInteger, nullable=False),
        sa.Column("ends_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "security_attempts",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("failures", sa.BigInteger, nullable=False),
        sa.Column("last_us", sa.BigInteger, nullable=False),
        sa.Column("open_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "security_trusted",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("last_us", sa.BigInteger, nullable=False),
    )


def _keys(op: Operations) -> None:
    op.create_table(
        "security_tokens",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("owner_id", sa.String(32), nullable=False, index=True),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("grants", sa.Text, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("ends_us", sa.BigInteger),
        sa.Column("used_us", sa.BigInteger),
        sa.Column("revoked_us", sa.BigInteger),
    )
    op.create_table(
        "security_devices",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("path", sa.String(500), nullable=False),
        sa.Column("password_hash", sa.String(100), nullable=False),
        sa.Column("publish", sa.Text, nullable=False),
        sa.Column("subscribe", sa.Text, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("rotated_us", sa.BigInteger),
        sa.Column("revoked_us", sa.BigInteger),
    )
    living = sa.text("revoked_us IS NULL")
    op.create_index(
        "security_devices_name", "security_devices", ["name"], unique=True, sqlite_where=living, postgresql_where=living
    )
