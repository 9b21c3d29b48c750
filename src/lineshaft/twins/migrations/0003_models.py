"""Makes the table of mechanism models."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

PATH = sa.String(1024).with_variant(sa.String(1024, collation="C"), "postgresql")


def upgrade(op: Operations) -> None:
    """Create the table."""
    op.create_table(
        "twins_models",
        sa.Column("path", PATH, primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
