"""Makes the tables of the AAS repository; twins/store/repository_tables.py says what each is for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

PATH = sa.String(1024).with_variant(sa.String(1024, collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
ID = sa.String(2048).with_variant(sa.String(2048, collation="C"), "postgresql")


def upgrade(op: Operations) -> None:
    """Create the tables."""
    op.create_table(
        "twins_documents",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("id_short", sa.String(128), nullable=False),
        sa.Column("place", PATH, nullable=False),
        sa.Column("semantic", ID, nullable=False),
        sa.Column("asset_kind", sa.String(16), nullable=False),
        sa.Column("asset_type", ID, nullable=False),
        sa.Column("template", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("digest", sa.String(32), nullable=False),
        sa.Column("changed_us", sa.BigInteger, nullable=False),
        sa.Column("changed_by", sa.String(120), nullable=False),
        sa.UniqueConstraint("kind", "id"),
        sqlite_autoincrement=True,
    )
    op.create_index("twins_documents_page", "twins_documents", ["kind", "number", "place"])
    op.create_index("twins_documents_asset_type", "twins_documents", ["kind", "asset_type", "number"])
    op.create_index("twins_documents_id_short", "twins_documents", ["kind", "id_short", "number"])
    op.create_index("twins_documents_semantic", "twins_documents", ["kind", "semantic", "number"])
    op.create_index("twins_documents_place", "twins_documents", ["place", "kind", "number"])
    op.create_table(
        "twins_elements",
        sa.Column("document", sa.BigInteger, primary_key=True),
        sa.Column("path", ID, primary_key=True),
        sa.Column("shape", ID, nullable=False),
        sa.Column("model", sa.SmallInteger, nullable=False),
        sa.Column("id_short", sa.String(128), nullable=False),
        sa.Column("semantic", ID, nullable=False),
        sa.Column("value_type", sa.String(24), nullable=False),
        sa.Column("text", sa.String(512)),
        sa.Column("number", sa.Double),
        sqlite_with_rowid=False,
    )
    for name, of, what in (
        ("twins_elements_text", "semantic", "text"),
        ("twins_elements_number", "semantic", "number"),
        ("twins_elements_shape_text", "shape", "text"),
        ("twins_elements_shape_number", "shape", "number"),
    ):
        held = sa.text(f"{what} IS NOT NULL")
        op.create_index(name, "twins_elements", [of, what], sqlite_where=held, postgresql_where=held)
    op.create_table(
        "twins_semantics",
        sa.Column("semantic", ID, primary_key=True),
        sa.Column("document", sa.BigInteger, primary_key=True, index=True),
        sa.Column("path", ID, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "twins_hot",
        sa.Column("document", sa.BigInteger, primary_key=True),
        sa.Column("path", ID, primary_key=True),
        sa.Column("value", sa.Text),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "twins_links",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", ID, primary_key=True),
        sa.Column("shell", ID, primary_key=True, index=True),
        sa.Column("origin", sa.SmallInteger, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "twins_relations",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("document", sa.BigInteger, nullable=False, index=True),
        sa.Column("path", ID, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("source", ID, nullable=False, index=True),
        sa.Column("target", ID, nullable=False, index=True),
        sa.Column("count", sa.Double),
    )
    op.create_table(
        "twins_feed",
        sa.Column("seq", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("by", sa.String(120), nullable=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("document", sa.BigInteger, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("place", PATH, nullable=False),
        sa.Column("verb", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary),
        sqlite_autoincrement=True,
    )
    op.create_index("twins_feed_document", "twins_feed", ["document", "seq"])
    whole = sa.text("verb <> 'values'")
    op.create_index("twins_feed_whole", "twins_feed", ["kind", "id", "seq"], sqlite_where=whole, postgresql_where=whole)
    op.create_table(
        "twins_files",
        sa.Column("document", sa.BigInteger, primary_key=True),
        sa.Column("path", ID, primary_key=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("content_type", sa.String(128), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False, index=True),
    )
    op.create_table(
        "twins_contents",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
