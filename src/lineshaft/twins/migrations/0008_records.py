"""Makes the table of life-cycle records."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

ID = sa.String(2048).with_variant(sa.String(2048, collation="C"), "postgresql")


def upgrade(op: Operations) -> None:
    """Create the table."""
    op.create_table(
        "twins_records",
        sa.Column("record", ID, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("fact", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("by", sa.String(120), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("party", sa.String(200), nullable=False),
        sa.Column("until_us", sa.BigInteger),
        sa.Column("was", sa.Text, nullable=False),
        sa.Column("now", sa.Text, nullable=False),
        sa.UniqueConstraint("record", "fact"),
        sqlite_with_rowid=False,
    )
    ends = sa.text("kind IN ('scrapped', 'reinstated')")
    op.create_index(
        "twins_records_ends", "twins_records", ["record", "number"], sqlite_where=ends, postgresql_where=ends
    )
