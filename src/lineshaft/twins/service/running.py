"""Runs mechanism models over what the historian remembers, as it was or altered.

Inputs are read on a grid of steps in which a value holds until the next. A run without a state begins as much
earlier as the mechanism remembers.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lineshaft.kernel.clock import MICROS, from_us, now_us, to_us
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.tasks import in_thread
from lineshaft.kernel.terms import PlantPath, TimeRange
from lineshaft.security import Who
from lineshaft.telemetry import Aggregate, Every, Fill, Grades, Historian, Selection
from lineshaft.twins import store
from lineshaft.twins.model.simulation import FMU, Altered, Model
from lineshaft.twins.simulation import Mechanism, Run, Stoppable, mechanism, pieces, run
from lineshaft.twins.simulation.fmu import Fmu

MOST_INSTANTS = 500_000
HOLDS = timedelta(minutes=5)
"""An input older than this is not known any more."""
STOPS_WITHIN_S = 1.0
Series = dict[str, NDArray[np.float64]]
Progress = Callable[[float], object]
"""Told how far a run is, 0 to 1."""
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """What a run gave: instants in µs since 1970 UTC, and columns by name.

    `residuals` are measured less computed, `measured` what is measured of the outputs, `inputs` what the run saw.
    """

    model: Model
    ts_us: NDArray[np.int64]
    outputs: Series
    residuals: Series
    inputs: Series
    state: dict[str, float]
    measured: Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The instants of a run, those before its span included, and everything measured at them."""

    model: Model
    made: Mechanism
    ts_us: NDArray[np.int64]
    late: NDArray[np.bool_]
    """Which instants are of the span itself."""
    seen: dict[PlantPath, NDArray[np.float64]]

    def inputs(self, altered: Altered) -> Series:
        """The model's inputs, altered from the start of the span on; until then everything is as it was."""
        count = len(self.ts_us)
        bound = {
            name: self.seen[self.model.source_of(told)] if isinstance(told, str) else np.full(count, float(told))
            for name, told in self.model.inputs.items()
        }
        return _altered(bound, altered, self.late)

    def parameters(self, altered: Altered) -> dict[str, float]:
        """The model's parameters with those that are altered."""
        return {**self.model.parameters, **altered.parameters}

    def computed(self, inputs: Series, done: Run) -> Computed:
        """What belongs to the span."""
        late, model = self.late, self.model
        measured = {o: self.seen[model.source_of(told)] for o, told in model.compares.items() if o in done.outputs}
        return Computed(
            model=model,
            ts_us=self.ts_us[late],
            outputs={name: column[late] for name, column in done.outputs.items()},
            residuals={name: (column - done.outputs[name])[late] for name, column in measured.items()},
            inputs={name: column[late] for name, column in inputs.items()},
            state=done.state,
            measured={name: column[late] for name, column in measured.items()},
        )


class Runner:
    """Finds mechanisms, reads what their models read, and runs them."""

    def __init__(self, db: Database, historian: Historian, folder: Path) -> None:
        """`folder` keeps copies of FMU files, which run from disk."""
        self._db = db
        self._historian = historian
        self._folder = folder

    async def grid(
        self, who: Who, model: Model, span: TimeRange, *, step_s: float = 0.0, lead_s: float | None = None
    ) -> Grid:
        """Read everything a run over a span needs; Invalid when that is nothing, or too much."""
        made = await self.named(model.mechanism)
        step_us = round((step_s or model.every_s) * MICROS)
        lead = round((made.memory_s if lead_s is None else lead_s) * MICROS)
        first, end = (to_us(span.start) - lead) // step_us * step_us, to_us(span.end)
        count = -(-(end - first) // step_us)
        if not 0 < count <= MOST_INSTANTS:
            raise Invalid(
                f"The run has {count:,} instants.", hint=f"1 to {MOST_INSTANTS:,}: longer steps, shorter span."
            )
        ts = first + step_us * np.arange(count, dtype=np.int64)
        seen = await self._measured(who, model, ts, step_us)
        return Grid(model=model, made=made, ts_us=ts, late=ts >= to_us(span.start), seen=seen)

    async def whole(self, grid: Grid, altered: Altered, state: Mapping[str, float] | None = None) -> Computed:
        """Compute at once; cancelled, it gives the run up."""
        inputs = grid.inputs(altered)
        done = await _computed(grid.made, run, grid.made, grid.ts_us / MICROS, inputs, grid.parameters(altered), state)
        return grid.computed(inputs, done)

    async def in_pieces(self, grid: Grid, altered: Altered, progress: Progress) -> Computed:
        """Compute piece by piece, telling how far it is; cancelled, it gives the piece up and begins no further one."""
        inputs, count = grid.inputs(altered), len(grid.ts_us)
        running = pieces(grid.made, grid.ts_us / MICROS, inputs, grid.parameters(altered))
        outputs: dict[str, list[NDArray[np.float64]]] = {}
        state: dict[str, float] = {}
        while (found := await _computed(grid.made, next, running, None)) is not None:
            begin, done = found
            for name, column in done.outputs.items():
                outputs.setdefault(name, []).append(column)
            state = done.state
            progress(min(1.0, (begin + len(next(iter(done.outputs.values()), ()))) / count))
        whole = Run(outputs={name: np.concatenate(parts) for name, parts in outputs.items()}, state=state)
        return grid.computed(inputs, whole)

    async def _measured(
        self, who: Who, model: Model, ts: NDArray[np.int64], step_us: int
    ) -> dict[PlantPath, NDArray[np.float64]]:
        """Every source of a model on the grid: the last good value in each step, else the one before, else NaN."""
        columns = {source: np.full(len(ts), np.nan) for source in model.sources}
        if not columns:
            return columns
        span = TimeRange(start=from_us(int(ts[0])), end=from_us(min(int(ts[-1]) + step_us, now_us())))
        answer = await self._historian.resample(
            who,
            Selection(paths=tuple(columns)),
            span,
            Every(span=timedelta(microseconds=step_us)),
            (Aggregate.LAST,),
            grades=Grades.USABLE,
            fill=Fill.PREVIOUS,
            max_gap=HOLDS,
        )
        at = (answer.table["ts"].cast(pa.int64()).to_numpy() - ts[0]) // step_us
        values = answer.table["last"].to_numpy(zero_copy_only=False)
        paths = answer.table["path"].combine_chunks()
        index = paths.indices.to_numpy() if len(paths) else np.empty(0, dtype=np.int32)
        for number, path in enumerate(paths.dictionary.to_pylist() if len(paths) else []):
            rows = (index == number) & (at >= 0) & (at < len(ts))
            columns[PlantPath(path)][at[rows]] = values[rows]
        return columns

    # ---- mechanisms ----

    async def named(self, name: str) -> Mechanism:
        """The mechanism of the shelf, or of the FMU that was added, by what `Model.mechanism` calls it."""
        if not name.startswith(FMU):
            return mechanism(name)
        digest = name.removeprefix(FMU)
        async with self._db.read() as tx:
            content = await store.find_content(tx, digest)
        if content is None:
            raise missing(digest)
        return await in_thread(lambda: Fmu(self._unpacked(digest, content)))

    async def unit(self, content: bytes) -> tuple[str, Fmu]:
        """An FMU from its file, with the digest it is kept by."""
        digest = hashlib.sha256(content).hexdigest()
        return digest, await in_thread(lambda: Fmu(self._unpacked(digest, content)))

    def _unpacked(self, digest: str, content: bytes) -> Path:
        file = self._folder / f"{digest}.fmu"
        if not file.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(".part")
            part.write_bytes(content)
            part.replace(file)
        return file


def missing(digest: str) -> Invalid:
    """The refusal of an FMU that is not kept here."""
    return Invalid(f"There is no FMU {digest[:12]}….", hint="Add its file first.")


async def _computed(made: Mechanism, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a call that computes gives; when this is cancelled, the computation ends too, if it can."""
    computing = asyncio.ensure_future(in_thread(call, *args, **kwargs))
    try:
        return await asyncio.shield(computing)
    except asyncio.CancelledError:
        if isinstance(made, Stoppable):
            made.stop()
            await asyncio.wait([computing], timeout=STOPS_WITHIN_S)
        computing.add_done_callback(_heard)
        raise


def _heard(done: asyncio.Future[Any]) -> None:
    """Nobody is left to hear how it ended."""
    if not done.cancelled():
        done.exception()


def _altered(inputs: Series, altered: Altered, late: NDArray[np.bool_]) -> Series:
    """The inputs with what is altered where `late` holds; one that was not bound is the given value throughout."""
    changed, count = dict(inputs), int(late.sum())
    growing = np.zeros(len(late))
    growing[late] = np.linspace(0.0, 1.0, count) if count > 1 else 1.0
    for name, value in altered.values.items():
        changed[name] = np.where(late, float(value), changed.get(name, float(value)))
    for name in dict.fromkeys((*altered.factors, *altered.offsets, *altered.ramps, *altered.free)):
        if name not in changed:
            raise Invalid(f"The input {name!r} is not bound, so it cannot be altered.", hint="Give it a value.")
        moved = changed[name] * altered.factors.get(name, 1.0) + altered.offsets.get(name, 0.0)
        moved = np.full(len(late), np.nan) if name in altered.free else moved + altered.ramps.get(name, 0.0) * growing
        changed[name] = np.where(late, moved, changed[name])
    return changed
