"""Invokes operations of twins: who may, with which arguments, for how long, and what became of it.

Invocations that nobody waits for are remembered in this process until an hour after they ended; a restart ends them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic

import orjson

from lineshaft.kernel.errors import Invalid, PlatformError, Unavailable
from lineshaft.kernel.ids import new_id
from lineshaft.kernel.log import get_log
from lineshaft.security import Guard, Role, Who
from lineshaft.twins.errors import NoHandler, NoInvocation
from lineshaft.twins.metamodel import paths, values
from lineshaft.twins.metamodel.kinds import OPERATION, PROPERTY, Json, kind_of
from lineshaft.twins.model.operations import ExecutionState, Invocation, OperationHandler, Outcome, Rehearsal
from lineshaft.twins.model.repository import Kind

from .repository import Repository

log = get_log("twins")
INVOKE = "twins.operations.invoke"
USUAL, LONGEST = timedelta(seconds=60), timedelta(hours=1)
"""How long an operation may take when nobody says, and at most."""
KEPT_S = 3600.0
MOST_KEPT = 1_000


@dataclass(slots=True)
class _Running:
    invocation: Invocation
    task: asyncio.Task[Outcome]
    ended: float = field(default=0.0)

    @property
    def state(self) -> ExecutionState:
        return self.task.result().state if self.task.done() else ExecutionState.RUNNING


class Operations:
    """The operations of a plant's twins. Who invokes one needs the role operator where it stands."""

    def __init__(self, repository: Repository, guard: Guard, handlers: Sequence[OperationHandler] = ()) -> None:
        self._repository = repository
        self._guard = guard
        self._handlers = list(handlers)
        self._running: dict[str, _Running] = {}

    def add(self, handler: OperationHandler) -> None:
        """Let one more handler carry operations out; the first that can does."""
        self._handlers.append(handler)

    async def prepare(
        self,
        who: Who,
        submodel: str,
        path: str,
        *,
        inputs: Sequence[Json] | Json = (),
        inoutputs: Sequence[Json] | Json = (),
        within: timedelta | None = None,
    ) -> Invocation:
        """Check an invocation; arguments are elements, or value-only JSON by idShort. Nothing is done yet."""
        found = await self._repository.get(who, Kind.SUBMODEL, submodel)
        operation = paths.find(orjson.loads(found.body), path)
        if kind_of(operation) != OPERATION:
            raise Invalid(f"{path!r} is a {kind_of(operation)}, not an Operation.", hint="Invoke an Operation.")
        span = USUAL if within is None else within
        if not timedelta() < span <= LONGEST:
            raise Invalid(f"The time-out of {span} is not above 0 and at most {LONGEST}.")
        place = found.place.child(*paths.place_of(path).split("/"))
        try:
            given = {
                "inputs": _arguments(operation, "inputVariables", inputs),
                "inoutputs": _arguments(operation, "inoutputVariables", inoutputs),
            }
        except PlatformError as error:
            said = {"inputs": inputs if isinstance(inputs, dict) else _shown(inputs), "refused": error.message}
            await self._guard.record(who, INVOKE, f"{submodel}#{path}", after=said, path=place)
            raise
        return Invocation(
            submodel=submodel,
            path=path,
            place=place,
            operation=operation,
            within=span,
            **given,
        )

    async def rehearse(self, who: Who, invocation: Invocation) -> Rehearsal:
        """What invoking would write and call, and what would refuse it; nothing is done."""
        return await (await self._admitted(who, invocation)).rehearse(who, invocation)

    async def invoke(self, who: Who, invocation: Invocation) -> Outcome:
        """Carry it out and wait; what refuses is raised."""
        return await self._carry(who, invocation, await self._admitted(who, invocation))

    async def start(self, who: Who, invocation: Invocation) -> str:
        """Carry it out without waiting; the handle asks for state and outcome."""
        handler = await self._admitted(who, invocation)
        self._tidy()
        if len(self._running) >= MOST_KEPT:
            raise Unavailable(f"{MOST_KEPT} invocations are running or kept.", hint="Try again later.")
        handle = new_id()
        task = asyncio.create_task(self._told(who, invocation, handler))
        self._running[handle] = _Running(invocation, task)
        task.add_done_callback(lambda _: self._ended(handle))
        return handle

    async def state(self, who: Who, submodel: str, path: str, handle: str) -> ExecutionState:
        """How far an invocation is; NoInvocation for a handle that is not one of this operation."""
        return (await self._find(who, submodel, path, handle)).state

    async def outcome(self, who: Who, submodel: str, path: str, handle: str) -> Outcome:
        """How an invocation ended; of one that has not, that it runs."""
        running = await self._find(who, submodel, path, handle)
        return running.task.result() if running.task.done() else Outcome(state=ExecutionState.RUNNING)

    async def close(self) -> None:
        """End what still runs."""
        tasks = [one.task for one in self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _find(self, who: Who, submodel: str, path: str, handle: str) -> _Running:
        document = await self._repository.get(who, Kind.SUBMODEL, submodel)
        paths.find(orjson.loads(document.body), path)
        self._tidy()
        found = self._running.get(handle)
        if found is None or (found.invocation.submodel, found.invocation.path) != (submodel, path):
            raise NoInvocation(f"There is no invocation {handle[:40]!r} of this operation.")
        return found

    async def _admitted(self, who: Who, invocation: Invocation) -> OperationHandler:
        await self._guard.require(who, Role.OPERATOR, invocation.place, INVOKE)
        handler = next((one for one in self._handlers if one.carries(invocation)), None)
        if handler is None:
            why = f"Nothing carries out {invocation.path!r}: no machine is behind this operation."
            await self._record(who, invocation, ExecutionState.FAILED, why)
            raise NoHandler(why)
        return handler

    async def _carry(self, who: Who, invocation: Invocation, handler: OperationHandler) -> Outcome:
        state, why = ExecutionState.FAILED, ""
        try:
            async with asyncio.timeout(invocation.within.total_seconds()):
                outcome = await handler.invoke(who, invocation)
            state, why = outcome.state, " ".join(outcome.messages)
        except PlatformError as error:
            why = error.message
            raise
        except TimeoutError:
            state = ExecutionState.TIMEOUT
            outcome = Outcome(state=state, messages=(f"No answer within {invocation.within}.",))
        finally:
            await self._record(who, invocation, state, why)
        return outcome

    async def _told(self, who: Who, invocation: Invocation, handler: OperationHandler) -> Outcome:
        """Carry it out for somebody who does not wait: whatever happens becomes the outcome."""
        try:
            return await self._carry(who, invocation, handler)
        except PlatformError as error:
            return Outcome(state=ExecutionState.FAILED, messages=(str(error),))
        except asyncio.CancelledError:
            return Outcome(state=ExecutionState.CANCELED, messages=("The platform stopped.",))
        except Exception as error:
            log.error("an operation failed", path=invocation.path, error=str(error), kind=type(error).__name__)
            return Outcome(state=ExecutionState.FAILED, messages=(f"It failed: {error}",))

    async def _record(self, who: Who, invocation: Invocation, state: ExecutionState, why: str) -> None:
        after = {"inputs": _shown(invocation.inputs), "state": state.value} | ({"why": why} if why else {})
        subject = f"{invocation.submodel}#{invocation.path}"
        await self._guard.record(who, INVOKE, subject, after=after, path=invocation.place)

    def _ended(self, handle: str) -> None:
        if handle in self._running:
            self._running[handle].ended = monotonic()

    def _tidy(self) -> None:
        old = monotonic() - KEPT_S
        for handle in [h for h, one in self._running.items() if one.task.done() and one.ended < old]:
            del self._running[handle]


def _shown(elements: Sequence[Json]) -> dict[str, object]:
    return {str(one.get("idShort", i)): one.get("value") for i, one in enumerate(elements)}


def _arguments(operation: Json, slot: str, given: Sequence[Json] | Json) -> tuple[Json, ...]:
    """The arguments as elements, with what the operation declares; Invalid for one too many, too few or wrong."""
    declared = {one["value"].get("idShort", ""): one["value"] for one in operation.get(slot) or ()}
    told = given if isinstance(given, dict) else {str(one.get("idShort", "")): one for one in given}
    for name in told:
        if declared and name not in declared:
            raise Invalid(f"The operation has no argument {name[:80]!r}.", hint=f"It has: {', '.join(declared)}.")
    found = []
    for name, variable in (declared or dict.fromkeys(told)).items():
        if name in told:
            found.append(_argument(name, variable, told[name], plain=isinstance(given, dict)))
        elif variable is not None and variable.get("value") is None:
            raise Invalid(f"The argument {name!r} is missing.", hint=f"The operation has: {', '.join(declared)}.")
        elif variable is not None:
            found.append(variable)
    return tuple(found)


def _argument(name: str, variable: Json | None, given: object, *, plain: bool) -> Json:
    if plain:
        return values.written(variable or _guessed(name, given), given, name)
    element: Json = given  # type: ignore[assignment]
    if variable is None or kind_of(variable) != PROPERTY:
        return element
    value_type = variable.get("valueType", "")
    return variable | {"value": values.lexical(value_type, element.get("value"), name)}


def _guessed(name: str, given: object) -> Json:
    """A property for an argument the operation does not declare."""
    kinds = {bool: "xs:boolean", int: "xs:integer", float: "xs:double"}
    return {"modelType": PROPERTY, "idShort": name, "valueType": kinds.get(type(given), "xs:string")}
