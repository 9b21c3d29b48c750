"""Keeps what each process picture is bound to, so that a machine finds the pictures that show it."""

from __future__ import annotations

import orjson
import sqlalchemy as sa
from alembic.operations import Operations

ID = sa.String(32)
PATH = sa.String(1024).with_variant(sa.String(1024, collation="C"), "postgresql")


def upgrade(op: Operations) -> None:
    """Create the table and fill it from the pictures as they stand."""
    op.create_table(
        "twins_picture_sources",
        sa.Column("picture", ID, primary_key=True),
        sa.Column("path", PATH, primary_key=True, index=True),
    )
    connection = op.get_bind()
    standing = connection.execute(
        sa.text(
            "SELECT e.picture, e.document FROM twins_picture_editions e"
            " JOIN twins_pictures p ON p.id = e.picture AND p.version = e.version"
        )
    )
    keep = sa.text("INSERT INTO twins_picture_sources (picture, path) VALUES (:picture, :path)")
    for picture, document in standing.fetchall():
        bound = [b["path"] for item in orjson.loads(document)["items"] for b in item.get("bindings", {}).values()]
        if rows := [{"picture": picture, "path": path} for path in dict.fromkeys(bound)]:
            connection.execute(keep, rows)
