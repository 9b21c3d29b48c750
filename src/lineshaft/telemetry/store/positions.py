"""How far each stream is stored and each rollup computed; written after the data it speaks of.

A stream's messages are numbered from 1. When it is made anew, or comes back from an old backup, its
numbers start again or repeat: then it is another incarnation, whose `base` makes `samples.seq` go on
counting. So what was sent last has the highest `seq`, always.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from lineshaft.kernel.clock import now_us

from .engine import Engine
from .schema import POSITIONS, statements


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Everything of a stream's incarnation up to the message `seq - base` is stored."""

    name: str
    created: str
    base: int
    seq: int

    @property
    def message(self) -> int:
        """The stream's own number of the last stored message; 0 for none."""
        return self.seq - self.base

    def at(self, message: int) -> Place:
        """The same, moved on to a message."""
        return replace(self, seq=self.base + message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rolled:
    """What a level of rollups knows: buckets before `closed` (s since 1970), from all rows up to `seq`."""

    seq: int = 0
    closed: int = 0


def create_tables(engine: Engine) -> None:
    """Make what is not there yet; an older server gets tables that only take more room."""
    alp = engine.rows("SELECT 1 FROM system.settings WHERE name = 'enable_alp_codec'")
    statistics = engine.rows("SELECT 1 FROM system.merge_tree_settings WHERE name = 'auto_statistics_types'")
    for statement in statements(alp=bool(alp), statistics=bool(statistics)):
        engine.command(statement)


def find_place(engine: Engine, stream: str, *, created: str, last_message: int) -> Place:
    """Where to go on with a stream that was created then and has messages up to `last_message`."""
    rows = engine.rows(
        f"SELECT created, base, seq FROM {POSITIONS} FINAL WHERE name = {{name:String}} ORDER BY base, created",
        {"name": stream},
    )
    places = [Place(name=stream, created=c, base=b, seq=s) for c, b, s in rows]
    lives = [p for p in places if p.created.partition("#")[0] == created]
    if lives and lives[-1].message <= last_message:
        return lives[-1]
    base = max((p.seq for p in places), default=0)
    return Place(name=stream, created=f"{created}#{len(lives)}" if lives else created, base=base, seq=base)


def note_place(engine: Engine, place: Place) -> None:
    """Write down how far a stream is stored."""
    _note(engine, [(place.name, place.created, place.base, place.seq, 0)])


def stored_seq(engine: Engine, stream: str) -> int:
    """The highest `samples.seq` up to which every row is stored."""
    query = f"SELECT max(seq) FROM {POSITIONS} WHERE name = {{name:String}}"
    return int(engine.rows(query, {"name": stream})[0][0])


def find_rolled(engine: Engine, level: str) -> Rolled | None:
    """What a level of rollups knows; None when it was never computed."""
    query = f"SELECT seq, closed FROM {POSITIONS} FINAL WHERE name = {{name:String}}"
    rows = engine.rows(query, {"name": level})
    return Rolled(seq=rows[0][0], closed=rows[0][1]) if rows else None


def note_rolled(engine: Engine, levels: Mapping[str, Rolled]) -> None:
    """Write down what levels of rollups know."""
    _note(engine, [(level, "", 0, rolled.seq, rolled.closed) for level, rolled in levels.items()])


def _note(engine: Engine, notes: Sequence[tuple[str, str, int, int, int]]) -> None:
    names, created, base, seq, closed = zip(*notes, strict=True)
    at = pa.array([now_us()] * len(notes), pa.timestamp("us", tz="UTC"))
    engine.insert(
        POSITIONS,
        pa.table(
            {
                "name": names,
                "created": created,
                "base": pa.array(base, pa.uint64()),
                "seq": pa.array(seq, pa.uint64()),
                "closed": pa.array(closed, pa.int64()),
                "at": at,
            }
        ),
    )
