"""The tables of twins, and how their columns are compared, split and packed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias, TypeVar

import msgspec
import sqlalchemy as sa

from lineshaft.kernel.db import METADATA

T = TypeVar("T")
Row: TypeAlias = Any
PATH = sa.String(1024).with_variant(sa.String(1024, collation="C"), "postgresql")
NODES = sa.Table(
    "twins_nodes",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("path", PATH, nullable=False, unique=True),
    sa.Column("parent", PATH, nullable=False, index=True),
    sa.Column("level", sa.String(16), nullable=False),
    sa.Column("type", sa.String(64), nullable=False, index=True),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("document", sa.LargeBinary, nullable=False),
    sa.Column("changed_us", sa.BigInteger, nullable=False),
    sa.Column("changed_by", sa.String(120), nullable=False),
)
BINDINGS = sa.Table(
    "twins_bindings",
    METADATA,
    sa.Column("node", sa.String(32), primary_key=True),
    sa.Column("property", sa.String(64), primary_key=True),
    sa.Column("series", PATH, nullable=False, index=True),
)
TYPES = sa.Table(
    "twins_types",
    METADATA,
    sa.Column("organisation", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("document", sa.LargeBinary, nullable=False),
)
CHANGES = sa.Table(
    "twins_changes",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("at_us", sa.BigInteger, nullable=False),
    sa.Column("by", sa.String(120), nullable=False),
    sa.Column("deed", sa.String(16), nullable=False),
    sa.Column("path", PATH, nullable=False),
    sa.Column("twins", sa.Integer, nullable=False),
    sa.Column("undone", sa.Boolean, nullable=False),
)
STEPS = sa.Table(
    "twins_steps",
    METADATA,
    sa.Column("change", sa.String(32), primary_key=True),
    sa.Column("node", sa.String(32), primary_key=True, index=True),
    sa.Column("path", PATH, nullable=False, index=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("before", sa.LargeBinary),
    sa.Column("after", sa.LargeBinary),
)
SERIES = sa.Table(
    "twins_series",
    METADATA,
    sa.Column("path", PATH, primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("unit", sa.String(32), nullable=False),
    sa.Column("declined", sa.Boolean, nullable=False),
)
_AT_ONCE = 500
"""Rows named in one statement; databases bound the number of parameters."""


def within(column: sa.ColumnElement[Any], path: str) -> sa.ColumnElement[bool]:
    """Whether a path is a place or lies below it; the empty place holds everything."""
    return sa.true() if path == "" else sa.or_(column == path, below(column, path))


def below(column: sa.ColumnElement[Any], path: str) -> sa.ColumnElement[bool]:
    return sa.and_(column > path + "/", column < path + "0")  # '0' follows '/'


def any_within(sees: Sequence[str], column: sa.ColumnElement[Any] = NODES.c.path) -> sa.ColumnElement[bool]:
    return sa.or_(sa.false(), *(within(column, tree) for tree in sees))


def visible(trees: Sequence[str], column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether a place is in one of these subtrees, or one of them is below it."""
    if "" in trees:
        return sa.true()
    above = {tree.rsplit("/", n)[0] for tree in trees for n in range(1, tree.count("/") + 1)}
    return sa.or_(any_within(trees, column), column.in_(sorted(above)))


def parts(items: Iterable[T]) -> list[list[T]]:
    everything = list(items)
    return [everything[i : i + _AT_ONCE] for i in range(0, len(everything), _AT_ONCE)]


def packed(document: object) -> bytes:
    return msgspec.json.encode(document, enc_hook=str)


def unpacked(document: bytes, kind: type[T]) -> T:
    return msgspec.json.decode(document, type=kind, dec_hook=lambda wanted, value: wanted(value))
