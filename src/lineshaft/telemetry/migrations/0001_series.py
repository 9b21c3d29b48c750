"""The series that ever brought a sample."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations


def upgrade(op: Operations) -> None:
    """Create the table."""
    op.create_table(
        "telemetry_series",
        sa.Column("path", sa.String(1024), primary_key=True),
        sa.Column("id", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("first_us", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
