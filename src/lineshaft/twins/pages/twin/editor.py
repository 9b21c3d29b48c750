"""Edits one submodel by the form its template gives: fields, what is missing, what may be added or taken out.

Everything entered stays in a draft until it is saved. Saving compares ETags: when somebody else saved meanwhile,
changes of different elements are kept both; of the same element the second is told, and what they entered stays.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from typing import Any

import orjson

from lineshaft.console import Field, Form, button, form, menu, notice, paragraph, row, section, stack
from lineshaft.twins.errors import Clashing, NoFile, Stale
from lineshaft.twins.metamodel.kinds import COLLECTION, FILE, LIST, Json, kind_of
from lineshaft.twins.metamodel.paths import add, drop, find, put
from lineshaft.twins.model.merging import Edit, edits, merged, without_live
from lineshaft.twins.model.repository import Attachment, Document, Kind
from lineshaft.twins.pages.naming import called, element_title, value_note
from lineshaft.twins.service import Repository
from lineshaft.twins.submodels import Element, Line, fresh, sheet

from . import filed
from .fields import fields_of, is_empty, taken, written
from .opened import Carried, Opened

Done = Callable[[], Awaitable[object]]
_MOST_NAMED = 8
"""Elements without a value that are named; the rest is counted."""


class Editor:
    """One submodel while somebody edits it."""

    def __init__(self, twin: Opened, carried: Carried, on_done: Done) -> None:
        self._view = twin.view
        self._template = carried.template
        self._on_done = on_done
        self._id = carried.id
        self._begin(carried.document)
        self._draft = deepcopy(self._base)
        self._forms: list[tuple[Form, list[Line]]] = []
        self._chosen: filed.Chosen = {}
        self._place = stack()
        self._draw()

    def _begin(self, document: Document) -> None:
        self._base: Json = without_live(orjson.loads(document.body))
        self._etag = document.etag

    # ---- drawing ----

    def _draw(self) -> None:
        self._place.clear()
        self._forms.clear()
        top = sheet(self._draft, self._template)
        with self._place:
            self._draw_bar()
            self._draw_empty(top)
            self._draw_group(top, called(self._draft, self._view.language))

    def _draw_bar(self) -> None:
        view = self._view
        with row():
            button(view.text("Save"), self._save, kind="primary", symbol="save")
            button(view.text("Cancel"), self._on_done, kind="quiet")

    def _draw_empty(self, top: Line) -> None:
        """Name what the template wants and nobody has entered yet."""
        view = self._view
        names = [self._titled(line) for line in _all(top) if is_empty(line)]
        if not names:
            return
        more = view.text(" and {n} more", n=len(names) - _MOST_NAMED) if len(names) > _MOST_NAMED else ""
        named = view.text(", ").join(names[:_MOST_NAMED])
        notice("warn", view.text("The template wants these too: {names}.", names=named + more))

    def _titled(self, line: Line) -> str:
        title = element_title(line.element, line.said, self._view.language)
        return title if line.said.get("idShort") or self._view.language != "en" else line.path

    def _draw_group(self, group: Line, title: str) -> None:
        """The values of one group in a card, then the groups in it."""
        leaves = [line for line in group.lines if not line.holds]
        fields = [field for line in leaves for field in fields_of(self._view, line)]
        own = fields_of(self._view, group) if group.path else []
        kept = [self._titled(line) for line in leaves if not fields_of(self._view, line)]
        if fields or own or kept or group.offers or any(not line.needed for line in group.lines):
            with section(title, actions=lambda: self._draw_actions(group)):
                if fields or own:
                    self._forms.append((form([*own, *map(self._with_file, fields)]), [group, *leaves]))
                if kept:
                    paragraph(self._view.text("Kept as they are: {names}.", names=", ".join(kept)), muted=True)
        for number, line in enumerate(one for one in group.lines if one.holds):
            below = f"{number + 1}" if kind_of(group.said) == LIST else self._titled(line)
            self._draw_group(line, f"{title} › {below}" if group.path else below)

    def _with_file(self, field: Field) -> Field:
        """A field of a file with the file itself."""
        if field.kind != "file":
            return field
        said = find(self._draft, field.name)
        held = filed.filed(self._view, self._id, field.name, said, self._chosen)
        return replace(field, value=held, most_mb=self._view.ask(Repository).attachment_mb)

    def _draw_actions(self, group: Line) -> None:
        view = self._view
        offers = [(self._offered(one), lambda one=one: self._add(group, one)) for one in group.offers]
        gone = [(self._named(group, one), lambda one=one: self._drop(one)) for one in group.lines if not one.needed]
        if offers:
            menu(view.text("Add"), offers, symbol="add", named=True)
        if gone:
            menu(view.text("Take out"), gone, symbol="remove", named=True)

    def _offered(self, element: Element) -> str:
        return element_title(element, {}, self._view.language) or self._view.text("Another entry")

    def _named(self, group: Line, line: Line) -> str:
        if kind_of(group.said) != LIST:
            return self._titled(line)
        note = "" if kind_of(line.said) == COLLECTION else value_note(self._view, line.said)
        return f"{line.path.rpartition('[')[2].rstrip(']')}: {note}".rstrip(": ")

    # ---- changing the draft ----

    def _collect(self) -> bool:
        """Write what is entered into the draft, and below each field what is wrong; whether nothing is."""
        problems: dict[str, str] = {}
        for shown, lines in self._forms:
            values = shown.values
            for line in lines:
                if not line.path or not fields_of(self._view, line):
                    continue
                made, problem = self._written(line, values)
                problems |= {name: problem for name in shown.fields if name.partition("#")[0] == line.path}
                put(self._draft, line.path, made | _held(self._draft, line))
            for name in shown.fields:
                shown.problem(name, problems.get(name, ""))
        return not any(problems.values())

    def _written(self, line: Line, values: Mapping[str, Any]) -> tuple[Json, str]:
        if kind_of(line.said) == FILE:
            return filed.taken(line.said, values[line.path], self._chosen), ""
        return written(self._view, line, taken(line, values))

    def _add(self, group: Line, element: Element) -> None:
        self._collect()
        holder = find(self._draft, group.path) if group.path else self._draft
        add(self._draft, group.path, fresh(element, holder))
        self._draw()

    def _drop(self, line: Line) -> None:
        self._collect()
        drop(self._draft, line.path)
        self._draw()

    # ---- saving ----

    async def _save(self) -> None:
        view = self._view
        if not self._collect():
            view.toast(view.text("Nothing was saved: some values do not fit."), kind="warn")
            return
        found = edits(self._base, self._draft)
        if not found:
            await self._on_done()
            return
        try:
            await self._write(found)
        except Clashing as error:
            await self._tell_clash(found, list(error.details["paths"]))  # type: ignore[call-overload]

    async def _write(self, found: list[Edit]) -> None:
        view, repository = self._view, self._view.ask(Repository)
        before: list[Json] = []
        gone = await self._gone()

        def edit(current: Json) -> Json:
            before[:] = [current]
            return merged(current, found)

        told = view.text("Saved {name}", name=called(self._draft, view.language))
        try:
            made = await repository.change(
                view.who, Kind.SUBMODEL, self._id, edit, if_match=self._etag, files=self._chosen
            )
        except Stale:
            made = await repository.change(view.who, Kind.SUBMODEL, self._id, edit, files=self._chosen)
            told = view.text("{told}; what others changed meanwhile is kept too", told=told)

        async def back() -> None:
            await repository.change(
                view.who, Kind.SUBMODEL, self._id, lambda _: before[0], if_match=made.etag, files=gone
            )  # fmt: skip
            await self._on_done()

        await self._on_done()
        view.toast(told, action=(view.text("Undo"), back))

    async def _gone(self) -> dict[str, Attachment]:
        """The files that are no longer there once this is saved, so that they can be brought back."""
        view, kept = self._view, {str(one["value"]) for _, one in filed.files_of(self._draft)}
        found: dict[str, Attachment] = {}
        for path, one in filed.files_of(self._base):
            if (name := str(one["value"])) not in kept:
                with suppress(NoFile):
                    found[name] = await view.ask(Repository).get_file(view.who, Kind.SUBMODEL, self._id, path)
        return found

    async def _tell_clash(self, found: list[Edit], paths: list[str]) -> None:
        """Keep what was entered, show what stands there now, and let the next save decide."""
        view = self._view
        document = await view.ask(Repository).get(view.who, Kind.SUBMODEL, self._id)
        self._begin(document)
        self._draft = merged(self._base, found, force=True)
        self._draw()
        for path in paths:
            self._mark(path, document.changed_by)
        view.toast(
            view.text("{name} changed the same meanwhile; nothing was saved.", name=document.changed_by),
            hint=view.text("What you entered is still here: save again to put it in place of theirs."),
            kind="warn",
        )

    def _mark(self, path: str, by: str) -> None:
        there = next((one for at, one in _below(self._base) if at == path), None)
        now = value_note(self._view, there) if there is not None else ""
        for shown, _ in self._forms:
            for name in shown.fields:
                if name.partition("#")[0] == path:
                    shown.problem(name, self._view.text("{name} wrote here: {value}", name=by, value=now or "–"))


def _all(line: Line) -> Iterator[Line]:
    yield line
    for one in line.lines:
        yield from _all(one)


def _below(submodel: Json) -> Iterator[tuple[str, Json]]:
    return ((line.path, line.said) for line in _all(sheet(submodel, None)))


def _held(draft: Json, line: Line) -> Json:
    """What an element of the draft holds, which its own fields say nothing of."""
    slot = {"Entity": "statements"}.get(kind_of(line.said))
    there = find(draft, line.path).get(slot) if slot else None
    return {slot: there} if slot and there else {}
