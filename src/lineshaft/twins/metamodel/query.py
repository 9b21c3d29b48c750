"""The AAS query language (IDTA-01002 3.1): a JSON question read into a frozen tree, bounded in size.

    {"$select": "id", "$condition": {"$eq": [{"$field": "$sm#idShort"}, {"$strVal": "Nameplate"}]}}

Outside `$match` each comparison stands alone: some element fits it. Inside, one and the same element (and list member)
must fit all comparisons that speak of it. Regular expressions are RE2's, which cannot run away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from lineshaft.kernel.errors import Invalid

MOST_PARTS, DEEPEST, LONGEST_TEXT, LONGEST_PATTERN = 500, 30, 4096, 500


class BadQuery(Invalid):
    """A question that is not in the query language, or too large."""

    code = "twins.bad_query"
    default_hint = "See 'AAS query language' in IDTA-01002 3.1."


@dataclass(frozen=True, slots=True)
class Field:
    """`$sme.Motor.List[].Speed#value` is root `sme`, path `("Motor", "List", None, "Speed")`, attribute `("value",)`.

    None in a path or attribute stands for `[]`: any member.
    """

    root: str
    path: tuple[str | int | None, ...]
    attribute: tuple[str | int | None, ...]


@dataclass(frozen=True, slots=True)
class Literal:
    """A value in the question; `kind` is str, num, bool, hex, dateTime or time."""

    kind: str
    value: str | float | bool


@dataclass(frozen=True, slots=True)
class Cast:
    """An operand read as another kind."""

    kind: str
    of: Operand


@dataclass(frozen=True, slots=True)
class Compare:
    """One comparison: `op` is eq, ne, gt, ge, lt, le, contains, starts-with, ends-with or regex."""

    op: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Every:
    """All of these; with `same`, of one element (`$match`)."""

    parts: tuple[Condition, ...]
    same: bool = False


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of these."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The contrary."""

    of: Condition


@dataclass(frozen=True, slots=True)
class Constant:
    """True or false."""

    value: bool


Operand: TypeAlias = Field | Literal | Cast
Condition: TypeAlias = Compare | Every | Some | Not | Constant


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and whether only ids are wanted."""

    condition: Condition
    ids_only: bool = False


_ATTRIBUTES = {
    "aas": r"idShort|id|assetInformation\.(assetKind|assetType|globalAssetId)"
    r"|assetInformation\.specificAssetIds\[\d*\]\.(name|value)|submodels\[\d*\]\.(type|keys\[\d*\]\.(type|value))",
    "sm": r"idShort|id|semanticId(\.type|\.keys\[\d*\]\.(type|value))?",
    "sme": r"idShort|value|valueType|language|semanticId(\.type|\.keys\[\d*\]\.(type|value))?",
    "cd": r"idShort|id",
    "aasdesc": r"idShort|id|assetKind|assetType|globalAssetId|specificAssetIds\[\d*\]\.(name|value)"
    r"|endpoints\[\d*\]\.(interface|protocolInformation\.href)"
    r"|submodelDescriptors\[\d*\]\.(idShort|id|semanticId(\.keys\[\d*\]\.(type|value))?)",
    "smdesc": r"idShort|id|semanticId(\.type|\.keys\[\d*\]\.(type|value))?"
    r"|endpoints\[\d*\]\.(interface|protocolInformation\.href)",
}
ROOTS = {
    "shells": frozenset({"aas", "sm", "sme"}),
    "submodels": frozenset({"aas", "sm", "sme"}),
    "concept-descriptions": frozenset({"cd"}),
    "shell-descriptors": frozenset({"aasdesc", "smdesc"}),
    "submodel-descriptors": frozenset({"smdesc"}),
}
"""Which roots the fields of a question about something may have."""
_FIELD = re.compile(r"\$(aasdesc|smdesc|aas|sme|sm|cd)((?:\.[^\W_][\w-]*(?:\[\d*\])*)*)#(.+)", re.DOTALL)
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d*)\]")
_COMPARISONS = ("eq", "ne", "gt", "ge", "lt", "le")
_TEXTUAL = ("contains", "starts-with", "ends-with", "regex")
_LITERALS = {
    "$strVal": "str",
    "$numVal": "num",
    "$boolean": "bool",
    "$hexVal": "hex",
    "$dateTimeVal": "dateTime",
    "$timeVal": "time",
}
_CASTS = {f"${kind}Cast": kind for kind in ("str", "num", "bool", "hex", "dateTime", "time")}


def parse(body: Any, about: str) -> Question:
    """The question in a body; `about` is what is asked for, such as `submodels`."""
    if not isinstance(body, dict) or "$condition" not in body:
        raise BadQuery("The body is not an object with '$condition'.")
    for name in body:
        if name not in ("$condition", "$select"):
            raise BadQuery(f"{name[:40]!r} is not part of a question.", hint="Use '$condition' and '$select'.")
    select = body.get("$select")
    if select not in (None, "id"):
        raise BadQuery(f"'$select' is {str(select)[:40]!r}; only 'id' can be selected.")
    return Question(_Reader(about).condition(body["$condition"], 0), select == "id")


class _Reader:
    def __init__(self, about: str) -> None:
        self._roots = ROOTS[about]
        self._about = about
        self._left = MOST_PARTS

    def condition(self, told: Any, depth: int) -> Condition:
        name, inner = self._only(told, depth, "condition")
        match name:
            case "$and" | "$match":
                return Every(self._parts(name, inner, depth), same=name == "$match")
            case "$or":
                return Some(self._parts(name, inner, depth))
            case "$not":
                return Not(self.condition(inner, depth + 1))
            case "$boolean" if isinstance(inner, bool):
                return Constant(inner)
        op = name.removeprefix("$")
        if op not in (*_COMPARISONS, *_TEXTUAL) or not name.startswith("$"):
            raise BadQuery(f"{name[:40]!r} is not an operator.")
        if not isinstance(inner, list) or len(inner) != 2:
            raise BadQuery(f"{name} needs a list of two operands.")
        left, right = (self.operand(one, depth + 1) for one in inner)
        if op == "regex":
            check_pattern(right)
        return Compare(op, left, right)

    def _parts(self, name: str, inner: Any, depth: int) -> tuple[Condition, ...]:
        if not isinstance(inner, list) or not inner:
            raise BadQuery(f"{name} needs a list of conditions.")
        return tuple(self.condition(one, depth + 1) for one in inner)

    def operand(self, told: Any, depth: int) -> Operand:
        name, inner = self._only(told, depth, "operand")
        if name == "$field":
            return self._field(inner)
        if name in _CASTS:
            return Cast(_CASTS[name], self.operand(inner, depth + 1))
        if name in _LITERALS:
            return _literal(_LITERALS[name], inner)
        raise BadQuery(f"{name[:40]!r} is not an operand.", hint=f"Use $field, {', '.join(_LITERALS)} or a cast.")

    def _only(self, told: Any, depth: int, what: str) -> tuple[str, Any]:
        self._left -= 1
        if self._left < 0 or depth > DEEPEST:
            raise BadQuery(f"The question has more than {MOST_PARTS} parts or {DEEPEST} levels.")
        if not isinstance(told, dict) or len(told) != 1:
            raise BadQuery(f"{str(told)[:60]!r} is not a {what}: an object with one name.")
        return next(iter(told.items()))

    def _field(self, text: Any) -> Field:
        found = _FIELD.fullmatch(text) if isinstance(text, str) and len(text) <= LONGEST_TEXT else None
        right = found is not None and re.fullmatch(_ATTRIBUTES[found[1]], found[3])
        if found is None or not right or (found[2] and found[1] != "sme"):
            raise BadQuery(f"{str(text)[:80]!r} is not a field.")
        if found[1] not in self._roots:
            roots = ", ".join(f"${root}#" for root in sorted(self._roots))
            raise BadQuery(f"A question about {self._about} has no field {text[:80]!r}.", hint=f"It has {roots}.")
        return Field(found[1], _steps(found[2]), _steps(found[3]))


def _steps(text: str) -> tuple[str | int | None, ...]:
    found = _STEP.finditer(text)
    return tuple(one[1] or (int(one[2]) if one[2] else None) for one in found)


def _literal(kind: str, told: Any) -> Literal:
    wanted = _PYTHON.get(kind, (str,))
    fits = isinstance(told, wanted) and not (kind == "num" and isinstance(told, bool))
    if not fits or not isinstance(told, str | int | float):
        raise BadQuery(f"{str(told)[:60]!r} is not a value of kind {kind}.")
    if isinstance(told, str) and len(told) > LONGEST_TEXT:
        raise BadQuery(f"A text of the question is longer than {LONGEST_TEXT} characters.")
    return Literal(kind, told)


_PYTHON: dict[str, tuple[type, ...]] = {"num": (int, float), "bool": (bool,)}


def check_pattern(pattern: Operand) -> None:
    """BadQuery unless the operand is a regular expression that RE2 knows."""
    if not isinstance(pattern, Literal) or not isinstance(pattern.value, str) or len(pattern.value) > LONGEST_PATTERN:
        raise BadQuery(f"The second operand of $regex is not a pattern of at most {LONGEST_PATTERN} characters.")
    try:
        matches(pattern.value, "")
    except pa.ArrowInvalid as error:
        raise BadQuery(
            f"{pattern.value[:80]!r} is not a regular expression of RE2.",
            hint="Look-around and back-references are not possible.",
        ) from error


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern occurs in a text, in time linear in both."""
    return bool(pc.match_substring_regex(pa.scalar(text), pattern=pattern).as_py())


def roots_of(condition: Condition | Operand) -> frozenset[str]:
    """The roots of all fields in a condition."""
    match condition:
        case Field(root):
            return frozenset({root})
        case Compare(_, left, right):
            return roots_of(left) | roots_of(right)
        case Every(parts) | Some(parts):
            return frozenset().union(*map(roots_of, parts))
        case Not(of) | Cast(_, of):
            return roots_of(of)
    return frozenset()
