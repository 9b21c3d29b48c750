"""Takes samples from programs: checked, permitted, and on the bus before they are acknowledged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lineshaft.edge import MOST_SAMPLES, SampleBatch, samples_subject
from lineshaft.kernel.bus import Bus
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Guard, Role, Who

EDGE = "http"
"""The sender named in batches that come from programs."""
NOTE_EVERY_S = 3600.0
"""The audit log says who feeds which part of the plant this often, not every sample."""
_MOST_NOTED = 10_000
_AT_ONCE = 8
_MOST_BYTES = 4 << 20


class Intake:
    """Writes samples for somebody; needs the engineer's role on every path.

    A sample replaces the one stored for the same moment: who may write may also rewrite what a machine said.
    """

    def __init__(self, bus: Bus, guard: Guard) -> None:
        self._bus = bus
        self._guard = guard
        self._noted: dict[tuple[str, str], float] = {}

    async def write(self, who: Who, batch: SampleBatch, *, rows: int = MOST_SAMPLES, msg_id: str = "") -> int:
        """Return how many samples were written, once all of them are on the bus's disk.

        Raises Forbidden, audited, or Invalid before anything is written when one path is outside what `who`
        may write or is no path. Raises Unavailable when the bus did not confirm: then some may have been
        written, and writing all of them again changes nothing. A `msg_id` makes that cheap.
        """
        used, index = np.unique(batch.index, return_inverse=True)
        paths = [batch.paths[slot] for slot in used]
        await self.permit(who, paths)
        await self._note(who, paths)
        stamped = replace(batch, paths=paths, index=index.astype(np.int32), edge=EDGE, received_us=now_us())
        pieces = [piece for part in _by_organisation(stamped) for piece in _pieces(part, rows)]
        for start in range(0, len(pieces), _AT_ONCE):
            some = enumerate(pieces[start : start + _AT_ONCE], start)
            await asyncio.gather(*(self._publish(piece, f"{msg_id}:{at}" if msg_id else "") for at, piece in some))
        return len(batch)

    async def permit(self, who: Who, paths: Sequence[str]) -> None:
        """Raise unless every text is a path that `who` may write."""
        for path in paths:
            PlantPath.parse(path)
            if not self._guard.allowed(who, Role.ENGINEER, path):
                await self._guard.require(who, Role.ENGINEER, path, "telemetry.write")

    async def _note(self, who: Who, paths: Sequence[str]) -> None:
        """Say in the audit log that somebody writes below a grant of theirs."""
        now = time.monotonic()
        for place in (grant.subtree for grant in who.grants if grant.role >= Role.ENGINEER):
            if now - self._noted.get((who.id, place), -NOTE_EVERY_S) < NOTE_EVERY_S:
                continue
            if path := next((path for path in paths if PlantPath(path).within(place)), ""):
                await self._guard.record(who, "telemetry.write", place, after={"such_as": path})
                if len(self._noted) >= _MOST_NOTED:
                    self._noted.clear()
                self._noted[who.id, place] = now

    async def _publish(self, piece: SampleBatch, msg_id: str) -> None:
        body = piece.encode()
        if len(body) <= _MOST_BYTES:
            await self._bus.publish(
                samples_subject(PlantPath(piece.paths[0]).organisation, EDGE), body, msg_id=msg_id, together=True
            )
            return
        if len(piece) == 1:
            raise Invalid(
                f"A text of {piece.paths[0]} is larger than {_MOST_BYTES >> 20} MB.", hint="Store a link instead."
            )
        for at, half in enumerate(_pieces(piece, -(-len(piece) // 2))):
            await self._publish(half, f"{msg_id}.{at}" if msg_id else "")


def batch_of(
    paths: Sequence[str],
    ts: Sequence[int],
    values: Sequence[float | int | bool | str | None],
    quality: Sequence[int],
) -> SampleBatch:
    """A batch from rows told one by one; times in µs."""
    book: dict[str, int] = {}
    index = [book.setdefault(path, len(book)) for path in paths]
    texts = [value if isinstance(value, str) else None for value in values]
    numbers = [np.nan if value is None or isinstance(value, str) else float(value) for value in values]
    return SampleBatch(
        paths=list(book),
        index=np.array(index, dtype=np.int32),
        ts=_micros(ts),
        number=np.array(numbers, dtype=np.float64),
        quality=np.array(quality, dtype=np.uint8),
        text=pa.array(texts, pa.utf8()) if any(text is not None for text in texts) else None,
    )


def _micros(ts: Sequence[int]) -> NDArray[np.int64]:
    try:
        return np.array(ts, dtype=np.int64)
    except OverflowError as error:
        raise Invalid("A time is out of range.", hint="Times lie between 1970 and 2106.") from error


def _by_organisation(batch: SampleBatch) -> Iterator[SampleBatch]:
    """One batch per organisation: each has a subject of its own."""
    owners = np.array([PlantPath(path).organisation for path in batch.paths])
    for owner in dict.fromkeys(owners.tolist()):
        yield _some(batch, np.flatnonzero(owners[batch.index] == owner))


def _pieces(batch: SampleBatch, rows: int) -> Iterator[SampleBatch]:
    for start in range(0, len(batch), rows):
        yield _some(batch, np.arange(start, min(start + rows, len(batch))))


def _some(batch: SampleBatch, rows: NDArray[np.int64]) -> SampleBatch:
    """Some rows of a batch, with the paths they need."""
    used, index = np.unique(batch.index[rows], return_inverse=True)
    return replace(
        batch,
        paths=[batch.paths[slot] for slot in used],
        index=index.astype(np.int32),
        ts=batch.ts[rows],
        number=batch.number[rows],
        quality=batch.quality[rows],
        text=None if batch.text is None else batch.text.take(pa.array(rows)),
    )
