"""What an operation has machines do, step by step, as its extension `steps` says it:

    acme/berlin/line-1/tank/mode = "Auto"
    acme/berlin/line-1/tank/setpoint = Temperature
    acme/berlin/line-1/filler/halt("cleaning", Duration)

A step writes a value to a path, or calls a method that stands there. A value is a number, true or false, a text in
quotes, or the name of an input argument. Without the extension, every input argument that names a series in an
extension `series` is written to it, in their order. An argument may say its unit, and what it is at least and most, in
the extensions `unit`, `low` and `high`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import PlantPath, Value

from .repository import Json

STEPS, INTERLOCK, SERIES, UNIT, LOW, HIGH = "steps", "interlock", "series", "unit", "low", "high"
"""Names of extensions."""
MOST_STEPS = 100
WHOLE = {"xs:integer", "xs:int", "xs:long", "xs:short", "xs:byte", "xs:unsignedInt", "xs:unsignedLong",
         "xs:unsignedShort", "xs:unsignedByte", "xs:nonNegativeInteger", "xs:positiveInteger"}  # fmt: skip
_WRITE = re.compile(r"([^\s()=]+)\s*=\s*(.+)")
_CALL = re.compile(r"([^\s()=]+)\s*\((.*)\)")
_OPERAND = re.compile(r'\s*(?:"([^"]*)"|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|([A-Za-z]\w*))\s*(?:,|$)')
_HOW = 'Write one step a line: path = value, or path(value, …); a value is 5, true, "text" or the name of an input.'


@dataclass(frozen=True, slots=True)
class Argument:
    """A value of a step: an input argument by its name, or a constant."""

    name: str = ""
    constant: Value = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One write, or one call."""

    path: PlantPath
    arguments: tuple[Argument, ...]
    calls: bool = False


def extension(element: Json, name: str) -> str:
    """The value of an element's extension; '' without it."""
    found = (one.get("value") for one in element.get("extensions") or () if one.get("name") == name)
    return str(next(found, None) or "")


def steps_of(operation: Json) -> tuple[Step, ...]:
    """The steps of an operation element; none when no machine is behind it, Invalid when they are wrongly written."""
    written = [line.strip() for line in extension(operation, STEPS).splitlines() if line.strip()]
    if len(written) > MOST_STEPS:
        raise Invalid(f"An operation has at most {MOST_STEPS} steps, not {len(written)}.")
    return tuple(_step(line) for line in written) or tuple(_bound(operation))


def within_limits(declared: Json, value: Value) -> Value:
    """The value of an input argument itself; Invalid when it is not between what its declaration says."""
    said = {name: text for name in (LOW, HIGH) if (text := extension(declared, name))}
    if not said or isinstance(value, str):
        return value
    try:
        low, high = float(said.get(LOW, "-inf")), float(said.get(HIGH, "inf"))
    except ValueError as error:
        raise Invalid(f"The limits of {declared.get('idShort')} are no numbers: {said}.") from error
    if not low <= float(value) <= high:
        unit = f" {unit}" if (unit := extension(declared, UNIT)) else ""
        name = declared.get("idShort")
        raise Invalid(
            f"{float(value):g}{unit} is outside the range of {name}.", hint=f"Give a value from {low:g} to {high:g}."
        )
    return value


def inputs_of(operation: Json) -> Iterator[Json]:
    """The declared input arguments."""
    for one in operation.get("inputVariables") or ():
        yield one.get("value") or {}


def outputs_of(operation: Json) -> Sequence[Json]:
    """The declared output arguments."""
    return [one.get("value") or {} for one in operation.get("outputVariables") or ()]


def _bound(operation: Json) -> Iterator[Step]:
    for one in inputs_of(operation):
        if series := extension(one, SERIES):
            yield Step(path=PlantPath.parse(series), arguments=(Argument(str(one.get("idShort", ""))),))


def _step(line: str) -> Step:
    if found := _CALL.fullmatch(line):
        return Step(path=PlantPath.parse(found[1]), arguments=tuple(_arguments(line, found[2])), calls=True)
    if found := _WRITE.fullmatch(line):
        arguments = tuple(_arguments(line, found[2]))
        if len(arguments) == 1:
            return Step(path=PlantPath.parse(found[1]), arguments=arguments)
    raise Invalid(f"The step {line[:80]!r} is not understood.", hint=_HOW)


def _arguments(line: str, text: str) -> Iterator[Argument]:
    at = 0
    while text[at:].strip():
        found = _OPERAND.match(text, at)
        if found is None:
            raise Invalid(f"The step {line[:80]!r} is not understood at {text[at:].strip()[:20]!r}.", hint=_HOW)
        quoted, number, word = found.groups()
        if quoted is not None:
            yield Argument(constant=quoted)
        elif number is not None:
            yield Argument(constant=float(number))
        else:
            yield Argument(constant=word == "true") if word in ("true", "false") else Argument(word)
        at = found.end()


def plain_of(value_type: str, text: str) -> Value:
    """The lexical value of an xs type as a value of ours."""
    if value_type == "xs:boolean":
        return text in ("true", "1")
    if value_type in ("xs:double", "xs:float", "xs:decimal"):
        return float(text)
    return int(text) if value_type in WHOLE else text
