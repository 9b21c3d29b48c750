"""What-if copies of a twin: its model run over a span of what was, altered, beside the same run unaltered.

A run is an answer and nothing else until somebody keeps it under a name. Who may not see everything a run has
read does not see the run.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lineshaft.kernel.clock import from_us, now_us, to_us
from lineshaft.kernel.db import Database, Transaction
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.ids import new_id
from lineshaft.kernel.tasks import in_thread
from lineshaft.kernel.terms import TimeRange
from lineshaft.security import Guard, Role, Who
from lineshaft.twins import store
from lineshaft.twins.errors import NoScenario
from lineshaft.twins.model.simulation import Altered, Model, Scenario, check_model

from .running import Computed, Progress, Series
from .simulations import Simulations

MOST_KEPT = 100
"""Runs kept of one twin."""
MOST_KEPT_MB = 16
MOST_LETTERS = 80
PARTS = ("outputs", "before", "measured", "inputs")
"""What a run gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a what-if gave, all columns of one length.

    `outputs` come from the altered inputs, `before` from the same model with everything as it was, `measured` is
    what the machine did; `inputs` are those the altered run saw.
    """

    scenario: Scenario
    ts_us: np.ndarray[tuple[int], np.dtype[np.int64]]
    outputs: Series
    before: Series
    measured: Series
    inputs: Series


class Scenarios:
    """The what-if runs of a plant."""

    def __init__(self, db: Database, guard: Guard, simulations: Simulations) -> None:
        self._db = db
        self._guard = guard
        self._runner = simulations.runner

    async def run(
        self,
        who: Who,
        model: Model,
        span: TimeRange,
        altered: Altered,
        *,
        step_s: float = 0.0,
        progress: Progress | None = None,
    ) -> Outcome:
        """Run a model, saved or not, altered and as it was; nothing is written. Cancelling it gives it up.

        Both runs let go of what the altered one does not know, or they could not be compared.
        """
        model = check_model(model)
        await self._guard.require(who, Role.VIEWER, model.path, "twins.model.run")
        step = step_s or model.every_s
        grid = await self._runner.grid(who, model, span, step_s=step)
        tell = progress or _nobody
        tell(0.2)
        before = await self._runner.in_pieces(grid, Altered(free=altered.free), lambda share: tell(0.2 + 0.4 * share))
        done = await self._runner.in_pieces(grid, altered, lambda share: tell(0.6 + 0.4 * share))
        scenario = Scenario(
            model=model,
            start_us=to_us(span.start),
            end_us=to_us(span.end),
            step_s=step,
            altered=altered,
            by=who.name,
            at_us=now_us(),
        )
        return _outcome(scenario, done, before)

    # ---- keeping ----

    async def keep(self, who: Who, outcome: Outcome, name: str) -> Scenario:
        """Keep a run under a name; one that was discarded comes back under its id."""
        path = outcome.scenario.model.path
        await self._guard.require(who, Role.OPERATOR, path, "twins.scenario.keep")
        kept = replace(outcome.scenario, id=outcome.scenario.id or new_id(), name=_name(name))
        columns = await in_thread(_packed, outcome)
        if len(columns) > MOST_KEPT_MB << 20:
            raise Invalid(
                f"The run has {len(columns) >> 20} MB.", hint=f"At most {MOST_KEPT_MB} MB are kept: longer steps."
            )
        async with self._db.begin() as tx:
            if len(await store.scenarios(tx, sees=("",), path=path)) >= MOST_KEPT:
                raise Invalid(f"{path} has {MOST_KEPT} kept runs.", hint="Discard some first.")
            await store.hold(tx)
            await store.put_scenario(tx, kept, columns)
            await self._guard.record(who, "twins.scenario.keep", f"{path}#{kept.id}", after=_told(kept), tx=tx)
        return kept

    async def list_(self, who: Who, path: str) -> list[Scenario]:
        """The kept runs of a twin, oldest first."""
        await self._guard.require(who, Role.VIEWER, path, "twins.scenario.read")
        async with self._db.read() as tx:
            found = await store.scenarios(tx, sees=who.sees(), path=path)
            own = await store.series_read(tx, path)
        return [one for one in found if self._sees_all(who, one, own)]

    async def head(self, who: Who, id_: str) -> Scenario:
        """What was asked in a kept run; what it gave is not read."""
        async with self._db.read() as tx:
            return await self._standing(tx, who, id_)

    async def get(self, who: Who, id_: str, parts: Sequence[str] = PARTS) -> Outcome:
        """A kept run with all it gave, or with these `parts` of it only; the others are not unpacked."""
        async with self._db.read() as tx:
            scenario = await self._standing(tx, who, id_)
            columns = await store.find_columns(tx, id_)
        assert columns is not None
        return await in_thread(_unpacked, scenario, columns, parts)

    async def rename(self, who: Who, id_: str, name: str) -> Scenario:
        """Call a kept run something else."""
        async with self._db.begin() as tx:
            old = await self._standing(tx, who, id_)
            path = old.model.path
            await self._guard.require(who, Role.OPERATOR, path, "twins.scenario.rename")
            new = replace(old, name=_name(name))
            await store.change_scenario(tx, new)
            before, after = {"name": old.name}, {"name": new.name}
            await self._guard.record(who, "twins.scenario.rename", f"{path}#{id_}", before=before, after=after, tx=tx)
        return new

    async def discard(self, who: Who, id_: str) -> Outcome:
        """A run is kept no more; what is returned can be kept again."""
        outcome = await self.get(who, id_)
        path = outcome.scenario.model.path
        await self._guard.require(who, Role.OPERATOR, path, "twins.scenario.discard")
        async with self._db.begin() as tx:
            await store.drop_scenario(tx, id_)
            before = _told(outcome.scenario)
            await self._guard.record(who, "twins.scenario.discard", f"{path}#{id_}", before=before, tx=tx)
        return outcome

    # ---- inside ----

    async def _standing(self, tx: Transaction, who: Who, id_: str) -> Scenario:
        found = await store.find_scenario(tx, id_)
        if found is None or not self._sees_all(who, found, await store.series_read(tx, found.model.path)):
            raise NoScenario(f"There is no kept run {id_[:64]!r}.")
        return found

    def _sees_all(self, who: Who, scenario: Scenario, own: set[str]) -> bool:
        """Whether somebody sees the twin and all that was read; who sees a twin sees what its properties read."""
        model = scenario.model
        places = (model.path, *(source for source in model.sources if source not in own))
        return all(self._guard.allowed(who, Role.VIEWER, place) for place in places)


def span_of(scenario: Scenario) -> TimeRange:
    """The span that was run."""
    return TimeRange(start=from_us(scenario.start_us), end=from_us(scenario.end_us))


def _nobody(share: float) -> None:
    """Nobody asks how far a run is."""
    del share


def _outcome(scenario: Scenario, done: Computed, before: Computed) -> Outcome:
    return Outcome(
        scenario=scenario,
        ts_us=done.ts_us,
        outputs=done.outputs,
        before=before.outputs,
        measured=done.measured,
        inputs=done.inputs,
    )


def _name(name: str) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= MOST_LETTERS:
        raise Invalid(f"The name has {len(name)} letters.", hint=f"Give it 1 to {MOST_LETTERS}.", field="name")
    return name


def _told(scenario: Scenario) -> dict[str, object]:
    """What an audit row says of a run."""
    model, span = scenario.model, span_of(scenario)
    return {
        "name": scenario.name,
        "model": model.name,
        "start": span.start.isoformat(),
        "end": span.end.isoformat(),
        "altered": list(scenario.altered.inputs) + list(scenario.altered.parameters),
    }


def _packed(outcome: Outcome) -> bytes:
    body = io.BytesIO()
    columns = {f"{part}:{name}": column for part in PARTS for name, column in getattr(outcome, part).items()}
    np.savez_compressed(body, ts=outcome.ts_us, **columns)
    return body.getvalue()


def _unpacked(scenario: Scenario, packed: bytes, parts: Sequence[str]) -> Outcome:
    with np.load(io.BytesIO(packed), allow_pickle=False) as found:
        told = {part: _columns(found, part) if part in parts else {} for part in PARTS}
        return Outcome(scenario=scenario, ts_us=found["ts"], **told)


def _columns(found: np.lib.npyio.NpzFile, part: str) -> Series:
    names: Sequence[str] = found.files
    return {name.removeprefix(f"{part}:"): found[name] for name in names if name.startswith(f"{part}:")}
