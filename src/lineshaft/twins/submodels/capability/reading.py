"""Reads capability descriptions into nouns: role, properties, conditions, generalisations, compositions.

    CapabilitySet / CapabilityContainer
        Capability            its semantic ids say what is done, its qualifier who needs or offers it
        PropertySet           one container per property: a value, a range or a list
        CapabilityRelations   GeneralizedBySet, ComposedOfSet, ConstraintSet

A property's unit stands in its IEC 61360 data specification, or comes from the concept description of its id.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lineshaft.twins.metamodel.kinds import CAPABILITY, LIST, PROPERTY, RANGE, RELATIONSHIP, Json, children, kind_of
from lineshaft.twins.metamodel.references import semantics
from lineshaft.twins.submodels.errors import BadSubmodel

_GENERIC = ("https://admin-shell.io/idta/Capability", "https://admin-shell.io/idta/CapabilityDescription/")


class Role(StrEnum):
    """Who speaks: the one who needs it, the one who can do it, or nobody yet."""

    REQUIRED = "Required"
    OFFERED = "Offered"
    NOT_ASSIGNED = "NotAssigned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trait:
    """A property of a capability: numbers from `low` to `high`, or a choice of values."""

    name: str
    means: frozenset[str] = frozenset()
    low: float = math.nan
    high: float = math.nan
    options: tuple[str, ...] = ()
    unit: str = ""

    @property
    def is_span(self) -> bool:
        return not math.isnan(self.low)

    def same_as(self, other: Trait) -> bool:
        """Whether both speak of one property: by semantic id, or by name when neither has any."""
        if self.means or other.means:
            return bool(self.means & other.means)
        return self.name.casefold() == other.name.casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition on some properties; `rule` is empty when it is written in a form that is not judged."""

    name: str
    rule: str
    on: tuple[str, ...]
    kind: str = "BasicConstraint"
    before: bool = True
    """Whether it must hold beforehand: `Pre`, `Invariant` and their combinations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """One capability container."""

    key: str
    """`<submodel id>#<idShortPath>` of the Capability element."""
    name: str
    role: Role
    means: frozenset[str]
    traits: tuple[Trait, ...] = ()
    conditions: tuple[Condition, ...] = ()
    general: frozenset[str] = frozenset()
    """Meanings and keys of more general capabilities, one level up."""
    ways: tuple[tuple[str, ...], ...] = ()
    """Each way to compose it: the keys of its parts."""


def capabilities_of(submodel: Json, concepts: Iterable[Json] = ()) -> list[Capability]:
    """Every capability of a submodel; BadSubmodel when one plays several roles."""
    units = {concept["id"]: unit for concept in concepts if (unit := _unit(concept))}
    found = []
    for path, container in _all(submodel, "CapabilityContainer", ""):
        found += [
            _capability(submodel, path, container, one, units)
            for one in children(container)
            if kind_of(one) == CAPABILITY
        ]
    return found


def more_general(capabilities: Iterable[Capability]) -> dict[str, frozenset[str]]:
    """Meaning or key -> what is one level more general, over all these capabilities."""
    found: dict[str, frozenset[str]] = {}
    for one in capabilities:
        for name in (*one.means, one.key):
            found[name] = found.get(name, frozenset()) | one.general
        found[one.key] = found[one.key] | one.means
    return found


def _capability(submodel: Json, path: str, container: Json, said: Json, units: Mapping[str, str]) -> Capability:
    relations = [one for _, one in _all(container, "CapabilityRelations", "")]
    general = _targets(relations, "GeneralizedBySet", "CapabilityGeneralizedBy")
    return Capability(
        key=f"{submodel.get('id')}#{path}.{said.get('idShort')}",
        name=str(said.get("idShort", "")),
        role=_role(said),
        means=_own(said),
        traits=tuple(trait for _, box in _all(container, "PropertyContainer", "") for trait in _traits(box, units)),
        conditions=tuple(_conditions(relations)),
        general=frozenset(target for way in general for target in way),
        ways=tuple(_targets(relations, "ComposedOfContainer", "CapabilityComposedOf")),
    )


def _role(said: Json) -> Role:
    played = [
        role
        for role in Role
        for q in said.get("qualifiers") or ()
        if q.get("type") == role and str(q.get("value", "true")).strip().lower() not in ("false", "0")
    ]
    if len(set(played)) > 1:
        raise BadSubmodel(f"The capability {said.get('idShort')!r} is {' and '.join(played)} at once.")
    return played[0] if played else Role.NOT_ASSIGNED


def _own(said: Json) -> frozenset[str]:
    """The semantic ids that say more than that it is a capability or a property."""
    return frozenset(one for one in semantics(said) if not one.startswith(_GENERIC))


def _is(said: Json, word: str) -> bool:
    return any(f"/{word}/" in one for one in semantics(said))


def _all(root: Json, word: str, path: str) -> Iterator[tuple[str, Json]]:
    """Every collection of that kind below, with its path; it is not looked into further."""
    for child in children(root):
        place = f"{path}.{child.get('idShort')}".removeprefix(".")
        if _is(child, word):
            yield place, child
        else:
            yield from _all(child, word, place)


def _traits(box: Json, units: Mapping[str, str]) -> Iterator[Trait]:
    for said in children(box):
        if kind_of(said) not in (PROPERTY, RANGE, LIST) or _is(said, "PropertyComment"):
            continue
        means = _own(said) | _own(box)
        unit = _unit(said) or next((units[one] for one in means if one in units), "")
        name = str(box.get("idShort") or said.get("idShort"))
        low, high, options = _values(said)
        yield Trait(name=name, means=means, low=low, high=high, options=options, unit=unit)


def _values(said: Json) -> tuple[float, float, tuple[str, ...]]:
    if kind_of(said) == RANGE:
        return _number(said.get("min"), -math.inf), _number(said.get("max"), math.inf), ()
    if kind_of(said) == LIST:
        return math.nan, math.nan, tuple(str(one["value"]) for one in children(said) if one.get("value") is not None)
    number = _number(said.get("value"), math.nan)
    options = () if not math.isnan(number) or said.get("value") is None else (str(said["value"]),)
    return number, number, options


def _number(text: Any, otherwise: float) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        return otherwise


def _unit(said: Json) -> str:
    for one in said.get("embeddedDataSpecifications") or ():
        if unit := (one.get("dataSpecificationContent") or {}).get("unit"):
            return str(unit)
    return ""


def _targets(relations: list[Json], group: str, word: str) -> list[tuple[str, ...]]:
    """What the relations of a kind point at, group by group."""
    groups = [box for relation in relations for _, box in _all(relation, group, "")]
    return [
        tuple(_target(one.get("second")) for one in children(box) if kind_of(one) == RELATIONSHIP and _is(one, word))
        for box in groups
    ]


def _target(reference: Any) -> str:
    """A meaning for an external reference, submodel id and path for a model reference."""
    keys = (reference or {}).get("keys") or [{"value": ""}]
    if keys[0].get("type") != "Submodel":
        return str(keys[-1]["value"]).strip()
    return f"{keys[0]['value']}#{'.'.join(str(key['value']) for key in keys[1:])}"


def _conditions(relations: list[Json]) -> Iterator[Condition]:
    for relation in relations:
        for _, box in _all(relation, "PropertyConstraintContainer", ""):
            by_word = {word: one for one in children(box) for word in _WORDS if _is(one, word)}
            kind = str(by_word.get("ConstraintType", {}).get("value") or "BasicConstraint")
            when = str(by_word.get("PropertyConditionalType", {}).get("value") or "Pre")
            yield Condition(
                name=str(box.get("idShort", "")),
                rule=str(by_word.get("BasicConstraint", {}).get("value") or "") if kind == "BasicConstraint" else "",
                on=tuple(_properties(by_word.get("ConstraintPropertyRelations", {}))),
                kind=kind,
                before="pre" in when.lower() or "invariant" in when.lower(),
            )


_WORDS = ("BasicConstraint", "ConstraintType", "PropertyConditionalType", "ConstraintPropertyRelations")


def _properties(relations: Json) -> Iterator[str]:
    """The idShorts of the property containers the condition points at."""
    for one in children(relations):
        keys = (one.get("second") or {}).get("keys") or []
        if len(keys) >= 2:
            yield str(keys[-2]["value"])
