"""The tables of the AAS repository: documents, what they are found by, and what changes faster than they do.

twins_documents    one row per identifiable, descriptor or package; pages run by `number`; `seq` is the line
                   of the feed that made this version
twins_elements     one row per submodel element: what queries look at, hot values included; a language of a
                   multi-language property and a bound of a range have rows of their own (`Name@de`, `Span@min`)
twins_semantics    semantic ids, main and supplemental, of submodels (path '') and elements; also what a concept
                   description is a case of, its data specifications, and the shells of a package
twins_hot          values newer than the document's, by idShortPath
twins_bound        elements whose values are those of a series, which no table holds
twins_links        asset ids by which shells are found
twins_relations    edges between things: bills of materials, references, relations
twins_feed         every change in order, with the values it left, or the document; that of the present
                   version stands in twins_documents alone and moves here when the next one replaces it
twins_horizon      how far back the feed goes, one row
twins_records      entries of life-cycle records, in their order; a fact is told once in a record
twins_files        attachments, thumbnails and packages; contents are kept once by digest
twins_contents
"""

from __future__ import annotations

import sqlalchemy as sa

from lineshaft.kernel.db import METADATA

from .tables import PATH

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""Counts up by itself on both engines."""
ID = sa.String(2048).with_variant(sa.String(2048, collation="C"), "postgresql")

DOCUMENTS = sa.Table(
    "twins_documents",
    METADATA,
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
    sa.Index("twins_documents_page", "kind", "number", "place"),
    sa.Index("twins_documents_asset_type", "kind", "asset_type", "number"),
    sa.Index("twins_documents_id_short", "kind", "id_short", "number"),
    sa.Index("twins_documents_semantic", "kind", "semantic", "number"),
    sa.Index("twins_documents_place", "place", "kind", "number"),
    sqlite_autoincrement=True,
)
_TEMPLATES = DOCUMENTS.c.template.is_(sa.true())
sa.Index("twins_documents_template", DOCUMENTS.c.number, sqlite_where=_TEMPLATES, postgresql_where=_TEMPLATES)
ELEMENTS = sa.Table(
    "twins_elements",
    METADATA,
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
# A value that is a number is found as one, its text beside it: every write of a value keeps two indexes up, not four.
for _name, _of, _what, _held in (
    ("twins_elements_text", "semantic", "text", sa.and_(ELEMENTS.c.text.is_not(None), ELEMENTS.c.number.is_(None))),
    ("twins_elements_number", "semantic", "number", ELEMENTS.c.number.is_not(None)),
    ("twins_elements_shape_text", "shape", "text", sa.and_(ELEMENTS.c.text.is_not(None), ELEMENTS.c.number.is_(None))),
    ("twins_elements_shape_number", "shape", "number", ELEMENTS.c.number.is_not(None)),
):
    sa.Index(_name, ELEMENTS.c[_of], ELEMENTS.c[_what], sqlite_where=_held, postgresql_where=_held)
SEMANTICS = sa.Table(
    "twins_semantics",
    METADATA,
    sa.Column("semantic", ID, primary_key=True),
    sa.Column("document", sa.BigInteger, primary_key=True, index=True),
    sa.Column("path", ID, primary_key=True),
    sqlite_with_rowid=False,
)
HOT = sa.Table(
    "twins_hot",
    METADATA,
    sa.Column("document", sa.BigInteger, primary_key=True),
    sa.Column("path", ID, primary_key=True),
    sa.Column("value", sa.Text),
    sa.Column("at_us", sa.BigInteger, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
BOUND = sa.Table(
    "twins_bound",
    METADATA,
    sa.Column("document", sa.BigInteger, primary_key=True),
    sa.Column("path", ID, primary_key=True),
    sa.Column("shape", ID, nullable=False),
    sa.Column("id_short", sa.String(128), nullable=False),
    sa.Column("semantic", ID, nullable=False),
    sa.Column("value_type", sa.String(24), nullable=False),
    sa.Column("series", PATH, nullable=False),
    sqlite_with_rowid=False,
)
LINKS = sa.Table(
    "twins_links",
    METADATA,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", ID, primary_key=True),
    sa.Column("shell", ID, primary_key=True, index=True),
    sa.Column("origin", sa.SmallInteger, primary_key=True),
    sqlite_with_rowid=False,
)
RELATIONS = sa.Table(
    "twins_relations",
    METADATA,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("document", sa.BigInteger, nullable=False, index=True),
    sa.Column("path", ID, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("source", ID, nullable=False, index=True),
    sa.Column("target", ID, nullable=False, index=True),
    sa.Column("count", sa.Double),
    sa.Column("name", sa.String(128), nullable=False, server_default=""),
)
FEED = sa.Table(
    "twins_feed",
    METADATA,
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
    sa.Index("twins_feed_document", "document", "seq"),
    sqlite_autoincrement=True,
)
_WHOLE = FEED.c.verb != "values"
sa.Index("twins_feed_whole", FEED.c.kind, FEED.c.id, FEED.c.seq, sqlite_where=_WHOLE, postgresql_where=_WHOLE)
HORIZON = sa.Table(
    "twins_horizon",
    METADATA,
    sa.Column("one", sa.SmallInteger, primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("at_us", sa.BigInteger, nullable=False),
)
RECORDS = sa.Table(
    "twins_records",
    METADATA,
    sa.Column("record", ID, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("fact", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(24), nullable=False),
    sa.Column("at_us", sa.BigInteger, nullable=False),
    sa.Column("by", sa.String(120), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("party", sa.String(200), nullable=False),
    sa.Column("until_us", sa.BigInteger),
    sa.Column("was", sa.Text, nullable=False),
    sa.Column("now", sa.Text, nullable=False),
    sa.UniqueConstraint("record", "fact"),
    sqlite_with_rowid=False,
)
FILES = sa.Table(
    "twins_files",
    METADATA,
    sa.Column("document", sa.BigInteger, primary_key=True),
    sa.Column("path", ID, primary_key=True),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("content_type", sa.String(128), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False, index=True),
)
CONTENTS = sa.Table(
    "twins_contents",
    METADATA,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
ALL = (DOCUMENTS, ELEMENTS, SEMANTICS, HOT, BOUND, LINKS, RELATIONS, FEED, HORIZON, RECORDS, FILES, CONTENTS)
