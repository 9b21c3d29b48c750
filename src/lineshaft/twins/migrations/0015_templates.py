"""Finds the few templates among all documents by an index of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations


def upgrade(op: Operations) -> None:
    """Make the index."""
    held = sa.column("template", sa.Boolean).is_(sa.true())
    op.create_index("twins_documents_template", "twins_documents", ["number"], sqlite_where=held, postgresql_where=held)
