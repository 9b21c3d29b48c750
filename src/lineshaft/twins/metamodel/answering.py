"""Decides whether a document answers a question of the query language.

A field leads to many instances: `$sme.List[].Speed#value` to one for each member of the list. Each instance knows what
it bound on its way (the member of the list, the element, the submodel); a `$match` holds when instances of all its
fields agree on what they bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any, TypeAlias

from . import paths, references
from .kinds import MULTI_LANGUAGE, Json, children, kind_of
from .query import BadQuery, Cast, Compare, Condition, Constant, Every, Field, Literal, Not, Operand, Some, matches

Binding: TypeAlias = Mapping[str, object]
MOST_STEPS = 200_000
"""Instances looked at for one document."""
_NUMERIC = frozenset({
    "xs:double", "xs:float", "xs:decimal", "xs:integer", "xs:int", "xs:long", "xs:short", "xs:byte", "xs:unsignedLong",
    "xs:unsignedInt", "xs:unsignedShort", "xs:unsignedByte", "xs:positiveInteger", "xs:nonNegativeInteger",
    "xs:negativeInteger", "xs:nonPositiveInteger",
})  # fmt: skip


@dataclass(slots=True)
class Scope:
    """What the fields of one evaluation look at; each group is one root's documents."""

    documents: Mapping[str, Sequence[Json]]
    """Root (aas, sm, cd, aasdesc, smdesc) -> documents; `sme` looks into those of `sm`."""
    _steps: int = 0
    _known: dict[Field, list[tuple[Binding, Any, str]]] = field(default_factory=dict)

    def holds(self, condition: Condition) -> bool:
        """Whether the condition holds here."""
        match condition:
            case Constant(value):
                return value
            case Not(of):
                return not self.holds(of)
            case Some(parts):
                return any(self.holds(part) for part in parts)
            case Every(parts, same=False):
                return all(self.holds(part) for part in parts)
        return any(True for _ in self._solutions(condition, {}))

    def _solutions(self, condition: Condition, bound: Binding) -> Iterator[Binding]:
        """The ways to satisfy a condition that agree with what is bound already."""
        match condition:
            case Constant(value):
                yield from (bound,) if value else ()
            case Not(of):
                if next(self._solutions(of, bound), None) is None:
                    yield bound
            case Some(parts):
                for part in parts:
                    yield from self._solutions(part, bound)
            case Every(parts):
                yield from self._chain(parts, bound)
            case Compare():
                yield from self._compared(condition, bound)

    def _chain(self, parts: Sequence[Condition], bound: Binding) -> Iterator[Binding]:
        if not parts:
            yield bound
            return
        for binding in self._solutions(parts[0], bound):
            yield from self._chain(parts[1:], binding)

    def _compared(self, asked: Compare, bound: Binding) -> Iterator[Binding]:
        for left_bound, left, left_type in self._instances(asked.left):
            if not _agree(left_bound, bound):
                continue
            for right_bound, right, right_type in self._instances(asked.right):
                self._steps += 1
                if self._steps > MOST_STEPS:
                    raise BadQuery("The question is too complex for a document of this size.", hint="Ask for less.")
                both = {**bound, **left_bound}
                if _agree(right_bound, both) and compare(asked.op, left, left_type, right, right_type):
                    yield {**both, **right_bound}

    def _instances(self, operand: Operand) -> Sequence[tuple[Binding, Any, str]]:
        if isinstance(operand, Literal):
            return [({}, operand.value, operand.kind)]
        if isinstance(operand, Cast):
            return [(bound, cast(operand.kind, value), operand.kind) for bound, value, _ in self._instances(operand.of)]
        if operand not in self._known:
            self._known[operand] = list(self._found(operand))
        return self._known[operand]

    def _found(self, asked: Field) -> Iterator[tuple[Binding, Any, str]]:
        root = "sm" if asked.root == "sme" else asked.root
        for number, document in enumerate(self.documents.get(root, ())):
            bound: Binding = {root: number}
            if asked.root == "sme":
                for below, element in _elements(document, asked.path, bound):
                    yield from _values_of(element, asked.attribute, below)
            else:
                yield from _attributes(document, asked.attribute, bound, f"{root}#")


def _agree(one: Binding, other: Binding) -> bool:
    return all(other.get(name, value) == value for name, value in one.items())


def _elements(submodel: Json, path: tuple[str | int | None, ...], bound: Binding) -> Iterator[tuple[Binding, Json]]:
    if not path:
        for place, element in paths.walk(submodel):
            yield {**bound, "sme": place}, element
        return
    yield from _below(submodel, path, bound, "")


def _below(
    parent: Json, path: tuple[str | int | None, ...], bound: Binding, shape: str
) -> Iterator[tuple[Binding, Json]]:
    if not path:
        yield {**bound, f"element {shape}": id(parent)}, parent
        return
    step, rest = path[0], path[1:]
    for index, child in enumerate(children(parent)):
        if isinstance(step, str):
            if child.get("idShort") == step:
                yield from _below(child, rest, bound, f"{shape}.{step}")
        elif step is None or step == index:
            below = {**bound, f"member {shape}": index} if step is None else bound
            yield from _below(child, rest, below, f"{shape}[{'' if step is None else step}]")


def _values_of(element: Json, attribute: tuple[Any, ...], bound: Binding) -> Iterator[tuple[Binding, Any, str]]:
    name = attribute[0]
    if name in ("value", "language") and kind_of(element) == MULTI_LANGUAGE:
        for index, one in enumerate(element.get("value") or ()):
            told = one.get("text" if name == "value" else "language")
            yield {**bound, f"language {id(element)}": index}, told, "str"
    elif name == "value":
        value = element.get("value")
        if isinstance(value, str):
            yield bound, value, element.get("valueType", "str")
    else:
        yield from _attributes(element, attribute, bound, f"{id(element)}#")


def _attributes(
    thing: Any, attribute: tuple[Any, ...], bound: Binding, name: str
) -> Iterator[tuple[Binding, Any, str]]:
    if not attribute:
        value = references.semantic(thing) if isinstance(thing, dict) else thing
        if isinstance(value, str) and value:
            yield bound, value, "str"
        return
    step, rest = attribute[0], attribute[1:]
    if isinstance(step, str):
        if isinstance(thing, dict) and step in thing:
            yield from _attributes(thing[step], rest, bound, f"{name}.{step}")
    elif isinstance(thing, list):
        for index, one in enumerate(thing):
            if step is None or step == index:
                below = {**bound, f"member {name}": index} if step is None else bound
                yield from _attributes(one, rest, below, f"{name}[]")


# ---- comparing ----


def compare(op: str, left: Any, left_type: str, right: Any, right_type: str) -> bool:
    """Whether two values stand in a relation; values of kinds that do not go together stand in none."""
    if left is None or right is None:
        return False
    if op in ("contains", "starts-with", "ends-with", "regex"):
        return isinstance(left, str) and isinstance(right, str) and _textual(op, left, right)
    kind = _common(left_type, right_type)
    one, other = cast(kind, left), cast(kind, right)
    if one is None or other is None:
        return False
    match op:
        case "eq":
            return bool(one == other)
        case "ne":
            return bool(one != other)
        case "gt":
            return bool(one > other)
        case "ge":
            return bool(one >= other)
        case "lt":
            return bool(one < other)
    return bool(one <= other)


def _textual(op: str, left: str, right: str) -> bool:
    match op:
        case "contains":
            return right in left
        case "starts-with":
            return left.startswith(right)
        case "ends-with":
            return left.endswith(right)
    return matches(right, left)


def _common(left: str, right: str) -> str:
    """The kind two values are compared as: what a literal says, as far as the other side is of that kind."""
    for one, other in ((left, right), (right, left)):
        if one == "num":
            return "num" if other == "num" or other in _NUMERIC else "none"
        if one in ("bool", "hex", "dateTime", "time"):
            return one
    return "num" if left in _NUMERIC and right in _NUMERIC else "str"


def cast(kind: str, value: Any) -> Any:
    """A value as another kind; None when it cannot be."""
    if value is None:
        return None
    text = str(value).lower() if isinstance(value, bool) else str(value)
    try:
        match kind:
            case "str":
                return text
            case "num":
                return None if isinstance(value, bool) else float(text)
            case "bool":
                return {"true": True, "1": True, "false": False, "0": False}.get(text.strip().lower())
            case "hex":
                return int(text.removeprefix("16#"), 16)
            case "dateTime":
                told = datetime.fromisoformat(text.strip())
                return told if told.tzinfo else told.replace(tzinfo=UTC)
            case "time":
                return time.fromisoformat(text.strip()).replace(tzinfo=None)
    except ValueError:
        return None
    return None
