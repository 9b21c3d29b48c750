"""Enters a property: name, kind, unit, range, where its values come from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from lineshaft.console import Field, View, dialog, form
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import Kind
from lineshaft.twins.model import Property, Words, say

from .words import KINDS

Save = Callable[[Property, str], Awaitable[None]]
"""Called with the property and the series it reads, empty for its own path."""


def open_property(view: View, prop: Property | None, *, save: Save, series: str | None = None) -> None:
    """Ask for a property; `series` None leaves out where its values come from, as for types."""
    title = view.text("Change the property") if prop else view.text("Add a property")
    with dialog(title) as box:

        async def submit(values: dict[str, Any]) -> None:
            await save(_property(view, prop, values), str(values.get("series") or "").strip())
            box.close()

        form(_fields(view, prop, series), on_submit=submit, on_cancel=box.close)


def _fields(view: View, prop: Property | None, series: str | None) -> list[Field]:
    text = view.text
    now = prop or Property(name="")
    fields = [
        Field(name="title", label=text("Title"), value=say(now.title, view.language), help=text("How people call it.")),
        Field(name="kind", label=text("Kind"), kind="select", options=_kinds(view), value=now.kind.value),
        Field(name="unit", label=text("Unit"), value=now.unit, help=text("In UCUM: Cel, bar, kW, m3/h, /min, %.")),
        Field(name="low", label=text("Normal from"), kind="number", value=now.low),
        Field(name="high", label=text("Normal to"), kind="number", value=now.high),
        Field(
            name="values",
            label=text("Choices"),
            kind="list",
            value=list(now.values),
            help=text("Names of an enumeration, in the order of their numbers from 0."),
            advanced=True,
        ),
        Field(
            name="writable", label=text("Can be set from the screen"), kind="switch", value=now.writable, advanced=True
        ),
        Field(
            name="interlock",
            label=text("Set only while"),
            value=now.interlock,
            help=text('What must hold before it is written: speed = 0 and guard-closed and mode != "Auto".'),
            advanced=True,
        ),
        Field(name="alarm", label=text("Calls for attention when true"), kind="switch", value=now.alarm, advanced=True),
        Field(
            name="stale",
            label=text("Stale after"),
            kind="number",
            unit="s",
            value=now.stale_after_s,
            help=text("Empty follows the plant's setting."),
            advanced=True,
        ),
    ]
    if prop is None:
        name = Field(
            name="name", label=text("Name"), required=True, help=text("Part of its path: bearing-temperature.")
        )
        fields.insert(0, name)
    if series is not None:
        told = text("Path of the series to read; empty reads its own path.")
        fields.append(Field(name="series", label=text("Series"), value=series, help=told))
    return fields


def _kinds(view: View) -> dict[str, str]:
    return {kind.value: view.text(word) for kind, word in KINDS.items()}


def _property(view: View, prop: Property | None, values: dict[str, Any]) -> Property:
    """The property as entered; what the form does not show stays as it was."""
    old = prop or Property(name=str(values["name"]).strip())
    kind = Kind(values["kind"])
    ranged = kind in (Kind.NUMBER, Kind.INTEGER, Kind.ENUM)
    low, high = values["low"], values["high"]
    if ranged and low is not None and high is not None and low > high:
        raise Invalid(view.text("The range ends before it starts."), field="high")
    return Property(
        name=old.name,
        title=spoken(old.title, view, str(values["title"] or "")),
        kind=kind,
        unit=str(values["unit"] or "").strip(),
        low=low if ranged else None,
        high=high if ranged else None,
        values=tuple(values["values"] or ()),
        writable=bool(values["writable"]),
        interlock=str(values["interlock"] or "").strip(),
        alarm=bool(values["alarm"]),
        description=old.description,
        stale_after_s=values["stale"] or None,
        also=old.also,
    )


def spoken(words: Words, view: View, said: str) -> Words:
    """A text with what was said in the viewer's language; what others said stays."""
    kept = {language: text for language, text in words.items() if language != view.language}
    return {**kept, view.language: said.strip()} if said.strip() else kept
