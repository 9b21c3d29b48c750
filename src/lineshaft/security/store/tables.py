"""The tables of people, keys and the audit log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from lineshaft.kernel.db import Transaction

METADATA = sa.MetaData()

AUDIT = sa.Table(
    "security_audit",
    METADATA,
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
    sa.Index("security_audit_actor", "actor_id", "seq"),
    sa.Index("security_audit_action", "action", "seq"),
    sa.Index("security_audit_at", "at_us"),
)

AUDIT_HEAD = sa.Table(
    "security_audit_head",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)
"""One row: how long the chain is and how it ends, so that cutting its tail off shows."""

USERS = sa.Table(
    "security_users",
    METADATA,
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

SESSIONS = sa.Table(
    "security_sessions",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("secret_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("user_id", sa.String(32), nullable=False, index=True),
    sa.Column("origin", sa.String(100), nullable=False),
    sa.Column("agent", sa.String(200), nullable=False),
    sa.Column("created_us", sa.BigInteger, nullable=False),
    sa.Column("seen_us", sa.BigInteger, nullable=False),
    sa.Column("ends_us", sa.BigInteger, nullable=False),
)

ATTEMPTS = sa.Table(
    "security_attempts",
    METADATA,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("failures", sa.BigInteger, nullable=False),
    sa.Column("last_us", sa.BigInteger, nullable=False),
    sa.Column("open_us", sa.BigInteger, nullable=False),
)
"""Failed sign-ins per account, per account and origin, and per origin."""

TRUSTED = sa.Table(
    "security_trusted",
    METADATA,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("last_us", sa.BigInteger, nullable=False),
)
"""Pairs of account and origin that have signed in before; an attack from elsewhere does not slow them."""

TOKENS = sa.Table(
    "security_tokens",
    METADATA,
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

DEVICES = sa.Table(
    "security_devices",
    METADATA,
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


def within(column: sa.Column[Any], trees: Sequence[str]) -> sa.ColumnElement[bool]:
    """Whether a path lies in one of these subtrees; '' is everything, none is nothing."""
    if "" in trees:
        return sa.true()
    return sa.or_(sa.false(), *(below(column, tree) for tree in trees))


def below(column: sa.Column[Any], tree: str) -> sa.ColumnElement[bool]:
    """Whether a path is this one or lies below it."""
    return sa.or_(column == tree, column.startswith(tree + "/", autoescape=True))


async def touch(tx: Transaction, column: sa.Column[Any], at_us: Mapping[str, int]) -> None:
    """Set a time column of the rows with these ids."""
    rows: list[dict[str, Any]] = [{"which": which, "at": at} for which, at in at_us.items()]
    if rows:
        later = sa.update(column.table).where(column.table.c.id == sa.bindparam("which"))
        await tx.execute(later.values({column.name: sa.bindparam("at")}), rows)
