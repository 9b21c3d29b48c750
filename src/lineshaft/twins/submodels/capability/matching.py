"""Decides whether an offered capability meets a required one, and says why not.

IDTA 02020 describes capabilities and defines no matching; this is the rule of the platform. R is met by O when

1. a semantic id of O is one of R, or leads to one over `CapabilityGeneralizedBy`;
2. every property of R has a property of O with the same semantic id whose range or list holds it, units converted;
3. every condition of O that must hold beforehand does;
4. if R is composed, in one of the ways every part is met by some offer.

What cannot be judged (a condition in OCL, say) counts as not met, and the reason says so.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lineshaft.twins.submodels.units import BadUnit, convert

from .reading import Capability, Condition, Role, Trait, more_general

_TINY = 1e-9
_DEEPEST = 32
_RULE = re.compile(r"\s*(<=|>=|==|!=|<|>|=|in)\s*(\{.*\}|\S+)\s*(\S*)\s*", re.DOTALL)
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why an offer falls short, and in which property, condition or part."""

    about: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """The verdict on one offer."""

    offer: Capability
    reasons: tuple[Reason, ...] = ()

    @property
    def fits(self) -> bool:
        return not self.reasons


def rank(required: Capability, offers: Sequence[Capability]) -> list[Fit]:
    """A verdict on every offer, those that fit first, then those that fall short in less."""
    verdicts = [fit(required, offer, offers) for offer in offers if offer.role is not Role.REQUIRED]
    return sorted(verdicts, key=lambda one: (len(one.reasons), one.offer.key))


def fit(required: Capability, offer: Capability, offers: Sequence[Capability] = ()) -> Fit:
    """Whether one offer meets the requirement; `offers` are those that may do its parts."""
    general = more_general((*offers, offer))
    return Fit(offer=offer, reasons=tuple(_shortfalls(required, offer, offers, general, 0)))


def _shortfalls(
    required: Capability,
    offer: Capability,
    offers: Sequence[Capability],
    general: Mapping[str, frozenset[str]],
    depth: int,
) -> list[Reason]:
    if not required.means & _reached(offer, general):
        wanted = min(required.means, default=required.name)
        return [Reason(about=required.name, text=f"{offer.name} is not {wanted}, nor a special case of it")]
    found = [reason for trait in required.traits if (reason := _trait(trait, offer))]
    found += [r for c in offer.conditions if c.before and (r := _condition(c, required, offer))]
    return found + _parts(required, offers, general, depth)


def _reached(offer: Capability, general: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Everything the offer is, over any number of generalisations."""
    seen: set[str] = set()
    waiting = [*offer.means, offer.key]
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting += general.get(one, frozenset())
    return frozenset(seen)


def _trait(wanted: Trait, offer: Capability) -> Reason | None:
    there = [one for one in offer.traits if one.same_as(wanted)]
    if not there:
        return Reason(about=wanted.name, text=f"the offer says nothing of {wanted.name}")
    texts = [_outside(wanted, one) for one in there]
    return None if not all(texts) else Reason(about=wanted.name, text=texts[0])


def _outside(wanted: Trait, offered: Trait) -> str:
    """Why the offer does not hold what is wanted; empty when it does."""
    try:
        held = _holds(wanted, offered)
    except BadUnit as error:
        return f"{wanted.name}: {error.message}"
    return "" if held else f"{wanted.name}: {_shown(wanted)} is not within {_shown(offered)}"


def _holds(wanted: Trait, offered: Trait) -> bool:
    if wanted.is_span and offered.is_span:
        low, high = (_in_unit(end, wanted, offered) for end in (wanted.low, wanted.high))
        slack = _TINY * max(1.0, abs(low) if math.isfinite(low) else 0.0, abs(high) if math.isfinite(high) else 0.0)
        return offered.low - slack <= low and high <= offered.high + slack
    if wanted.is_span:
        numbers = [number for text in offered.options if (number := _as_number(text)) is not None]
        return wanted.low == wanted.high and any(_near(_in_unit(wanted.low, wanted, offered), n) for n in numbers)
    if offered.is_span:
        numbers = [n for text in wanted.options if (n := _as_number(text)) is not None]
        inside = [offered.low <= _in_unit(n, wanted, offered) <= offered.high for n in numbers]
        return len(numbers) == len(wanted.options) > 0 and all(inside)
    there = {text.casefold() for text in offered.options}
    return bool(wanted.options) and all(text.casefold() in there for text in wanted.options)


def _in_unit(number: float, wanted: Trait, offered: Trait) -> float:
    """Without a unit on one side both are taken to mean the same."""
    if not math.isfinite(number) or not wanted.unit or not offered.unit:
        return number
    return convert(number, wanted.unit, offered.unit)


def _as_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _near(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_TINY, abs_tol=_TINY)


def _shown(trait: Trait) -> str:
    unit = f" {trait.unit}" if trait.unit else ""
    if not trait.is_span:
        return ", ".join(trait.options) + unit or "nothing"
    if trait.low == trait.high:
        return f"{trait.low:g}{unit}"
    return f"{trait.low:g} to {trait.high:g}{unit}"


def _condition(condition: Condition, required: Capability, offer: Capability) -> Reason | None:
    found = _RULE.fullmatch(condition.rule)
    if found is None:
        what = repr(condition.rule) if condition.rule else f"in the form {condition.kind}"
        return Reason(about=condition.name, text=f"the condition {condition.name} is {what}, which is not judged")
    spoken = [one for one in offer.traits if one.name in condition.on]
    wanted = [trait for trait in required.traits if any(trait.same_as(one) for one in spoken)]
    for trait in wanted:
        if not _obeys(trait, found[1], found[2], found[3]):
            text = f"{trait.name}: {_shown(trait)} breaks the condition {condition.rule.strip()!r}"
            return Reason(about=condition.name, text=text)
    return None


def _obeys(trait: Trait, sign: str, value: str, unit: str) -> bool:
    options = tuple(part.strip().strip("\"'") for part in value.strip("{}").split(","))
    if sign in ("in", "==", "=", "!="):
        held = not _outside(trait, _choice(trait, options, unit))
        return held if sign != "!=" else not held
    limit = _as_number(value)
    if limit is None or not trait.is_span:
        return False
    limit = convert(limit, unit, trait.unit) if unit and trait.unit else limit
    return _COMPARE[sign](trait.low, limit) and _COMPARE[sign](trait.high, limit)


def _choice(trait: Trait, options: tuple[str, ...], unit: str) -> Trait:
    return Trait(name=trait.name, options=options, unit=unit or trait.unit)


def _parts(
    required: Capability, offers: Sequence[Capability], general: Mapping[str, frozenset[str]], depth: int
) -> list[Reason]:
    """Nothing when in one way every part is met; else what the best way lacks."""
    if not required.ways or depth >= _DEEPEST:
        return []
    by_key = {one.key: one for one in offers}
    lacks = [[r for key in way if (r := _part(by_key.get(key), key, offers, general, depth))] for way in required.ways]
    return min(lacks, key=len)


def _part(
    part: Capability | None, key: str, offers: Sequence[Capability], general: Mapping[str, frozenset[str]], depth: int
) -> Reason | None:
    if part is None:
        return Reason(about=key, text=f"the part {key!r} is not described")
    doers = [one for one in offers if one.role is Role.OFFERED]
    if any(not _shortfalls(part, one, offers, general, depth + 1) for one in doers):
        return None
    return Reason(about=part.name, text=f"nobody offers the part {part.name}")
