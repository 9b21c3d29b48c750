"""Carries operations of twins out on machines: everything is checked before the first write, each write is read back.

    interlock, rights, ranges, units of every step ─▶ step ─▶ read back ─▶ next step … ─▶ outputs read from the machine

What refuses one step before anything was written changes nothing. When a machine fails in the middle, the outcome says
which steps were done: they are not taken back, because only the machine knows how.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from lineshaft.edge import Edge
from lineshaft.kernel.errors import Invalid, PlatformError
from lineshaft.kernel.terms import PlantPath, Value
from lineshaft.security import Role, Who
from lineshaft.twins.metamodel import values
from lineshaft.twins.metamodel.kinds import Json
from lineshaft.twins.model.desire import meant
from lineshaft.twins.model.interlocks import parse_interlock
from lineshaft.twins.model.live import same
from lineshaft.twins.model.operations import ExecutionState, Invocation, Outcome, Planned, Rehearsal
from lineshaft.twins.model.steps import (
    INTERLOCK,
    SERIES,
    UNIT,
    WHOLE,
    Argument,
    Step,
    extension,
    inputs_of,
    outputs_of,
    plain_of,
    steps_of,
    within_limits,
)
from lineshaft.twins.submodels.units import read_in

from .interlocks import Interlocks

READ_BACK_S, AGAIN_S = 3.0, 0.2
"""How long a machine has to report what was written, and how often it is asked."""


class MachineOperations:
    """An operation whose element says what machines do."""

    def __init__(self, edge: Edge, interlocks: Interlocks) -> None:
        self._edge = edge
        self._interlocks = interlocks

    def carries(self, invocation: Invocation) -> bool:
        """Whether the operation says what to do."""
        return bool(steps_of(invocation.operation))

    async def rehearse(self, who: Who, invocation: Invocation) -> Rehearsal:
        """What invoking would write and call, and what would refuse it; nothing is written."""
        planned = await self._plan(who, invocation)
        lock = parse_interlock(extension(invocation.operation, INTERLOCK))
        place = _machine(invocation)
        findings = [(one.told(who, place), one.holds) for one in await self._interlocks.findings(lock, place)]
        broken = [f"{invocation.path} is interlocked: {condition}." for condition, holds in findings if not holds]
        return Rehearsal(
            steps=tuple(planned),
            conditions=tuple(findings),
            problems=(*broken, *(one.problem for one in planned if one.problem)),
        )

    async def invoke(self, who: Who, invocation: Invocation) -> Outcome:
        """Check everything, then do step after step."""
        lock = parse_interlock(extension(invocation.operation, INTERLOCK))
        await self._interlocks.require(who, lock, _machine(invocation), invocation.path)
        steps = [await self._checked(who, invocation, step) for step in steps_of(invocation.operation)]
        done: list[str] = []
        given: list[Value | None] = []
        for step, arguments in steps:
            try:
                given += await self._do(who, step, arguments)
            except PlatformError as error:
                return _halfway(step, error.message, done)
            done.append(str(step.path))
        return Outcome(outputs=tuple([one async for one in self._outputs(invocation, given)]))

    # ---- before anything is written ----

    async def _plan(self, who: Who, invocation: Invocation) -> list[Planned]:
        return [await self._planned(who, invocation, step) for step in steps_of(invocation.operation)]

    async def _planned(self, who: Who, invocation: Invocation, step: Step) -> Planned:
        point = await self._interlocks.point_of(step.path)
        seen = not step.calls and who.may(Role.VIEWER, PlantPath(step.path))
        now = await self._interlocks.value_at(step.path) if seen else None
        unit = "" if point is None else point.property.unit
        try:
            _, arguments = await self._checked(who, invocation, step)
        except PlatformError as error:
            return Planned(path=step.path, calls=step.calls, now=now, unit=unit, problem=error.message)
        shown = tuple(point.property.label(one) for one in arguments) if point else tuple(arguments)
        return Planned(path=step.path, calls=step.calls, values=shown, now=now, unit=unit)

    async def _checked(self, who: Who, invocation: Invocation, step: Step) -> tuple[Step, list[Value]]:
        """A step with its values as machines take them, once nothing known speaks against it."""
        point = await self._interlocks.point_of(step.path)
        unit = "" if point is None else point.property.unit
        arguments = [_value(invocation, one, unit) for one in step.arguments]
        if step.calls:
            await self._edge.check_call(who, step.path)
            return step, arguments
        if point is not None:
            arguments = [meant(point.property, step.path, arguments[0])]
        await self._edge.check_write(who, step.path, arguments[0])
        return step, arguments

    # ---- on the machine ----

    async def _do(self, who: Who, step: Step, arguments: list[Value]) -> list[Value | None]:
        if step.calls:
            return list((await self._edge.call(who, step.path, *arguments)).outputs)
        result = await self._edge.write(who, step.path, arguments[0])
        if not result.applied or result.read_back is None:
            await self._wait(step.path, arguments[0])
        return []

    async def _wait(self, path: PlantPath, value: Value) -> None:
        """A machine may take a moment to report what it took; Invalid when it keeps another value."""
        message = ""
        for _ in range(int(READ_BACK_S / AGAIN_S)):
            await asyncio.sleep(AGAIN_S)
            seen = await self._interlocks.reported(path)
            if same(seen, value):
                return
            message = f"the machine reports {'nothing' if seen is None else repr(seen)} instead of {value!r}"
        raise Invalid(
            f"{path}: {message}.", hint="Look at the machine: it may limit the value, or be on local control."
        )

    async def _outputs(self, invocation: Invocation, given: list[Value | None]) -> AsyncIterator[Json]:
        """Declared outputs: those that name a series as the machine says it now, the rest what methods gave back."""
        left = iter(given)
        for one in outputs_of(invocation.operation):
            series = extension(one, SERIES)
            value = await self._interlocks.value_at(PlantPath(series)) if series else next(left, None)
            if value is not None:
                text = values.lexical(
                    str(one.get("valueType", "xs:string")), _fitting(one, value), str(one.get("idShort"))
                )
                yield one | {"value": text}


def _machine(invocation: Invocation) -> PlantPath:
    """Whose properties an interlock names: those of the twin the submodel belongs to."""
    depth = len(invocation.path.replace("[", ".").split("."))
    place: PlantPath = invocation.place
    for _ in range(depth + 1):
        place = place.parent or place
    return place


def _value(invocation: Invocation, argument: Argument, unit: str) -> Value:
    """What an argument stands for, in the unit of what it is written to."""
    if not argument.name:
        return argument.constant
    given = next((one for one in invocation.inputs if one.get("idShort") == argument.name), None)
    if given is None:
        raise Invalid(f"{invocation.path} names the input {argument.name!r}, which it was not given.")
    value = plain_of(str(given.get("valueType", "xs:string")), str(given.get("value", "")))
    declared = next((one for one in inputs_of(invocation.operation) if one.get("idShort") == argument.name), given)
    within_limits(declared, value)
    said = extension(declared, UNIT)
    if said and unit and not isinstance(value, bool | str):
        return read_in(value, said, unit)
    return value


def _fitting(declared: Json, value: Value) -> Value:
    """A machine's number as its declared type wants it."""
    kind = str(declared.get("valueType", ""))
    if kind == "xs:string":
        return str(value)
    whole = kind in WHOLE and isinstance(value, float) and value.is_integer()
    return int(value) if whole else bool(value) if kind == "xs:boolean" and not isinstance(value, str) else value


def _halfway(step: Step, why: str, done: list[str]) -> Outcome:
    so_far = f"Done before and not taken back: {', '.join(done)}." if done else "Nothing was written before."
    return Outcome(state=ExecutionState.FAILED, messages=(f"{step.path}: {why}", so_far))
