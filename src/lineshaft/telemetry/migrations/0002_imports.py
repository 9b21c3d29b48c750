"""Files that are imported, or were."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations


def upgrade(op: Operations) -> None:
    """Create the table."""
    op.create_table(
        "telemetry_imports",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("owner_id", sa.String(80), nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("layout", sa.Text, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("written", sa.BigInteger, nullable=False),
        sa.Column("bad", sa.BigInteger, nullable=False),
        sa.Column("troubles", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("beat_us", sa.BigInteger, nullable=False),
        sa.Column("ended_us", sa.BigInteger),
    )
