"""Makes the first tables of twins: nodes, bindings, types, changes, series without a place."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

# Paths are compared and ordered byte by byte, so that a subtree is one range of the index.
PATH = sa.String(1024).with_variant(sa.String(1024, collation="C"), "postgresql")


def upgrade(op: Operations) -> None:
    """Create the tables."""
    op.create_table(
        "twins_nodes",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("path", PATH, nullable=False, unique=True),
        sa.Column("parent", PATH, nullable=False, index=True),
        sa.Column("level", sa.String(16), nullable=False),
        sa.Column("type", sa.String(64), nullable=False, index=True),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("changed_us", sa.BigInteger, nullable=False),
        sa.Column("changed_by", sa.String(120), nullable=False),
    )
    op.create_table(
        "twins_bindings",
        sa.Column("node", sa.String(32), primary_key=True),
        sa.Column("property", sa.String(64), primary_key=True),
        sa.Column("series", PATH, nullable=False, index=True),
    )
    op.create_table(
        "twins_types",
        sa.Column("organisation", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "twins_changes",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("by", sa.String(120), nullable=False),
        sa.Column("deed", sa.String(16), nullable=False),
        sa.Column("path", PATH, nullable=False),
        sa.Column("twins", sa.Integer, nullable=False),
        sa.Column("undone", sa.Boolean, nullable=False),
    )
    op.create_table(
        "twins_steps",
        sa.Column("change", sa.String(32), primary_key=True),
        sa.Column("node", sa.String(32), primary_key=True, index=True),
        sa.Column("path", PATH, nullable=False, index=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("before", sa.LargeBinary),
        sa.Column("after", sa.LargeBinary),
    )
    op.create_table(
        "twins_series",
        sa.Column("path", PATH, primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("unit", sa.String(32), nullable=False),
        sa.Column("declined", sa.Boolean, nullable=False),
    )
