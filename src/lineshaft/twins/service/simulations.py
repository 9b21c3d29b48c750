"""Mechanism models of twins: kept, run beside the machine, and run on what-if questions.

Beside the machine, results are written as series next to the measured ones; a what-if writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lineshaft.kernel.clock import now_us
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import TimeRange
from lineshaft.security import Guard, Role, Who
from lineshaft.telemetry import Historian
from lineshaft.twins import store
from lineshaft.twins.errors import BadTwin, NoModel, NoTwin, Outdated
from lineshaft.twins.events import ModelChanged
from lineshaft.twins.model import Twin
from lineshaft.twins.model.simulation import FMU, Altered, Fault, Model, check_model, told_at
from lineshaft.twins.simulation import SHELF, Sort, Variable, mechanism

from .edit import dressed
from .running import Computed, Runner, missing

MOST_FMU_MB = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A model beside its machine: what it computes, and the last time it could not run."""

    model: Model
    variables: tuple[Variable, ...]
    fault: Fault | None

    @property
    def outputs(self) -> list[Variable]:
        """What it computes."""
        return [v for v in self.variables if v.sort is Sort.OUTPUT]


class Simulations:
    """The mechanism models of a plant."""

    def __init__(self, db: Database, guard: Guard, historian: Historian, folder: Path) -> None:
        """`folder` keeps copies of FMU files, which run from disk."""
        self._db = db
        self._guard = guard
        self._historian = historian
        self.runner = Runner(db, historian, folder)

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
        for source in model.sources:
            await self._guard.require(who, Role.VIEWER, source, "twins.model.save")
        _check_against((await self.runner.named(model.mechanism)).variables, model)
        async with self._db.begin() as tx:
            if await store.find(tx, model.path) is None:
                raise NoTwin(f"There is no twin at {model.path}.")
            if model.file and not await store.stands(tx, model.file):
                raise missing(model.file)
            old = await store.find_model(tx, model.path, model.name)
            if (old.version if old else 0) != model.version:
                raise Outdated(
                    f"The model {model.name!r} of {model.path} is at version {old.version if old else 0}, "
                    f"not {model.version}."
                )
            new = replace(model, version=model.version + 1, writes=old.writes if old else "")
            await store.put_model(tx, new)
            what = {"mechanism": new.mechanism, "inputs": new.inputs, "parameters": new.parameters}
            await self._guard.record(who, "twins.model.save", f"{new.path}/{new.name}", after=what, tx=tx)
            await tx.announce(_changed(who, new, "saved"))
        return new

    async def remove(self, who: Who, path: str, name: str) -> None:
        """A twin carries a model no more; what it wrote stays."""
        await self._guard.require(who, Role.ENGINEER, path, "twins.model.remove")
        old = await self.get(who, path, name)
        async with self._db.begin() as tx:
            await store.drop_model(tx, path, name)
            await store.forget_fault(tx, path, name)
            before = {"mechanism": old.mechanism, "inputs": old.inputs}
            await self._guard.record(who, "twins.model.remove", f"{path}/{name}", before=before, tx=tx)
            await tx.announce(_changed(who, old, "removed"))

    async def add_fmu(self, who: Who, path: str, content: bytes) -> tuple[str, tuple[Variable, ...]]:
        """Keep an FMU file; returns what `Model.mechanism` calls it, and its variables."""
        await self._guard.require(who, Role.ENGINEER, path, "twins.model.fmu")
        if len(content) > MOST_FMU_MB << 20:
            raise Invalid(f"The FMU has {len(content) >> 20} MB.", hint=f"At most {MOST_FMU_MB} MB can be kept.")
        digest, unit = await self.runner.unit(content)
        async with self._db.begin() as tx:
            await store.keep_content(tx, digest, content)
            await self._guard.record(who, "twins.model.fmu", path, after={"digest": digest}, tx=tx)
        return f"{FMU}{digest}", unit.variables

    async def variables(self, who: Who, name: str) -> tuple[Variable, ...]:
        """What a mechanism on the shelf, or an FMU that was added, needs and gives."""
        del who
        return (await self.runner.named(name)).variables

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
        """Run over a span; a `state` is that of the instant one step before it.

        Inputs are altered from the start of the span on: until then everything is as it was.
        """
        step = step_s or model.every_s
        grid = await self.runner.grid(who, model, span, step_s=step, lead_s=None if state is None else step)
        return await self.runner.whole(grid, altered, state)

    # ---- beside the machine ----

    async def standings(self, who: Who, path: str) -> list[Standing]:
        """The models of a twin as they run beside it."""
        models = await self.list_(who, path)
        async with self._db.read() as tx:
            faults = await store.faults(tx, path)
        return [
            Standing(
                model=model,
                variables=(await self.runner.named(model.mechanism)).variables,
                fault=faults.get((str(model.path), model.name)),
            )
            for model in models
        ]

    async def fails(self, who: Who, model: Model, message: str) -> None:
        """Remember that a model cannot run beside its machine, from now until `runs` is told."""
        await self._guard.require(who, Role.ENGINEER, model.path, "twins.model.fails")
        async with self._db.begin() as tx:
            await store.put_fault(tx, model.path, model.name, Fault(message=message, since_us=now_us()))

    async def runs(self, who: Who, model: Model) -> None:
        """Remember that a model runs again."""
        await self._guard.require(who, Role.ENGINEER, model.path, "twins.model.runs")
        async with self._db.begin() as tx:
            await store.end_fault(tx, model.path, model.name, now_us())


def _suggested(name: str, twin: Twin) -> Model | None:
    plugin = SHELF.get(name)
    told = {point.property.name: told_at(twin.path, point.series) for point in twin.points}
    binds, measures = plugin.manifest.get("binds", {}), plugin.manifest.get("compares", {})
    if not told.keys() >= set(binds.values()):
        return None
    compares = {output: told[prop] for output, prop in measures.items() if prop in told}
    inputs: dict[str, str | float] = {name: told[prop] for name, prop in binds.items()}
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


def _changed(who: Who, model: Model, verb: str) -> ModelChanged:
    name = "FMU" if model.mechanism.startswith(FMU) else model.mechanism
    return ModelChanged(
        path=str(model.path), name=model.name, mechanism=name, verb=verb, by=who.name[:120], at_us=now_us()
    )
