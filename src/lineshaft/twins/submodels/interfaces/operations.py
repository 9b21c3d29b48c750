"""Described actions as Operation elements of a twin, so that they are asked for like every other operation.

Each has one step: a write to the tag, or a call of the method, that the connection was given for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lineshaft.kernel.errors import Invalid
from lineshaft.twins.metamodel.kinds import OPERATION, PROPERTY, Json
from lineshaft.twins.model.shell import id_short
from lineshaft.twins.model.steps import HIGH, LOW, STEPS, UNIT

from .acting import Doing
from .reading import Argument

_TYPES = {"integer": "xs:long", "boolean": "xs:boolean", "string": "xs:string"}


def operations_of(doings: Sequence[Doing], root: str) -> list[Json]:
    """The operations of a connection whose tags and methods stand below `root`, a whole path of the plant."""
    return [_operation(one, root) for one in doings]


def operand(argument: Argument) -> str:
    """How a step names an argument: a constant as it is, anything else by its name."""
    text = argument.constant
    if not text:
        return argument.name
    if argument.type == "boolean":
        return "true" if text in ("true", "1") else "false"
    if argument.type == "string":
        if '"' in text:
            raise Invalid(f"The constant {text[:40]!r} holds a quotation mark, which a step cannot have.")
        return f'"{text}"'
    try:
        return repr(float(text))
    except ValueError as error:
        raise Invalid(f"The constant {text[:40]!r} is no number.") from error


def _operation(doing: Doing, root: str) -> Json:
    action, given = doing.action, [operand(one) for one in doing.given]
    place = f"{root}/{doing.place}"
    step = f"{place}({', '.join(given)})" if doing.method else f"{place} = {given[0]}"
    made: Json = {
        "modelType": OPERATION,
        "idShort": id_short(action.name),
        "extensions": [{"name": STEPS, "value": step}],
        "inputVariables": [{"value": _variable(one)} for one in action.asked],
        "outputVariables": [{"value": _variable(one)} for one in action.outputs if doing.method],
    }
    if action.title:
        made["displayName"] = [{"language": "en", "text": action.title[:128]}]
    return {name: value for name, value in made.items() if value}


def _variable(argument: Argument) -> Json:
    made: Json = {
        "modelType": PROPERTY,
        "idShort": id_short(argument.name),
        "valueType": _TYPES.get(argument.type, "xs:double"),
    }
    extensions = list(_extensions(argument))
    return {**made, "extensions": extensions} if extensions else made


def _extensions(argument: Argument) -> Iterator[Json]:
    for name, value in ((UNIT, argument.unit), (LOW, argument.low), (HIGH, argument.high)):
        if value not in ("", None):
            yield {"name": name, "value": str(value)}
