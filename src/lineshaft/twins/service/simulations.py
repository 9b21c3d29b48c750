"""Mechanism models of twins: kept, run beside the machine, and run on what-if questions.

A run reads its inputs from the historian on a grid of `every_s`, in which a value holds until the next.
Beside the machine, results are written as series next to the measured ones; a what-if writes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lineshaft.kernel.clock import MICROS, from_us, now_us, to_us
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.tasks import in_thread
from lineshaft.kernel.terms import PlantPath, TimeRange
from lineshaft.security import Guard, Role, Who
from lineshaft.telemetry import Aggregate, Every, Fill, Grades, Historian, Selection
from lineshaft.twins import store
from lineshaft.twins.errors import BadTwin, NoModel, NoTwin, Outdated
from lineshaft.twins.model import Twin
from lineshaft.twins.model.simulation import FMU, Model, check_model
from lineshaft.twins.simulation import SHELF, Mechanism, Run, Sort, Variable, mechanism, run
from lineshaft.twins.simulation.fmu import Fmu

from .edit import dressed

MOST_INSTANTS = 500_000
MOST_FMU_MB = 64
HOLDS = timedelta(minutes=5)
"""An input older than this is not known any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """What a run gave: instants in µs since 1970 UTC, outputs and residuals by name, the inputs it saw."""

    model: Model
    ts_us: NDArray[np.int64]
    outputs: dict[str, NDArray[np.float64]]
    residuals: dict[str, NDArray[np.float64]]
    inputs: dict[str, NDArray[np.float64]]
    state: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Altered:
    """How a what-if differs from what was: inputs held at a value, scaled or shifted; other parameters."""

    values: Mapping[str, float] | None = None
    factors: Mapping[str, float] | None = None
    offsets: Mapping[str, float] | None = None
    parameters: Mapping[str, float] | None = None


class Simulations:
    """The mechanism models of a plant."""

    def __init__(self, db: Database, guard: Guard, historian: Historian, folder: Path) -> None:
        """`folder` keeps copies of FMU files, which run from disk."""
        self._db = db
        self._guard = guard
        self._historian = historian
        self._folder = folder

    # ---- keeping ----

    async def list_(self, who: Who, path: str = "") -> list[Model]:
        """The models of one twin, or all that the caller may see."""
        if path:
            await self._guard.require(who, Role.VIEWER, path, "twins.model.read")
        async with self._db.read() as tx:
            return await store.models(tx, sees=who.sees(), path=path)

    async def get(self, who: Who, path: str, name: str) -> Model:
        """One model of a twin."""
        await self._guard.require(who, Role.VIEWER, path, "twins.model.read")
        async with self._db.read() as tx:
            found = await store.find_model(tx, path, name)
        if found is None:
            raise NoModel(f"{path} carries no model {name!r}.")
        return found

    async def save(self, who: Who, model: Model) -> Model:
        """Add a model (version 0) or change it (the version the caller saw); refused unless it could run."""
        model = check_model(model)
        await self._guard.require(who, Role.ENGINEER, model.path, "twins.model.save")
        for source in self._sources(model):
            await self._guard.require(who, Role.VIEWER, source, "twins.model.save")
        _check_against((await self._mechanism(model)).variables, model)
        async with self._db.begin() as tx:
            if await store.find(tx, model.path) is None:
                raise NoTwin(f"There is no twin at {model.path}.")
            old = await store.find_model(tx, model.path, model.name)
            if (old.version if old else 0) != model.version:
                raise Outdated(
                    f"The model {model.name!r} of {model.path} is at version {old.version if old else 0}, "
                    f"not {model.version}."
                )
            new = replace(model, version=model.version + 1)
            await store.put_model(tx, new)
            what = {"mechanism": new.mechanism, "inputs": new.inputs, "parameters": new.parameters}
            await self._guard.record(who, "twins.model.save", f"{new.path}/{new.name}", after=what, tx=tx)
        return new

    async def remove(self, who: Who, path: str, name: str) -> None:
        """A twin carries a model no more; what it wrote stays."""
        await self._guard.require(who, Role.ENGINEER, path, "twins.model.remove")
        old = await self.get(who, path, name)
        async with self._db.begin() as tx:
            await store.drop_model(tx, path, name)
            before = {"mechanism": old.mechanism, "inputs": old.inputs}
            await self._guard.record(who, "twins.model.remove", f"{path}/{name}", before=before, tx=tx)

    async def add_fmu(self, who: Who, path: str, content: bytes) -> tuple[str, tuple[Variable, ...]]:
        """Keep an FMU file; returns what `Model.mechanism` calls it, and its variables."""
        await self._guard.require(who, Role.ENGINEER, path, "twins.model.fmu")
        if len(content) > MOST_FMU_MB << 20:
            raise Invalid(f"The FMU has {len(content) >> 20} MB.", hint=f"At most {MOST_FMU_MB} MB can be kept.")
        digest = hashlib.sha256(content).hexdigest()
        unit = await in_thread(lambda: Fmu(self._unpacked(digest, content)))
        async with self._db.begin() as tx:
            await store.keep_content(tx, digest, content)
            await self._guard.record(who, "twins.model.fmu", path, after={"digest": digest}, tx=tx)
        return f"{FMU}{digest}", unit.variables

    async def variables(self, who: Who, name: str) -> tuple[Variable, ...]:
        """What a mechanism on the shelf, or an FMU that was added, needs and gives."""
        del who
        return (await self._named(name)).variables

    async def suggest(self, who: Who, path: str) -> list[Model]:
        """Models that fit the properties a twin has, bound to them; to be looked at, and saved if wanted."""
        await self._guard.require(who, Role.VIEWER, path, "twins.model.read")
        async with self._db.read() as tx:
            twin = await store.find(tx, path)
            if twin is None:
                raise NoTwin(f"There is no twin at {path}.")
            [twin] = await dressed(tx, [twin])
        return [found for name in SHELF.plugins if (found := _suggested(name, twin)) is not None]

    # ---- running ----

    async def what_if(
        self, who: Who, model: Model, span: TimeRange, altered: Altered | None = None, *, step_s: float | None = None
    ) -> Computed:
        """Run a model, saved or not, over a span of what was, altered; nothing is written."""
        model = check_model(model)
        await self._guard.require(who, Role.VIEWER, model.path, "twins.model.run")
        return await self.compute(who, model, span, altered or Altered(), step_s=step_s)

    async def compute(
        self,
        who: Who,
        model: Model,
        span: TimeRange,
        altered: Altered,
        *,
        step_s: float | None = None,
        state: Mapping[str, float] | None = None,
    ) -> Computed:
        """Run over a span; without a state it starts as much earlier as the mechanism remembers.

        A `state` is that of the instant one step before the span. Inputs are altered from the start of the span on:
        until then everything is as it was.
        """
        made = await self._mechanism(model)
        step_us = round((step_s or model.every_s) * MICROS)
        lead = step_us if state is not None else round(made.memory_s * MICROS)
        first, end = (to_us(span.start) - lead) // step_us * step_us, to_us(span.end)
        count = -(-(end - first) // step_us)
        if not 0 < count <= MOST_INSTANTS:
            raise Invalid(
                f"The run has {count:,} instants.", hint=f"1 to {MOST_INSTANTS:,}: longer steps, shorter span."
            )
        ts = first + step_us * np.arange(count, dtype=np.int64)
        seen = await self._measured(who, model, ts, step_us)
        late = ts >= to_us(span.start)
        inputs = _altered(_inputs(model, seen, count), altered, late)
        parameters = {**model.parameters, **(altered.parameters or {})}
        done: Run = await in_thread(run, made, ts / MICROS, inputs, parameters, state)
        residuals = {
            output: seen[model.source_of(told)] - done.outputs[output]
            for output, told in model.compares.items()
            if output in done.outputs
        }
        return Computed(
            model=model,
            ts_us=ts[late],
            outputs={name: column[late] for name, column in done.outputs.items()},
            residuals={name: column[late] for name, column in residuals.items()},
            inputs={name: column[late] for name, column in inputs.items()},
            state=done.state,
        )

    async def _measured(
        self, who: Who, model: Model, ts: NDArray[np.int64], step_us: int
    ) -> dict[PlantPath, NDArray[np.float64]]:
        """Every source of a model on the grid: the last good value in each step, else the one before, else NaN."""
        columns = {source: np.full(len(ts), np.nan) for source in self._sources(model)}
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

    def _sources(self, model: Model) -> list[PlantPath]:
        told = [source for source in (*model.inputs.values(), *model.compares.values()) if isinstance(source, str)]
        return list(dict.fromkeys(model.source_of(one) for one in told))

    async def _mechanism(self, model: Model) -> Mechanism:
        return await self._named(model.mechanism)

    async def _named(self, name: str) -> Mechanism:
        if not name.startswith(FMU):
            return mechanism(name)
        digest = name.removeprefix(FMU)
        async with self._db.read() as tx:
            content = await store.find_content(tx, digest)
        if content is None:
            raise Invalid(f"There is no FMU {digest[:12]}….", hint="Add its file first.")
        return await in_thread(lambda: Fmu(self._unpacked(digest, content)))

    def _unpacked(self, digest: str, content: bytes) -> Path:
        file = self._folder / f"{digest}.fmu"
        if not file.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(".part")
            part.write_bytes(content)
            part.replace(file)
        return file


def _suggested(name: str, twin: Twin) -> Model | None:
    plugin = SHELF.get(name)
    if not all(twin.find(prop) for prop in plugin.manifest.get("binds", {}).values()):
        return None
    compares = {output: prop for output, prop in plugin.manifest.get("compares", {}).items() if twin.find(prop)}
    inputs: dict[str, str | float] = dict(plugin.manifest.get("binds", {}))
    for variable in mechanism(name).variables:
        measured = compares.get(variable.name.removesuffix("_measured"))
        if variable.sort is Sort.INPUT and variable.name.endswith("_measured") and measured:
            inputs[variable.name] = measured
    return Model(path=twin.path, name=name, mechanism=name, inputs=inputs, compares=compares)


def _check_against(variables: Sequence[Variable], model: Model) -> None:
    """Names of a model that its mechanism does not have are found before it runs."""
    names = {sort: [v.name for v in variables if v.sort is sort] for sort in Sort}
    told = {Sort.INPUT: list(model.inputs), Sort.PARAMETER: list(model.parameters), Sort.OUTPUT: list(model.compares)}
    for sort, given in told.items():
        for name in given:
            if name not in names[sort]:
                has = ", ".join(names[sort]) or "none"
                raise BadTwin(f"{model.mechanism} has no {sort.value} {name!r}.", hint=f"It has: {has}.")
    for variable in variables:
        if variable.sort is Sort.INPUT and variable.start is None and variable.name not in model.inputs:
            raise BadTwin(f"The input {variable.name!r} is not bound.", hint="Give a property, a path or a number.")


def _inputs(model: Model, seen: Mapping[PlantPath, NDArray[np.float64]], count: int) -> dict[str, NDArray[np.float64]]:
    return {
        name: seen[model.source_of(told)] if isinstance(told, str) else np.full(count, float(told))
        for name, told in model.inputs.items()
    }


def _altered(
    inputs: dict[str, NDArray[np.float64]], altered: Altered, late: NDArray[np.bool_]
) -> dict[str, NDArray[np.float64]]:
    """The inputs with what is altered where `late` holds; one that was not bound is the given value throughout."""
    changed = dict(inputs)
    for name, value in (altered.values or {}).items():
        changed[name] = np.where(late, float(value), changed.get(name, float(value)))
    for given, apply in ((altered.factors, np.multiply), (altered.offsets, np.add)):
        for name, number in (given or {}).items():
            if name not in changed:
                raise Invalid(f"The input {name!r} is not bound, so it cannot be altered.", hint="Give it a value.")
            changed[name] = np.where(late, apply(changed[name], number), changed[name])
    return changed
