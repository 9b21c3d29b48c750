"""Shortens the feed so that every moment from the horizon on stays what it was.

Of lines up to the horizon there remains, for each document that stands then, the line of its version and one line with
the values written over it until then; everything older tells of moments before the horizon and goes.

    seq      1  2  3  4  5  6  7 │ horizon        document a: changed, values, changed, values, values
             a  a  b  a  a  b  a │                2, 1 go (a newer version is kept), 5 and 7 become one line
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import orjson
import sqlalchemy as sa

from lineshaft.kernel.db import Transaction
from lineshaft.twins.model.repository import Verb

from .feed import WHOLE, values_of
from .repository_tables import FEED, HORIZON
from .tables import parts

AT_ONCE = 5_000
"""Lines looked at in one transaction."""


class Horizon(NamedTuple):
    """The last line that is no longer told, and the first moment that still is (µs); zeros for all of history."""

    seq: int = 0
    at_us: int = 0


async def horizon(tx: Transaction) -> Horizon:
    """How far back history goes."""
    row = (await tx.execute(sa.select(HORIZON.c.seq, HORIZON.c.at_us))).first()
    return Horizon._make(row) if row else Horizon()


async def set_horizon(tx: Transaction, to: Horizon) -> None:
    """From now on nothing before is told."""
    await tx.execute(sa.delete(HORIZON))
    await tx.execute(sa.insert(HORIZON).values(one=1, **to._asdict()))


async def before(tx: Transaction, moment_us: int) -> int:
    """The number of the last line older than a moment, 0 without any; lines are in the order of time."""
    low, high = 0, int(await tx.scalar(sa.select(sa.func.max(FEED.c.seq))) or 0)
    while low < high:
        middle = (low + high + 1) // 2
        query = sa.select(FEED.c.seq, FEED.c.at_us).where(FEED.c.seq <= middle).order_by(FEED.c.seq.desc()).limit(1)
        line = (await tx.execute(query)).first()
        if line is None or line.at_us < moment_us:
            low = middle
        else:
            high = line.seq - 1
    return low


async def length(tx: Transaction, after: int) -> int:
    """How many lines there are after one number."""
    return int(await tx.scalar(sa.select(sa.func.count()).select_from(FEED).where(FEED.c.seq > after)) or 0)


async def moment_of(tx: Transaction, seq: int) -> int:
    """When the first line after a number was written; 0 without any."""
    query = sa.select(FEED.c.at_us).where(FEED.c.seq > seq).order_by(FEED.c.seq).limit(1)
    return int(await tx.scalar(query) or 0)


async def shorten(tx: Transaction, after: int, until: int) -> int:
    """Take out what the next lines after one number leave over, up to the horizon; returns the last one looked at."""
    some = sa.select(FEED.c.seq).where(FEED.c.seq > after, FEED.c.seq <= until).order_by(FEED.c.seq).limit(AT_ONCE)
    last = int(await tx.scalar(sa.select(sa.func.max(some.subquery().c.seq))) or until)
    here = sa.and_(FEED.c.seq > after, FEED.c.seq <= last)
    await _drop_replaced(tx, here, last, until)
    await _join_values(tx, here, last)
    return last


async def _drop_replaced(tx: Transaction, here: sa.ColumnElement[bool], last: int, until: int) -> None:
    """Lines of these documents before a version that is itself not after the horizon; of what was deleted everything.

    Also lines that an earlier shortening has left: what they told of is replaced by now.
    """
    newer = FEED.alias("newer")
    replaced = sa.select(newer.c.seq).where(
        newer.c.document == FEED.c.document, newer.c.seq > FEED.c.seq, newer.c.seq <= until, newer.c.verb != "values"
    )
    told = list((await tx.execute(sa.select(FEED.c.document).where(here).distinct())).scalars())
    for some in parts(told):
        mine = (FEED.c.document.in_(some), FEED.c.seq <= last)
        await tx.execute(sa.delete(FEED).where(*mine, replaced.exists()))
    await tx.execute(sa.delete(FEED).where(here, WHOLE, FEED.c.verb == Verb.DELETED.value))


async def _join_values(tx: Transaction, here: sa.ColumnElement[bool], last: int) -> None:
    """Of several lines of values over one version one remains, which says the newest of each path."""
    values = FEED.c.verb == Verb.VALUES.value
    documents = list((await tx.execute(sa.select(FEED.c.document).where(here, values).distinct())).scalars())
    for some in parts(documents):
        lines: dict[int, list[tuple[int, bytes]]] = defaultdict(list)
        query = sa.select(FEED.c.document, FEED.c.seq, FEED.c.body)
        query = query.where(FEED.c.document.in_(some), FEED.c.seq <= last, values).order_by(FEED.c.seq)
        for row in await tx.execute(query):
            lines[row.document].append((row.seq, row.body))
        for told in lines.values():
            await _join(tx, told)


async def _join(tx: Transaction, lines: list[tuple[int, bytes]]) -> None:
    if len(lines) < 2:
        return
    joined = {path: value for _, body in lines for path, value in values_of(body).items()}
    for some in parts([seq for seq, _ in lines[:-1]]):
        await tx.execute(sa.delete(FEED).where(FEED.c.seq.in_(some)))
    await tx.execute(sa.update(FEED).where(FEED.c.seq == lines[-1][0]).values(body=orjson.dumps(joined)))
