"""Leaves the texts of numbers out of the indexes of texts: they are found by their numbers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations


def upgrade(op: Operations) -> None:
    """Make both indexes anew."""
    held = sa.text("text IS NOT NULL AND number IS NULL")
    for name, of in (("twins_elements_text", "semantic"), ("twins_elements_shape_text", "shape")):
        op.drop_index(name, "twins_elements")
        op.create_index(name, "twins_elements", [of, "text"], sqlite_where=held, postgresql_where=held)
