"""Connections and every version they ever had."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations


def upgrade(op: Operations) -> None:
    """Create the tables."""
    op.create_table(
        "edge_connections",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("connector", sa.String(64), nullable=False),
        sa.Column("path", sa.String(1024), nullable=False),
        sa.Column("raw", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
    )
    op.create_table(
        "edge_versions",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("connector", sa.String(64), nullable=False),
        sa.Column("raw", sa.Text),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("by", sa.String(120), nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
    )
