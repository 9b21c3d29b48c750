"""What the slots of a picture say now: each bound to a property, a series or a machine, judged as everywhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lineshaft.kernel.db import Database
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Guard, Role, Who
from lineshaft.twins import store
from lineshaft.twins.model import Draft, Level, Point, Property, Twin
from lineshaft.twins.model.picture import Binding, Picture, places_of
from lineshaft.twins.model.reading import Reading, Span, of_machine, of_point, span_of

from .edit import dressed
from .now import Now


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a slot reads from: a property of a twin, or all of it when `point` is None."""

    twin: PlantPath
    point: Point | None
    span: Span | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A picture with everything it reads found; slots bound to what is not there are left out."""

    twins: tuple[Twin, ...]
    slots: Mapping[str, Mapping[str, Source]]
    """By item and slot."""


@dataclass(frozen=True, slots=True)
class _Owned:
    """A property and the machine it belongs to."""

    twin: PlantPath
    point: Point


class Watching:
    """Readings of pictures."""

    def __init__(self, db: Database, guard: Guard, now: Now) -> None:
        self._db = db
        self._guard = guard
        self._now = now

    async def find(self, who: Who, picture: Picture) -> Watched:
        """Look up what a picture is bound to, as far as the caller may see it."""
        await self._guard.require(who, Role.VIEWER, picture.place, "twins.picture.read")
        wanted = [path for path in places_of(picture) if self._guard.allowed(who, Role.VIEWER, path)]
        machines, points = await self._look_up(wanted)
        slots: dict[str, dict[str, Source]] = {}
        for item in picture.items:
            for slot, binding in item.bindings.items():
                if (source := _source(binding, machines, points)) is not None:
                    slots.setdefault(item.id, {})[slot] = source
        read = {source.twin for found in slots.values() for source in found.values()}
        return Watched(twins=tuple(t for t in machines.values() if t.path in read), slots=slots)

    async def now(self, who: Who, watched: Watched) -> dict[str, dict[str, Reading]]:
        """Every slot now, by item."""
        states = {state.path: state for state in await self._now.states(who, watched.twins)}
        running = {twin.path: twin.running for twin in watched.twins}
        points = {p.point.path: p for state in states.values() for p in state.points}
        found: dict[str, dict[str, Reading]] = {}
        for item, slots in watched.slots.items():
            shown = found[item] = {}
            for slot, source in slots.items():
                if source.twin not in states:
                    shown[slot] = Reading(known=False)
                elif source.point is None:
                    shown[slot] = of_machine(states[source.twin])
                else:
                    state = points[source.point.path]
                    shown[slot] = of_point(slot, state, source.span, running[source.twin])
        return found

    async def _look_up(self, wanted: list[PlantPath]) -> tuple[dict[PlantPath, Twin], dict[PlantPath, _Owned]]:
        """The machines named or holding what is named, with all they have; series without one stand alone."""
        above = {place for path in wanted for place in _chain(path)}
        async with self._db.read() as tx:
            found = await dressed(tx, (await store.find_all(tx, above)).values())
        machines = {twin.path: twin for twin in found}
        points = {point.path: _Owned(twin.path, point) for twin in found for point in twin.points}
        for path in wanted:
            if path not in machines and path not in points and path.parent is not None:
                machines[path] = alone = _alone(path)
                points[path] = _Owned(path, alone.points[0])
        return machines, points


def _chain(path: PlantPath) -> list[str]:
    """A path and all places above it."""
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]


def _alone(path: PlantPath) -> Twin:
    """A series no twin reads, as a thing of its own."""
    point = Point(property=Property(name=path.name), path=path, series=path)
    return Twin(id=path, draft=Draft(path=path, level=Level.ASSET), points=(point,))


def _source(binding: Binding, machines: Mapping[PlantPath, Twin], points: Mapping[PlantPath, _Owned]) -> Source | None:
    if (owned := points.get(binding.path)) is not None:
        return Source(twin=owned.twin, point=owned.point, span=span_of(binding, owned.point))
    return Source(twin=binding.path, point=None, span=None) if binding.path in machines else None
