"""Live values: which tag each property of the submodels reads, put there by dragging, saved together, undone."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import partial

from lineshaft.console import Match, Source, Target, button, empty, match, row, section
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Role
from lineshaft.telemetry import Latest, Live, Selection
from lineshaft.twins.metamodel.kinds import PROPERTY, Json, kind_of
from lineshaft.twins.metamodel.paths import find, walk
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.model.shell import SERIES
from lineshaft.twins.pages.naming import called, spaced, unit_of
from lineshaft.twins.pages.twin.opened import Carried, Opened
from lineshaft.twins.pages.twin.tab import tab
from lineshaft.twins.pages.words import address_of, said
from lineshaft.twins.service import Repository

REFRESH_S = 1.0
_MOST_TAGS = 5_000
_TOLD = ("documents", "bill_of_materials", "passport")
"""Templates of what people tell and no machine measures."""
_APART = "\n"
"""Between the id of a submodel and the path of a property; no id holds it."""


@tab("binding", title="Live values", order=50, fits=lambda twin: twin.may(Role.ENGINEER))
async def binding(twin: Opened) -> None:
    """Tags at the left, properties at the right."""
    await _Binding(twin).draw()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A property that can read a tag."""

    submodel: str
    path: str
    label: str
    unit: str
    series: str

    @property
    def key(self) -> str:
        return f"{self.submodel}{_APART}{self.path}"


class _Binding:
    """What is bound and what is about to be."""

    def __init__(self, twin: Opened) -> None:
        self._twin = twin
        self._places: dict[str, _Place] = {}
        self._wanted: dict[str, str] = {}
        """Of each property that changes the tag it shall read; '' for none."""
        self._newest: dict[str, Latest] = {}
        self._match: Match

    async def draw(self) -> None:
        view = self._twin.view
        self._read()
        await self._look()
        if not self._places:
            self._draw_nothing()
            return
        with section(view.text("Live values"), actions=self._draw_actions):
            self._match = match(
                self._sources(), self._targets(), on_match=self._put, on_free=self._free, label=view.text("Properties")
            )
        view.every(REFRESH_S, self._refresh, name="binding")

    def _draw_nothing(self) -> None:
        """Why there is nothing to bind, and the way on."""
        view, place = self._twin.view, self._twin.document.place
        if self._twin.of_the_tree:
            told = view.text("The machine's own properties are bound in the plant model. Add a submodel to bind more.")
            machine = address_of(place)

            def onward() -> None:
                button(view.text("Edit the machine"), lambda: view.go(f"{machine}?tab=edit"))

            empty(view.text("Nothing else to bind"), told, symbol="link", action=onward)
        else:
            empty(view.text("Nothing to bind"), view.text("Add a submodel with properties first."), symbol="link")

    def _draw_actions(self) -> None:
        view = self._twin.view
        with row():
            button(view.text("Save"), self._save, kind="primary", symbol="save")
            button(view.text("Cancel"), self._cancel, kind="quiet")

    def _read(self) -> None:
        """The properties of all submodels that people write."""
        told = self._twin.follow(*_TOLD)
        found = [
            _place(one, path, element, self._twin.view.language)
            for one in self._twin.submodels
            if not self._twin.is_projected(one) and one not in told
            for path, element in walk(one.content)
            if kind_of(element) == PROPERTY
        ]
        self._places = {one.key: one for one in found}

    async def _look(self) -> None:
        """The newest values of all tags the viewer may see."""
        view = self._twin.view
        found = await view.ask(Live).latest(view.who, Selection.under("", limit=_MOST_TAGS))
        self._newest = {str(one.path): one for one in found}

    async def _refresh(self) -> None:
        await self._look()
        self._show()

    def _show(self) -> None:
        self._match.set(sources=self._sources(), targets=self._targets())

    def _sources(self) -> list[Source]:
        place = self._twin.document.place
        nearest = sorted(self._newest, key=lambda path: (not PlantPath(path).within(place), path))
        return [Source(id=path, label=path, note=self._now(path, "")) for path in nearest]

    def _targets(self) -> list[Target]:
        return [
            Target(
                id=one.key,
                label=one.label,
                note=self._now(series, one.unit) if series else "",
                bound=series,
                changed=key in self._wanted,
            )
            for key, one in self._places.items()
            for series in (self._wanted.get(key, one.series),)
        ]

    def _now(self, path: str, unit: str) -> str:
        latest = self._newest.get(path)
        return said(self._twin.view, latest.value if latest else None, unit)

    # ---- changing ----

    def _put(self, source: str, target: str) -> None:
        self._want(target, source)

    def _free(self, target: str) -> None:
        self._want(target, "")

    def _want(self, key: str, series: str) -> None:
        if self._places[key].series == series:
            self._wanted.pop(key, None)
        else:
            self._wanted[key] = series
        self._show()

    def _cancel(self) -> None:
        self._wanted.clear()
        self._show()

    async def _save(self) -> None:
        view = self._twin.view
        wanted = dict(self._wanted)
        if not wanted:
            view.toast(view.text("Nothing was changed."))
            return
        before = {key: self._places[key].series for key in wanted}
        await self._write(wanted)

        async def back() -> None:
            await self._write(before)

        view.toast(view.text("Bound {n} properties", n=len(wanted)), action=(view.text("Undo"), back))

    async def _write(self, wanted: Mapping[str, str]) -> None:
        """Write what each property reads, a submodel at a time."""
        view, by_submodel = self._twin.view, dict[str, dict[str, str]]()
        for key, series in wanted.items():
            place = self._places[key]
            by_submodel.setdefault(place.submodel, {})[place.path] = series
        for submodel, paths in by_submodel.items():
            await view.ask(Repository).change(
                view.who, Kind.SUBMODEL, submodel, partial(_bound, paths=paths)
            )  # fmt: skip
            self._wanted = {k: v for k, v in self._wanted.items() if self._places[k].submodel != submodel}
        await self._twin.reload()
        self._read()
        self._show()


def _place(carried: Carried, path: str, element: Json, language: str) -> _Place:
    series = next((str(one["value"]) for one in element.get("extensions", ()) if one.get("name") == SERIES), "")
    steps = " › ".join(spaced(step) for step in path.split("."))
    label = f"{called(carried.content, language)} › {steps}"
    return _Place(submodel=carried.id, path=path, label=label, unit=unit_of(element), series=series)


def _bound(current: Json, paths: Mapping[str, str]) -> Json:
    """The submodel with properties reading other series; what one read last does not stay as its value."""
    made = deepcopy(current)
    for path, series in paths.items():
        element = find(made, path)
        kept = [one for one in element.pop("extensions", ()) if one.get("name") != SERIES]
        if series:
            kept.append({"name": SERIES, "valueType": "xs:string", "value": series})
        if kept:
            element["extensions"] = kept
    return made
