"""Makes the tables of process pictures and their versions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

PATH = sa.String(1024).with_variant(sa.String(1024, collation="C"), "postgresql")


def upgrade(op: Operations) -> None:
    """Create the tables."""
    op.create_table(
        "twins_pictures",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("place", PATH, nullable=False, index=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("removed", sa.Boolean, nullable=False),
    )
    op.create_table(
        "twins_picture_editions",
        sa.Column("picture", sa.String(32), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("by", sa.String(120), nullable=False),
        sa.Column("deed", sa.String(16), nullable=False),
        sa.Column("items", sa.Integer, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
