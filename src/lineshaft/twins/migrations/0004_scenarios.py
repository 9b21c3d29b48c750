"""Makes the tables of what-if runs that are kept, and of models that could not run beside their machines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

PATH = sa.String(1024).with_variant(sa.String(1024, collation="C"), "postgresql")


def upgrade(op: Operations) -> None:
    """Create the tables."""
    op.create_table(
        "twins_scenarios",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("path", PATH, nullable=False, index=True),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("columns", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "twins_model_faults",
        sa.Column("path", PATH, primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("since_us", sa.BigInteger, nullable=False),
        sa.Column("over_us", sa.BigInteger, nullable=False),
    )
