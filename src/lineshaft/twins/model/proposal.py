"""Guesses a tree of twins from the paths of series: `…/filler/speed` is the property speed of a filler.

The last part of a path is a property, the one before it the machine, those above it the levels by
depth. A machine that looks like a type of the library is given that type. A careful guess (for
adoption without asking) believes only what it was told: names that are equal, units that were given or
stand in the name. A bold one (for people who look before they accept) also believes synonyms and
takes units from the type.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from lineshaft.kernel.terms import Kind, PlantPath
from lineshaft.kernel.units import ucum

from .nodes import Draft, Level, Twin, level_at
from .types import MOST_PROPERTIES, AssetType, Property, Running, Words

ENOUGH = 0.5
"""A type is proposed from this score on."""

SUFFIXES: Mapping[str, str] = {
    "degc": "Cel", "celsius": "Cel", "degf": "[degF]", "bar": "bar", "mbar": "mbar", "kpa": "kPa", "mpa": "MPa",
    "kw": "kW", "kwh": "kW.h", "mwh": "MW.h", "kvar": "kvar", "kva": "kV.A", "rpm": "/min", "hz": "Hz", "khz": "kHz",
    "pct": "%", "percent": "%", "mm": "mm", "um": "um", "mms": "mm/s", "volts": "V", "volt": "V", "mv": "mV",
    "amps": "A", "amp": "A", "ma": "mA", "lpm": "l/min", "m3h": "m3/h", "kg": "kg", "nm": "N.m", "ppm": "[ppm]",
}  # fmt: skip
"""Endings of names that say the unit, such as `pressure_bar`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A series that exists, or a tag that could become one. None means: nobody said."""

    path: PlantPath
    kind: Kind | None = None
    unit: str = ""
    writable: bool | None = None
    title: str = ""
    description: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """One twin somebody may accept: new, or an existing one with properties added."""

    draft: Draft
    version: int = 0
    """Version of the twin it extends; 0 where it is new."""
    adds: tuple[str, ...] = ()
    """Names of the properties that get values by it."""
    score: float = 0.0
    """How well the type fits, 0 to 1."""
    guessed: tuple[str, ...] = ()
    """Properties whose unit was guessed; look at them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    kind: AssetType | None = None
    score: float = 0.0
    names: dict[str, Property] = field(default_factory=dict)
    """Name of the found series to property of the type."""


def propose(
    found: Iterable[Found], types: Iterable[AssetType], existing: Mapping[str, Twin], *, bold: bool
) -> list[Proposed]:
    """Twins that would give these series a place, each after those above it; paths of one part are left out.

    `existing` holds twins by path, and twins that were moved also by the path their series still have.
    """
    machines: dict[PlantPath, list[Found]] = {}
    for one in found:
        parent = one.path.parent
        if parent is not None:
            machines.setdefault(parent, []).append(one)
    plan = _Plan(list(types), existing, {place for machine in machines for place in _above(machine)}, bold=bold)
    for path, series in sorted(machines.items()):
        plan.add(path, series)
    return plan.in_order()


class _Plan:
    """The twins proposed so far; parents are added before children."""

    def __init__(
        self, types: list[AssetType], existing: Mapping[str, Twin], inner: set[PlantPath], *, bold: bool
    ) -> None:
        self._types = types
        self._existing = existing
        self._inner = inner
        self._bold = bold
        self._proposed: dict[str, Proposed] = {}

    def in_order(self) -> list[Proposed]:
        return [self._proposed[path] for path in sorted(self._proposed, key=lambda p: (p.count("/"), p))]

    def add(self, path: PlantPath, series: list[Found]) -> None:
        """A machine with its series."""
        twin = self._existing.get(path)
        for place in () if twin else _above(path):
            self._hold(place, path.count("/"))
        made = _extended(twin, series, bold=self._bold) if twin else self._fresh(path, series)
        if made.adds:
            known = self._proposed.get(made.draft.path)
            level = known.draft.level if known else made.draft.level
            self._proposed[made.draft.path] = replace(made, draft=replace(made.draft, level=level))

    def _hold(self, place: PlantPath, of: int) -> None:
        """What stands above a machine: made by depth where there is nothing; what was taken for a machine and
        was never named or typed turns out to be a place."""
        if place in self._proposed:
            return
        twin = self._existing.get(place)
        wanted = self._below(place, level_at(place.count("/"), of))
        if twin is None:
            self._proposed[place] = Proposed(draft=Draft(path=place, level=wanted))
            return
        guessed = twin.draft.level is Level.ASSET and not twin.draft.type and not twin.draft.title
        if guessed and twin.path == place and wanted.rank < Level.ASSET.rank:
            self._proposed[place] = Proposed(draft=replace(twin.draft, level=wanted), version=twin.version)

    def _below(self, path: PlantPath, level: Level) -> Level:
        """The level, or that of the place above when it would otherwise go back up."""
        above = self._level(path.parent)
        return Level.ORGANISATION if above is None else above.below(level)

    def _level(self, path: PlantPath | None) -> Level | None:
        if path is None:
            return None
        known = self._proposed.get(path)
        return known.draft.level if known else self._existing[path].draft.level

    def _fresh(self, path: PlantPath, series: list[Found]) -> Proposed:
        """A new machine of the type that fits; with machines below it and no type it is a place that has values."""
        depth = path.count("/")
        fit = _best(path.name, series, self._types, bold=self._bold) if depth else _Fit()
        kind = fit.kind
        inner = kind is None and path in self._inner
        level = self._below(path, level_at(depth, depth + 1 if inner else depth))
        if self._level(path.parent) in (Level.ASSET, Level.COMPONENT):
            level = Level.COMPONENT
        rule = _respelled(fit, bold=self._bold)
        draft = Draft(path=path, level=level, type=kind.name if kind else "", running=rule)
        made = _filled(Proposed(draft=draft, score=fit.score), series, fit.names, bold=self._bold)
        missing = tuple(p.name for p in kind.properties if p.name not in made.adds) if kind else ()
        return replace(made, draft=replace(made.draft, without=missing))


def _above(path: PlantPath) -> list[PlantPath]:
    parts = path.split("/")
    return [PlantPath("/".join(parts[:n])) for n in range(1, len(parts))]


def _respelled(fit: _Fit, *, bold: bool) -> Running | None:
    """The type's way to see that it runs, where a careful guess keeps another spelling of the property's name."""
    rule = fit.kind.running if fit.kind else None
    names = [name for name, prop in fit.names.items() if rule and prop.name == rule.property and name != prop.name]
    return replace(rule, property=names[0]) if rule and names and not bold else None


def _extended(twin: Twin, series: list[Found], *, bold: bool) -> Proposed:
    """An existing twin with properties for those series that none of its properties reads."""
    read = {p.series for p in twin.points}
    extra = [s for s in series if s.path not in read and twin.find(s.path.name) is None]
    typed = twin.kind.properties if twin.kind else ()
    names = _match(extra, [p for p in typed if twin.find(p.name) is None], bold=bold)
    made = _filled(Proposed(draft=twin.draft, version=twin.version), extra, names, bold=bold)
    without = tuple(name for name in twin.draft.without if name not in made.adds)
    return replace(made, draft=replace(made.draft, without=without))


def _filled(made: Proposed, series: Iterable[Found], names: Mapping[str, Property], *, bold: bool) -> Proposed:
    """The draft with a property, its own or its type's, for each series."""
    draft = made.draft
    own, bindings, adds, guessed = list(draft.properties), dict(draft.bindings), [], []
    for one in series:
        known = names.get(one.path.name)
        typed = known or Property(name=one.path.name)
        name = typed.name if bold else one.path.name
        unit = ucum(one.unit) or unit_in_name(one.path.name)
        guess = bold and not unit and bool(typed.unit)
        unit = typed.unit if guess else unit
        if known is None or name != typed.name or not _agrees(one, typed, unit):
            if len(own) == MOST_PROPERTIES:
                continue  # stays without a place; whoever has more sorts them by hand
            own.append(replace(_own(one, typed, unit), name=name))
        if draft.path.child(name) != one.path:
            bindings[name] = str(one.path)
        adds.append(name)
        guessed += [name] if guess else []
    draft = replace(draft, properties=tuple(own), bindings=bindings)
    return replace(made, draft=draft, adds=tuple(adds), guessed=tuple(guessed))


def _agrees(one: Found, typed: Property, unit: str) -> bool:
    """Whether the type's property can be taken as it is."""
    writable = one.writable is None or one.writable == typed.writable
    return (
        _same(unit, typed.unit)
        and writable
        and _kind(one, typed) is typed.kind
        and one.low is None
        and one.high is None
    )


def _own(one: Found, typed: Property, unit: str) -> Property:
    """A property of the twin's own after a series; a range in another unit would be wrong and is left out."""
    same = _same(unit, typed.unit)
    kind = _kind(one, typed)
    ranged = kind in (Kind.NUMBER, Kind.INTEGER)
    low, high = (one.low, one.high) if one.low is not None or one.high is not None else (typed.low, typed.high)
    return replace(
        typed,
        title=typed.title or _words(one.title),
        description=typed.description or _words(one.description),
        kind=kind,
        unit=typed.unit if same else unit,
        low=low if ranged and (same or one.low is not None) else None,
        high=high if ranged and (same or one.high is not None) else None,
        writable=typed.writable if one.writable is None else one.writable,
        also=(),
    )


def _words(text: str) -> Words:
    return {"en": text} if text else {}


def _kind(one: Found, typed: Property) -> Kind:
    """The kind of a value: on the wire whole numbers, truth and enumerations often are plain numbers."""
    if one.kind is None or (one.kind is Kind.NUMBER and typed.kind is not Kind.TEXT):
        return typed.kind
    if one.kind is Kind.INTEGER and typed.kind in (Kind.ENUM, Kind.BOOLEAN, Kind.NUMBER):
        return typed.kind
    if one.kind is Kind.TEXT and typed.kind is Kind.ENUM:
        return typed.kind
    return one.kind


# ---- which type is it ----


def _best(name: str, series: list[Found], types: list[AssetType], *, bold: bool) -> _Fit:
    fits = (_fit(name, series, kind, bold=bold) for kind in types)
    best = max(fits, key=lambda fit: fit.score, default=_Fit())
    return best if best.score >= ENOUGH else _Fit()


def _fit(name: str, series: list[Found], kind: AssetType, *, bold: bool) -> _Fit:
    likely = _match(series, kind.properties, bold=True)
    share = len(likely) / max(len(series), 1)
    spoken = _spoken(name, kind)
    names = likely if bold else _match(series, kind.properties, bold=False)
    unnamed = 0.8 * share if share * len(series) >= 4 else 0.0
    score = 0.5 + 0.2 * spoken + 0.3 * share if spoken else unnamed
    return _Fit(kind=kind, score=min(score, 1.0), names=names)


def _match(series: Sequence[Found], properties: Iterable[Property], *, bold: bool) -> dict[str, Property]:
    """Which series is which property; a careful guess wants the same words, however they are spelled."""
    waiting = {p.name: p for p in properties}
    matched: dict[str, Property] = {}
    for names in (_own_name, _synonyms) if bold else (_own_name,):
        known = {_plain(word): p.name for p in waiting.values() for word in names(p)}
        for name in [one.path.name for one in series if one.path.name not in matched]:
            prop = waiting.pop(known.get(_plain(name), ""), None)
            if prop is not None:
                matched[name] = prop
    return matched


def _own_name(prop: Property) -> tuple[str, ...]:
    return (prop.name,)


def _synonyms(prop: Property) -> tuple[str, ...]:
    return prop.also


def _spoken(name: str, kind: AssetType) -> float:
    """How clearly a machine's name says the type, 0 to 1; of several words the last counts: a pump motor is a motor."""
    plain = f" {_plain(re.sub(r'[0-9]+', ' ', name))} "
    best = 0.0
    for word in (kind.name, *kind.also, *kind.title.values()):
        wanted = _plain(word)
        at = plain.rfind(f" {wanted} " if wanted.isascii() else wanted) if wanted else -1
        if at >= 0:
            best = max(best, (at + len(wanted) + 1) / len(plain))
    return best


@lru_cache(maxsize=1 << 16)
def _plain(text: str) -> str:
    """Lower-case words with single blanks: `MotorSpeed_1` is `motor speed 1`."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return " ".join(re.sub(r"[\W_]+", " ", apart).casefold().split())


def _same(unit: str, other: str) -> bool:
    """Whether two units say the same; what stands in braces counts nothing: {bottles}/min is /min."""
    plain, also = (re.sub(r"\{[^}]*\}|^1(?=/|$)", "", ucum(u)) for u in (unit, other))
    return plain == also


def unit_in_name(name: str) -> str:
    """The unit a name ends with, empty without one."""
    last = re.split(r"[-_]", name)
    return SUFFIXES.get(last[-1].casefold(), "") if len(last) > 1 else ""
