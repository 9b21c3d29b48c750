"""Makes the table of desires: what people want properties to be."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

PATH = sa.String(1024).with_variant(sa.String(1024, collation="C"), "postgresql")


def upgrade(op: Operations) -> None:
    """Create the table."""
    op.create_table(
        "twins_desires",
        sa.Column("series", PATH, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("pending", sa.Boolean, nullable=False),
        sa.Column("due_us", sa.BigInteger, nullable=False),
        sa.Column("busy_until_us", sa.BigInteger, nullable=False),
        sa.Column("alarm_us", sa.BigInteger, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
    op.create_index("twins_desires_due", "twins_desires", ["pending", "due_us"])
