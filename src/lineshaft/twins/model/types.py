"""Asset types: which properties a kind of machine has, and how to see that it runs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import Kind, PlantPath, Value
from lineshaft.twins.errors import BadTwin

from .interlocks import parse_interlock

Words: TypeAlias = dict[str, str]
"""A text by language: `{"en": "Pump", "zh": "泵"}`."""

MOST_PROPERTIES = 500


def say(words: Words, language: str = "en") -> str:
    """The text in a language, else in English, else in any; empty without one."""
    return words.get(language) or words.get("en") or next(iter(words.values()), "")


def called(words: Words, name: str, language: str = "en") -> str:
    """What people call a thing: its title, else its name in plain words (`motor-speed` is Motor speed)."""
    spoken = re.sub(r"[-_]+", " ", name).strip() or name
    return say(words, language) or spoken[:1].upper() + spoken[1:]


class Activity(StrEnum):
    """Whether a machine works."""

    RUNNING = "running"
    STOPPED = "stopped"
    FAULTED = "faulted"
    """Stopped, and says itself that something is wrong."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """One thing that can be known about an asset. `unit` is UCUM; low..high is its normal range."""

    name: str
    title: Words = field(default_factory=dict)
    kind: Kind = Kind.NUMBER
    unit: str = ""
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()
    """Names of an enumeration; a number n means the n-th of them, counted from 0."""
    writable: bool = False
    interlock: str = ""
    """What must hold before it is written, such as `speed = 0 and guard-closed`; empty for nothing."""
    alarm: bool = False
    """Whether its being true calls for attention."""
    description: Words = field(default_factory=dict)
    stale_after_s: float | None = None
    """When this value counts as stale; None follows the plant's setting."""
    also: tuple[str, ...] = ()
    """Other names under which makers offer it; used to match, never shown."""

    @property
    def measured(self) -> bool:
        """Whether it is a quantity that goes up and down: a number with a unit that nobody sets or sums up."""
        summed = self.unit in ("h", "kW.h", "MW.h", "W.h")
        return self.kind is Kind.NUMBER and bool(self.unit) and not self.writable and not summed

    def label(self, value: Value | None) -> Value | None:
        """The value as people read it: enumerations by name, truth as truth, integers whole."""
        if value is None or isinstance(value, str):
            return value
        if self.kind is Kind.BOOLEAN:
            return bool(value)
        if self.kind is Kind.ENUM and self.values and float(value).is_integer() and 0 <= value < len(self.values):
            return self.values[int(value)]
        whole = self.kind in (Kind.INTEGER, Kind.ENUM) and float(value).is_integer()
        return int(value) if whole else value

    def outside(self, value: Value | None) -> bool:
        """Whether a number lies out of the normal range."""
        if isinstance(value, str | bool) or value is None:
            return False
        return (self.low is not None and value < self.low) or (self.high is not None and value > self.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """How to see that a machine works: a property above a limit, or among some words."""

    property: str
    above: float | None = None
    among: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    """Words by which the machine says that it has a fault."""

    def judge(self, shown: Value | None) -> Activity:
        """What a value says, after `Property.label`."""
        if shown is None:
            return Activity.UNKNOWN
        word = str(shown).casefold()
        if word in (fault.casefold() for fault in self.faults):
            return Activity.FAULTED
        if self.among:
            works = word in (name.casefold() for name in self.among)
        elif isinstance(shown, str):
            return Activity.UNKNOWN
        else:
            works = float(shown) > (self.above or 0.0)
        return Activity.RUNNING if works else Activity.STOPPED


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetType:
    """A kind of machine. `library` types come with the platform; an organisation may have its own version."""

    name: str
    title: Words = field(default_factory=dict)
    description: Words = field(default_factory=dict)
    icon: str = ""
    properties: tuple[Property, ...] = ()
    running: Running | None = None
    also: tuple[str, ...] = ()
    """Words in a machine's name that speak for this type."""
    library: bool = False
    version: int = 0

    def find(self, name: str) -> Property | None:
        return next((p for p in self.properties if p.name == name), None)


def check_type(kind: AssetType) -> AssetType:
    """The type itself, or BadTwin saying what contradicts what."""
    check_name(kind.name, "The type name")
    check_properties(kind.properties, f"the type {kind.name!r}")
    if kind.running is not None and kind.find(kind.running.property) is None:
        raise BadTwin(
            f"The type {kind.name!r} runs by its property {kind.running.property!r}, which it does not have.",
            hint=f"It has: {', '.join(p.name for p in kind.properties) or 'none'}.",
        )
    return kind


def check_properties(properties: Iterable[Property], where: str) -> None:
    """Raise BadTwin naming the first property that cannot be."""
    seen: set[str] = set()
    for prop in properties:
        check_name(prop.name, f"A property name of {where}")
        if prop.name in seen:
            raise BadTwin(f"The property {prop.name!r} of {where} is given twice.", hint="Rename or remove one.")
        seen.add(prop.name)
        _check_property(prop, where)
    if len(seen) > MOST_PROPERTIES:
        raise BadTwin(f"{where} has {len(seen)} properties; at most {MOST_PROPERTIES} are possible.")


def _check_property(prop: Property, where: str) -> None:
    place = f"The property {prop.name!r} of {where}"
    if prop.low is not None and prop.high is not None and prop.low > prop.high:
        raise BadTwin(f"{place} has a range from {prop.low:g} to {prop.high:g}.", hint="Swap low and high.")
    if prop.kind in (Kind.TEXT, Kind.BOOLEAN) and (prop.low is not None or prop.high is not None):
        raise BadTwin(f"{place} is {prop.kind.value} and cannot have a range.", hint="Remove low and high.")
    if any(c.isspace() for c in prop.unit) or len(prop.unit) > 32:
        raise BadTwin(f"{place} has the unit {prop.unit!r}.", hint="Write it in UCUM: Cel, bar, kW, {bottles}/min.")
    if len(set(prop.values)) != len(prop.values):
        raise BadTwin(f"{place} names a value of its enumeration twice.")
    _check_interlock(prop, place)
    if prop.stale_after_s is not None and prop.stale_after_s <= 0:
        raise BadTwin(f"{place} is stale after {prop.stale_after_s:g} s.", hint="Give a span above zero, or none.")


def _check_interlock(prop: Property, place: str) -> None:
    try:
        parse_interlock(prop.interlock)
    except Invalid as error:
        raise BadTwin(f"{place} has a wrong interlock. {error.message}", hint=error.hint) from error


def check_name(name: str, what: str) -> str:
    """The name, when it can be one part of a path; otherwise BadTwin."""
    try:
        PlantPath.parse(name.replace("/", " "))
    except Invalid as error:
        raise BadTwin(
            f"{what} {name!r} is not allowed.",
            hint="Use 1 to 64 characters without blanks, dots, slashes, quotes or * > + # $.",
        ) from error
    return name
