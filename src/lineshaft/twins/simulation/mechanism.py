"""What a mechanism is: variables with units, and a computation over columns of time.

    Columns     name -> float64 array, one value per instant; an input holds until the next instant
    state       name -> float, what a run leaves and the next one goes on from

Times are seconds, strictly increasing, and need not be even. NaN among the inputs makes NaN outputs until
values are back; a mechanism's state never becomes NaN by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import nearest

Columns: TypeAlias = Mapping[str, NDArray[np.float64]]
State: TypeAlias = Mapping[str, float]


class Sort(StrEnum):
    """What a variable is to its mechanism; FMI calls it causality."""

    INPUT = "input"
    PARAMETER = "parameter"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One variable of a mechanism; `unit` is UCUM, `start` what it is when nobody says."""

    name: str
    sort: Sort
    unit: str = ""
    title: Mapping[str, str] = field(default_factory=dict)
    start: float | None = None
    low: float | None = None
    high: float | None = None


def takes(name: str, unit: str, *, en: str, zh: str, start: float | None = None) -> Variable:
    """An input."""
    return Variable(name=name, sort=Sort.INPUT, unit=unit, title={"en": en, "zh": zh}, start=start)


def setting(
    name: str, unit: str, start: float, *, en: str, zh: str, low: float | None = None, high: float | None = None
) -> Variable:
    """A parameter with what it is when nobody says."""
    title = {"en": en, "zh": zh}
    return Variable(name=name, sort=Sort.PARAMETER, unit=unit, title=title, start=start, low=low, high=high)


def gives(name: str, unit: str, *, en: str, zh: str) -> Variable:
    """An output."""
    return Variable(name=name, sort=Sort.OUTPUT, unit=unit, title={"en": en, "zh": zh})


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What came out: the outputs at every instant, and the state to go on from."""

    outputs: dict[str, NDArray[np.float64]]
    state: dict[str, float] = field(default_factory=dict)


class Mechanism(Protocol):
    """A model of how something works."""

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Inputs, parameters and outputs."""
        ...

    @property
    def memory_s(self) -> float:
        """How long a wrong initial state is felt; a run that begins anew is started this much earlier."""
        ...

    def run(self, t: NDArray[np.float64], inputs: Columns, parameters: Mapping[str, float], state: State | None) -> Run:
        """The outputs at each instant of `t`; every input and parameter is there and has the right length."""
        ...


@runtime_checkable
class Stoppable(Protocol):
    """A mechanism whose run can be given up from another thread."""

    def stop(self) -> None:
        """End the run that goes on, and begin no further one."""


def run(
    mechanism: Mechanism,
    t: NDArray[np.float64],
    inputs: Columns,
    parameters: Mapping[str, float] | None = None,
    state: State | None = None,
) -> Run:
    """Check everything against the mechanism's variables, fill in what nobody said, and compute.

    An input that is not given takes its start value; without one, Invalid names it.
    """
    given = dict(parameters or {})
    columns = check_columns(mechanism.variables, t, inputs)
    return mechanism.run(t, columns, _parameters(mechanism.variables, given), state)


def check_columns(variables: tuple[Variable, ...], t: NDArray[np.float64], inputs: Columns) -> Columns:
    """The inputs a mechanism has, all as long as `t`; Invalid says which is missing, unknown or uneven."""
    if len(t) and (not np.isfinite(t).all() or (np.diff(t) <= 0).any()):
        raise Invalid("The instants of a run must increase.", hint="Sort them and leave out repetitions.")
    wanted = {v.name: v for v in variables if v.sort is Sort.INPUT}
    _known(inputs, wanted, "input")
    columns = {}
    for name, variable in wanted.items():
        column = inputs.get(name)
        if column is None:
            if variable.start is None:
                raise Invalid(f"The input {name!r} is missing.", hint="Bind it to a property or give it a value.")
            column = np.full(len(t), variable.start)
        if len(column) != len(t):
            raise Invalid(f"The input {name!r} has {len(column)} values for {len(t)} instants.")
        columns[name] = np.asarray(column, dtype=np.float64)
    return columns


def _parameters(variables: tuple[Variable, ...], given: Mapping[str, float]) -> dict[str, float]:
    wanted = {v.name: v for v in variables if v.sort is Sort.PARAMETER}
    _known(given, wanted, "parameter")
    values = {}
    for name, variable in wanted.items():
        value = given.get(name, variable.start)
        if value is None:
            raise Invalid(f"The parameter {name!r} is missing.", hint="Give it a value.")
        low, high = variable.low, variable.high
        if not np.isfinite(value) or (low is not None and value < low) or (high is not None and value > high):
            raise Invalid(
                f"The parameter {name!r} is {value:g}, outside {_span(low, high)} {variable.unit}".rstrip() + ".",
                hint="Look at its range.",
            )
        values[name] = float(value)
    return values


def _known(given: Mapping[str, object], wanted: Mapping[str, Variable], what: str) -> None:
    for name in given:
        if name not in wanted:
            near = nearest(name, wanted)
            raise Invalid(
                f"There is no {what} {name!r}.",
                hint=f"Did you mean {near!r}?" if near else f"There are: {', '.join(wanted) or 'none'}.",
            )


def _span(low: float | None, high: float | None) -> str:
    return f"{'-∞' if low is None else f'{low:g}'} to {'∞' if high is None else f'{high:g}'}"
