"""Operations of twins: what is asked of a machine, and how that went (IDTA-01002 3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from lineshaft.kernel.terms import PlantPath, Value
from lineshaft.security import Who

from .repository import Json


class ExecutionState(StrEnum):
    """How far an invocation is."""

    INITIATED = "Initiated"
    RUNNING = "Running"
    COMPLETED = "Completed"
    CANCELED = "Canceled"
    FAILED = "Failed"
    TIMEOUT = "Timeout"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self not in (ExecutionState.INITIATED, ExecutionState.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """What is asked: an operation element with its arguments, each a submodel element."""

    submodel: str
    path: str
    place: PlantPath
    """Where the operation stands in the plant."""
    operation: Json
    inputs: tuple[Json, ...] = ()
    inoutputs: tuple[Json, ...] = ()
    within: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an invocation ended; `messages` tell why it did not succeed."""

    state: ExecutionState = ExecutionState.COMPLETED
    outputs: tuple[Json, ...] = ()
    inoutputs: tuple[Json, ...] = ()
    messages: tuple[str, ...] = ()

    @property
    def success(self) -> bool:
        return self.state is ExecutionState.COMPLETED


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One step as it would be carried out: what would be written where, and what is there now."""

    path: PlantPath
    calls: bool = False
    """Whether it calls a method instead of writing."""
    values: tuple[Value | None, ...] = ()
    now: Value | None = None
    unit: str = ""
    problem: str = ""
    """Why it would be refused."""

    def __str__(self) -> str:
        said = ", ".join(repr(one) for one in self.values)
        if self.calls:
            return f"would call {self.path}({said})"
        unit = f" {self.unit}" if self.unit else ""
        return (
            f"would write {said}{unit} to {self.path}, which is {'not known' if self.now is None else self.now!r} now"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What invoking an operation would do, and what would refuse it."""

    steps: tuple[Planned, ...]
    conditions: tuple[tuple[str, bool], ...] = ()
    """The operation's interlock: each condition with what was read, and whether it holds."""
    problems: tuple[str, ...] = ()


class OperationHandler(Protocol):
    """Carries operations out. Rights and arguments are checked before, time and audit are seen to around it."""

    def carries(self, invocation: Invocation) -> bool:
        """Whether this handler knows how to carry the operation out."""

    async def rehearse(self, who: Who, invocation: Invocation) -> Rehearsal:
        """What it would do; nothing is done."""

    async def invoke(self, who: Who, invocation: Invocation) -> Outcome:
        """Do it, and return once it is done; a PlatformError says why it cannot be."""
