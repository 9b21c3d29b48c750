"""What happened to documents: the change feed, and their state at any past time."""

from __future__ import annotations

import orjson

from lineshaft.kernel.db import Transaction
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Who
from lineshaft.twins.model.repository import Deed, Document, Kind, Verb
from lineshaft.twins.store import feed
from lineshaft.twins.store.entries import digest_of, packed

from .desk import Desk, missing, shown
from .records import Records
from .retention import check_line, check_moment
from .shelf import put_values
from .sight import Sight

MOST = 10_000
"""Lines of the feed told at once."""


class History:
    """Reads the feed as far as a caller may see it."""

    def __init__(self, desk: Desk, records: Records) -> None:
        self._desk = desk
        self._records = records

    async def feed(self, who: Who, *, after: int, limit: int) -> list[Deed]:
        """Lines after one number, in order; of documents seen in part only what happened to the visible part."""
        if limit < 1:
            raise Invalid(f"At least one line is told, not {limit}.", hint="Ask for 1 or more.")
        sight, limit = await self._desk.sight(who), min(limit, MOST)
        found: list[Deed] = []
        async with self._desk.db.read() as tx:
            await check_line(tx, after)
            while len(found) < limit:
                lines = await feed.page(tx, after=after, trees=sight.trees, limit=limit - len(found))
                found += [deed for line in lines if (deed := _seen(sight, line)) is not None]
                if not lines:
                    break
                after = lines[-1].seq
        return found

    async def at(self, who: Who, kind: Kind, id_: str, moment_us: int) -> Document:
        """A document as it was at a moment, hot values included; NoDocument when there was none."""
        sight = await self._desk.sight(who)
        async with self._desk.db.read() as tx:
            await check_moment(tx, moment_us)
            was = await _was(tx, kind, id_, moment_us)
        return shown(sight, await self._records.fill(was, past=True), kind, id_)


async def _was(tx: Transaction, kind: Kind, id_: str, moment_us: int) -> Document:
    line = await feed.whole_at(tx, kind, id_, moment_us)
    if line is None or line.verb == Verb.DELETED or line.body is None:
        missing(kind, id_)
    values, seq = await feed.values_until(tx, line.document, line.seq, moment_us)
    body, etag = line.body, digest_of(line.body)
    if values:
        document = orjson.loads(body)
        put_values(document, values)
        body, etag = packed(document), f"{etag}-{seq:x}"
    return Document(
        kind=kind,
        id=id_,
        number=line.document,
        place=PlantPath(line.place),
        version=line.version,
        etag=etag,
        body=body,
        changed_us=line.at_us,
        changed_by=line.by,
    )


def _seen(sight: Sight, line: feed.Told) -> Deed | None:
    """What a caller may know of a line; None for nothing."""
    values, body = None, line.body
    if line.verb == Verb.VALUES:
        values, body = sight.values(line.place, feed.values_of(line.body or b"{}")), None
        if not values:
            return None
    elif not sight.whole(line.place):
        pruned = sight.pruned(orjson.loads(body), line.place) if body else None
        if pruned is None:
            return None
        body = packed(pruned)
    return Deed(
        seq=line.seq,
        at_us=line.at_us,
        by=line.by,
        kind=Kind(line.kind),
        id=line.id,
        verb=Verb(line.verb),
        version=line.version,
        values=values,
        body=body,
    )
