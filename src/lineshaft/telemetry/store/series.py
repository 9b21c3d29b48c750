"""The series that ever brought a sample, in the catalogue; the historian knows their ids by heart.

Ids are the unsigned 64-bit hashes of the paths. The catalogue has signed integers only, so there an id
above 2^63 stands as its two's complement (`to_signed`, `to_unsigned`). There is no index on ids: they are
random, and keeping a million of them in order costs more than everything else about a new series.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from lineshaft.kernel.clock import now_us
from lineshaft.kernel.db import METADATA, Database
from lineshaft.kernel.units import MOST_UNIT
from lineshaft.telemetry.events import SeriesGrew, UnitsChanged

SERIES = sa.Table(
    "telemetry_series",
    METADATA,
    sa.Column("path", sa.String(1024), primary_key=True),
    sa.Column("id", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("first_us", sa.BigInteger, nullable=False),
    sa.Column("unit", sa.String(MOST_UNIT), nullable=False, server_default=""),
    sqlite_with_rowid=False,
)
_ADD = sa.text(
    "INSERT INTO telemetry_series (id, path, kind, first_us, unit) "
    "VALUES (:id, :path, :kind, :first_us, :unit) ON CONFLICT DO NOTHING"
)
_LEARN = sa.text("UPDATE telemetry_series SET unit = :unit WHERE path = :path")
_AT_ONCE = 10_000
_LEARNT_AT_ONCE = 500
_TOLD_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSeries:
    """A path that brings its first sample."""

    id: int
    path: str
    kind: str
    """`text` when its first value is text, else `number`."""
    unit: str = ""


class SeriesBook:
    """Writes new series down and announces them; knows which ids are written down already."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: NDArray[np.uint64] = np.empty(0, dtype=np.uint64)

    def __len__(self) -> int:
        return len(self._known)

    async def load(self) -> None:
        """Learn all ids of the catalogue."""
        async with self._db.read() as tx:
            rows = await tx.all(sa.select(SERIES.c.id))
        ids = np.fromiter((row["id"] for row in rows), dtype=np.int64, count=len(rows))
        self._known = np.sort(ids.view(np.uint64))

    def unknown(self, ids: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which of these ids are not written down yet."""
        if not len(self._known):
            return np.ones(len(ids), dtype=np.bool_)
        at = np.searchsorted(self._known, ids)
        found: NDArray[np.bool_] = self._known[np.minimum(at, len(self._known) - 1)] != ids
        return found

    async def add(self, series: Sequence[NewSeries]) -> None:
        """Write new series down and announce them; short transactions, so that others get their turn."""
        stamp, sorted_ = now_us(), sorted(series, key=lambda s: s.path)
        for start in range(0, len(series), _AT_ONCE):
            some = sorted_[start : start + _AT_ONCE]
            rows = [_row(one, stamp) for one in some]
            async with self._db.begin() as tx:
                await tx.execute(_ADD, rows)
                for first in range(0, len(some), _TOLD_AT_ONCE):
                    told = some[first : first + _TOLD_AT_ONCE]
                    units = {one.path: one.unit for one in told if one.unit}
                    await tx.announce(SeriesGrew(paths=tuple(one.path for one in told), units=units))
        ids = np.unique(np.fromiter((s.id for s in series), dtype=np.uint64, count=len(series)))
        fresh = ids[self.unknown(ids)]
        self._known = np.insert(self._known, np.searchsorted(self._known, fresh), fresh)

    async def learn(self, units: Mapping[str, str]) -> None:
        """Write down and announce the units that differ from what is written down."""
        told = list(units.items())
        for start in range(0, len(told), _LEARNT_AT_ONCE):
            some = dict(told[start : start + _LEARNT_AT_ONCE])
            async with self._db.read() as tx:
                rows = await tx.all(sa.select(SERIES.c.path, SERIES.c.unit).where(SERIES.c.path.in_(list(some))))
            news = {row["path"]: some[row["path"]] for row in rows if row["unit"] != some[row["path"]]}
            if news:
                async with self._db.begin() as tx:
                    await tx.execute(_LEARN, [{"path": path, "unit": unit} for path, unit in news.items()])
                    await tx.announce(UnitsChanged(units=news))


def _row(series: NewSeries, stamp: int) -> dict[str, object]:
    return {
        "id": to_signed(series.id),
        "path": series.path,
        "kind": series.kind,
        "first_us": stamp,
        "unit": series.unit,
    }


async def every_series(db: Database) -> list[tuple[int, str]]:
    """Id and path of every series there is."""
    async with db.read() as tx:
        rows = await tx.all(sa.select(SERIES.c.id, SERIES.c.path))
    return [(to_unsigned(row["id"]), row["path"]) for row in rows]


def to_signed(number: int) -> int:
    """An id as the catalogue holds it."""
    return number - (1 << 64) if number >> 63 else number


def to_unsigned(number: int) -> int:
    """An id as the store holds it."""
    return number & 0xFFFF_FFFF_FFFF_FFFF
