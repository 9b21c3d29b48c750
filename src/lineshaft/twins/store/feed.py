"""The change feed: what happened to documents, in the order in which it became visible.

A reader goes on after the last line it saw and misses nothing, because writers of the repository queue:
SQLite has one writer at a time; on PostgreSQL `lock` makes numbers of the feed in the order of commits
(a sequence alone gives them in the order of inserts, and a reader could pass by a line not yet visible).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from lineshaft.kernel.db import Transaction
from lineshaft.twins.model.repository import Kind, Verb

from .repository_tables import DOCUMENTS, FEED
from .tables import visible

_LOCK = 0x7457494E  # any number nobody else takes
WHOLE: sa.ColumnElement[bool] = sa.literal_column("twins_feed.verb <> 'values'")
"""As the partial index says it, so that the planner sees it fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line to be written; `body` is the JSON of the values for Verb.VALUES, else nothing yet."""

    kind: Kind
    document: int
    id: str
    place: str
    verb: Verb
    version: int
    by: str
    body: bytes | None = None


class Told(NamedTuple):
    """A line with what it left: a document, or the JSON of values."""

    seq: int
    at_us: int
    by: str
    kind: int
    document: int
    id: str
    place: str
    verb: str
    version: int
    body: bytes | None


async def lock(tx: Transaction) -> None:
    """Queue behind other writers of the repository until they have committed."""
    if tx.dialect == "postgresql":
        await tx.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


async def append(tx: Transaction, at_us: int, lines: Sequence[Line]) -> list[int]:
    """Write lines; their numbers in the feed."""
    first = await tx.reserve(FEED.c.seq, len(lines))
    rows = [
        Told(seq, at_us, line.by[:120], int(line.kind), line.document, line.id, line.place, line.verb.value,
             line.version, line.body) for seq, line in enumerate(lines, first)
    ]  # fmt: skip
    await tx.insert(FEED, Told._fields, rows)
    return list(range(first, first + len(lines)))


async def keep_body(tx: Transaction, seq: int, body: bytes) -> None:
    """A version is replaced: its document stands in the feed from now on."""
    await tx.execute(sa.update(FEED).where(FEED.c.seq == seq).values(body=body))


async def last(tx: Transaction) -> int:
    """The number of the newest line, 0 without any."""
    return int(await tx.scalar(sa.select(sa.func.max(FEED.c.seq))) or 0)


async def version(tx: Transaction, document: int, which: int) -> bytes | None:
    """A former version of a document; None when it is not kept."""
    mine = (FEED.c.document == document, FEED.c.version == which, WHOLE, FEED.c.verb != Verb.DELETED.value)
    found: bytes | None = await tx.scalar(sa.select(FEED.c.body).where(*mine))
    return found


class Named(NamedTuple):
    """What a line says of whom, without contents."""

    seq: int
    at_us: int
    by: str
    kind: int
    id: str
    place: str
    verb: str


async def named(tx: Transaction, first: int, last: int) -> list[Named]:
    """Lines from one number to another, both included."""
    query = sa.select(*(FEED.c[name] for name in Named._fields)).where(FEED.c.seq >= first, FEED.c.seq <= last)
    return [Named._make(row) for row in (await tx.execute(query.order_by(FEED.c.seq))).all()]


class Touched(NamedTuple):
    """What a line says, without contents."""

    seq: int
    kind: int
    id: str
    document: int
    verb: str


async def touched(tx: Transaction, after: int, limit: int, *, values: bool = True) -> list[Touched]:
    """What changed since, with or without values."""
    query = sa.select(FEED.c.seq, FEED.c.kind, FEED.c.id, FEED.c.document, FEED.c.verb).where(FEED.c.seq > after)
    query = query if values else query.where(WHOLE)
    return [Touched._make(row) for row in (await tx.execute(query.order_by(FEED.c.seq).limit(limit))).all()]


_TOLD = (
    *(FEED.c[name] for name in Told._fields if name != "body"),
    sa.func.coalesce(FEED.c.body, DOCUMENTS.c.body).label("body"),
)
_PRESENT = sa.and_(DOCUMENTS.c.number == FEED.c.document, DOCUMENTS.c.seq == FEED.c.seq)
"""The document of the present version stands in its own table."""


async def page(tx: Transaction, *, after: int, trees: Sequence[str], limit: int) -> list[Told]:
    """Lines in order, of places in these subtrees and of what may have branches in them."""
    query = sa.select(*_TOLD).outerjoin_from(FEED, DOCUMENTS, _PRESENT)
    query = query.where(FEED.c.seq > after, visible(trees, FEED.c.place)).order_by(FEED.c.seq).limit(limit)
    return [Told._make(row) for row in (await tx.execute(query)).all()]


async def whole_at(tx: Transaction, kind: Kind, id_: str, moment_us: int) -> Told | None:
    """The line that made the version of a moment, with its document; None before the first."""
    mine = (FEED.c.kind == int(kind), FEED.c.id == id_, WHOLE, FEED.c.at_us <= moment_us)
    query = sa.select(*_TOLD).outerjoin_from(FEED, DOCUMENTS, _PRESENT).where(*mine)
    row = (await tx.execute(query.order_by(FEED.c.seq.desc()).limit(1))).first()
    return None if row is None else Told._make(row)


async def values_until(tx: Transaction, document: int, after: int, moment_us: int) -> tuple[dict[str, str | None], int]:
    """Hot values written between a version and a moment, the newest of each path; and the last line's number."""
    mine = (FEED.c.document == document, FEED.c.seq > after, FEED.c.at_us <= moment_us)
    query = sa.select(FEED.c.seq, FEED.c.verb, FEED.c.body).where(*mine).order_by(FEED.c.seq)
    found: dict[str, str | None] = {}
    seq = after
    for row in await tx.execute(query):
        if row.verb != Verb.VALUES:
            break
        found |= values_of(row.body)
        seq = row.seq
    return found, seq


def values_of(body: bytes) -> dict[str, Any]:
    """The values of a line of Verb.VALUES."""
    found: dict[str, Any] = orjson.loads(body)
    return found
