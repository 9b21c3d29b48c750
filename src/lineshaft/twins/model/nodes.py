"""Twins: what stands where in the plant, and where the values of its properties come from.

A twin is one document. Its properties are those of its type, unless it says `without`, overlaid by
its own; each reads the series at `<twin>/<property>`, unless it is bound to another series path.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from lineshaft.kernel.terms import PlantPath
from lineshaft.twins.errors import BadTwin

from .types import AssetType, Property, Running, Words, called, check_properties


class Level(StrEnum):
    """What a twin is in the hierarchy of ISA-95 part 1, clause 5.3; `component` is part of an asset."""

    ORGANISATION = "organisation"
    SITE = "site"
    AREA = "area"
    LINE = "line"
    CELL = "cell"
    ASSET = "asset"
    COMPONENT = "component"

    @property
    def rank(self) -> int:
        return _RANK[self]

    def may_hold(self, child: Level) -> bool:
        """Levels may be left out or repeated (areas in areas), never go back up; the organisation is the top."""
        return child.rank >= self.rank and child is not Level.ORGANISATION

    def below(self, wanted: Level) -> Level:
        """The level of something below this one: the wanted one, or the same when that would go back up."""
        return wanted if self.may_hold(wanted) else self


_RANK = {level: rank for rank, level in enumerate(Level)}

ICONS: Mapping[Level, str] = {
    Level.ORGANISATION: "domain",
    Level.SITE: "factory",
    Level.AREA: "grid_view",
    Level.LINE: "linear_scale",
    Level.CELL: "hub",
    Level.ASSET: "precision_manufacturing",
    Level.COMPONENT: "settings",
}
"""Symbols of levels, for twins that name none themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What people say about a twin; the rest the platform knows."""

    path: PlantPath
    level: Level
    title: Words = field(default_factory=dict)
    description: Words = field(default_factory=dict)
    type: str = ""
    icon: str = ""
    """Name of a symbol, or the address of an image."""
    properties: tuple[Property, ...] = ()
    """Its own properties: beyond those of its type, or instead of one with the same name."""
    without: tuple[str, ...] = ()
    """Properties of the type that this one does not have."""
    bindings: dict[str, str] = field(default_factory=dict)
    """Property to series path, where it is not `<path>/<property>`."""
    running: Running | None = None
    """How to see that it runs, when its type does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A property at its place: `path` names it in the plant, `series` is where its values are."""

    property: Property
    path: PlantPath
    series: PlantPath
    own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """Something that exists in the plant. Its `id` stays the same when it moves."""

    id: str
    draft: Draft
    version: int = 1
    changed_us: int = 0
    changed_by: str = ""
    children: int = 0
    kind: AssetType | None = None
    points: tuple[Point, ...] = ()

    @property
    def path(self) -> PlantPath:
        return self.draft.path

    @property
    def icon(self) -> str:
        return self.draft.icon or (self.kind.icon if self.kind else "") or ICONS[self.draft.level]

    @property
    def running(self) -> Running | None:
        return self.draft.running or (self.kind.running if self.kind else None)

    @property
    def etag(self) -> str:
        """The version as HTTP carries it."""
        return f'"{self.version}"'

    def title(self, language: str = "en") -> str:
        return called(self.draft.title, self.path.name, language)

    def find(self, name: str) -> Point | None:
        return next((p for p in self.points if p.property.name == name), None)


def points_of(draft: Draft, kind: AssetType | None) -> tuple[Point, ...]:
    """The properties a twin has: its type's in their order, then its own."""
    own = {p.name: p for p in draft.properties}
    typed = [p for p in kind.properties if p.name not in draft.without] if kind else []
    names = {p.name for p in typed}
    merged = [own.get(p.name, p) for p in typed] + [p for p in draft.properties if p.name not in names]
    return tuple(
        Point(
            property=p,
            path=draft.path.child(p.name),
            series=PlantPath(draft.bindings.get(p.name, draft.path.child(p.name))),
            own=p.name in own,
        )
        for p in merged
    )


def check_draft(draft: Draft) -> Draft:
    """The draft with needless bindings left out, or BadTwin saying what contradicts what."""
    PlantPath.parse(draft.path)
    where = f"the twin {draft.path}"
    if (draft.level is Level.ORGANISATION) != ("/" not in draft.path):
        raise BadTwin(
            f"{draft.path} cannot be {_an(draft.level)}.",
            hint="The first part of a path, and only it, is an organisation.",
        )
    check_properties(draft.properties, where)
    for series in draft.bindings.values():
        PlantPath.parse(series)
    return replace(draft, bindings=_needed(draft.path, draft.bindings))


def check_place(draft: Draft, parent: Level) -> None:
    """BadTwin when a twin of this level cannot be below one of that level."""
    if not parent.may_hold(draft.level):
        raise BadTwin(
            f"{draft.path} is {_an(draft.level)} and cannot be below {_an(parent)}.",
            hint=f"Levels from the top: {', '.join(Level)}.",
        )


def moved(draft: Draft, points: Iterable[Point], path: PlantPath) -> Draft:
    """The draft at another path. Its values stay where they are: what followed the old path is now bound to it."""
    bindings = {**draft.bindings, **{p.property.name: str(p.series) for p in points}}
    return replace(draft, path=path, bindings=_needed(path, bindings))


def _needed(path: PlantPath, bindings: Mapping[str, str]) -> dict[str, str]:
    return {name: series for name, series in sorted(bindings.items()) if series != path.child(name)}


def _an(level: Level) -> str:
    return f"{'an' if level.value[0] in 'aeio' else 'a'} {level.value}"


def level_at(depth: int, of: int) -> Level:
    """The level of the part `depth` (from 0) of a path whose machine is the part `of`: by depth, machine last."""
    if depth == 0:
        return Level.ORGANISATION
    if depth < min(of, Level.ASSET.rank):
        return list(Level)[depth]
    return Level.COMPONENT if depth > Level.ASSET.rank else Level.ASSET


class Deed(StrEnum):
    """What a change did."""

    CREATED = "created"
    CHANGED = "changed"
    MOVED = "moved"
    RETIRED = "retired"
    ADOPTED = "adopted"
    UNDONE = "undone"
    TYPE_CHANGED = "type_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a change did to one twin; `before` is None where it was made, `after` where it was retired."""

    twin: str
    before: Draft | None
    after: Draft | None
    version: int
    """Its version afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change, of one twin or of many at once. `steps` are those of the twin asked about, or all."""

    id: str
    at_us: int
    by: str
    deed: Deed
    path: str
    twins: int
    """How many twins it touched."""
    undone: bool = False
    steps: tuple[Step, ...] = ()
