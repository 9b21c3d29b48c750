"""The parts of a picture as they are now: parts of a model by the properties bound to them, machines of a layout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lineshaft.console import View
from lineshaft.kernel.terms import PlantPath
from lineshaft.twins.model import Brief, PointState, called
from lineshaft.twins.model.layout import Solid
from lineshaft.twins.model.scene import Scene
from lineshaft.twins.pages.words import point_name, point_status, tile_status, value_text
from lineshaft.twins.service import Twins

_RANK = ("alarm", "lost", "bad", "warning", "stale", "uncertain", "unknown", "good")
_MOST = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part: what it is called, how it is, and the value that says most."""

    id: str
    name: str
    status: str
    value: str


def worst_status(statuses: Iterable[str]) -> str:
    """The gravest of some states; unknown without any."""
    return min(statuses, key=_RANK.index, default="unknown")


class ModelParts:
    """Parts of a model, by the properties bound to them."""

    def __init__(self, view: View, path: PlantPath, scene: Scene, names: Iterable[str]) -> None:
        self._view = view
        self._path = path
        self.scene = scene
        self._names = list(names)

    async def now(self) -> list[Part]:
        """Bound parts first, as they are; the others have nothing to tell."""
        states = await self.states()
        parts = [self._part(name, states) for name in self._names]
        return sorted(parts, key=lambda one: one.id not in self.scene.bindings)

    async def states(self) -> dict[str, PointState]:
        """Every bound property by its path below the twin."""
        told = {one for bound in self.scene.bindings.values() for one in bound}
        owners = {told_of.rpartition("/")[0] for told_of in told}
        found: dict[str, PointState] = {}
        for owner in owners:
            twin = await self._view.ask(Twins).find(self._view.who, f"{self._path}/{owner}".rstrip("/"))
            if twin is not None:
                state = await self._view.ask(Twins).now.state(self._view.who, twin.path, twin=twin)
                found |= {f"{owner}/{p.point.property.name}".lstrip("/"): p for p in state.points}
        return {name: state for name, state in found.items() if name in told}

    def _part(self, name: str, states: Mapping[str, PointState]) -> Part:
        bound = [states[told] for told in self.scene.bindings.get(name, ()) if told in states]
        told = ", ".join(f"{point_name(self._view, p.point)} {value_text(self._view, p)}" for p in bound)
        status = worst_status(point_status(p) for p in bound) if bound else "good"
        return Part(id=name, name=name, status=status, value=told)


class LayoutParts:
    """Machines of a layout."""

    def __init__(self, view: View, path: PlantPath, solids: list[Solid]) -> None:
        self._view = view
        self._path = path
        self.solids = solids
        self._titles: dict[str, str] = {}

    async def now(self) -> list[Part]:
        """Every machine in the order of the layout."""
        found = await self._view.ask(Twins).now.briefs(self._view.who, self._path, limit=_MOST)
        briefs = {str(one.path): one for one in found}
        return [self._part(one.path, briefs.get(self.path_of(one.path))) for one in self.solids]

    def path_of(self, told: str) -> str:
        """The whole path of a machine of the layout."""
        return f"{self._path}/{told}".rstrip("/")

    def _part(self, told: str, brief: Brief | None) -> Part:
        language = self._view.language
        if brief is None:
            name = called({}, self.path_of(told).rsplit("/", 1)[-1], language)
            return Part(id=told or ".", name=name, status="unknown", value="")
        leading = brief.leading
        value = f"{point_name(self._view, leading.point)} {value_text(self._view, leading)}" if leading else ""
        name = called(brief.title, brief.path.name, language)
        return Part(id=told or ".", name=name, status=tile_status(brief), value=value)
