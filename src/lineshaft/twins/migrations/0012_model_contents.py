"""Gives the files of models a table of their own; what is no attachment is theirs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations


def upgrade(op: Operations) -> None:
    """Create the table and move the files."""
    op.create_table(
        "twins_model_contents",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    connection = op.get_bind()
    loose = "digest NOT IN (SELECT digest FROM twins_files)"
    connection.execute(
        sa.text(f"INSERT INTO twins_model_contents SELECT digest, content FROM twins_contents WHERE {loose}")
    )
    connection.execute(sa.text(f"DELETE FROM twins_contents WHERE {loose}"))
