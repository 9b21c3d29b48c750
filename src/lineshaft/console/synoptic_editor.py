"""The editor of process pictures: a palette, the plant to bind to, the canvas, and what is chosen.

drawn = synoptic_editor(picture, links={"/synoptics/…": "Tank farm"}, on_save=save, on_browse=look, on_pick=open_upload)

async def save(parcel: dict[str, Any]) -> int: ...    # the new version; an error leaves all in the editor
async def look(path: str) -> list[Leaf]: ...          # what lies below a path; "" asks for the tops

Choosing, moving, binding and taking back happen in the browser; the server hears of what is saved. What is not saved
yet is kept by the browser and offered again when the page is opened after a crash.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .language import mark
from .symbols import symbols
from .synoptic import GROUPS, WORDS, Signs, Synoptic, state_of, words_of
from .view import guarded, text

EDITING: Mapping[str, str] = {
    **WORDS,
    "symbols": mark("Symbols"),
    "plant": mark("Plant"),
    "properties": mark("Properties"),
    "tools": mark("Tools"),
    "search": mark("Search symbols"),
    "drawing": mark("Own drawing (SVG) …"),
    "plant_hint": mark("Drag a property onto a symbol, or onto the canvas. Press it to bind what is chosen."),
    "bind": mark("Bind"),
    "undo": mark("Undo"),
    "redo": mark("Redo"),
    "copy": mark("Duplicate"),
    "remove": mark("Remove"),
    "front": mark("To the front"),
    "back": mark("To the back"),
    "left": mark("Align left"),
    "center": mark("Align centres"),
    "right": mark("Align right"),
    "top": mark("Align top"),
    "middle": mark("Align middles"),
    "bottom": mark("Align bottom"),
    "across": mark("Spread across"),
    "down": mark("Spread down"),
    "group": mark("Group"),
    "ungroup": mark("Ungroup"),
    "save": mark("Save"),
    "saving": mark("Saving …"),
    "unsaved": mark("Not saved"),
    "draft": mark("Changes of yours were not saved ({when})."),
    "take": mark("Take them up"),
    "discard": mark("Discard"),
    "picture": mark("Picture"),
    "title": mark("Title"),
    "width": mark("Width"),
    "height": mark("Height"),
    "grid": mark("Grid"),
    "hint": mark("Drag symbols onto the canvas. Shift chooses more, Alt ignores the grid, Ctrl and the wheel zoom."),
    "chosen": mark("{n} chosen"),
    "many_hint": mark("Align, spread or group them with the tools above."),
    "label": mark("Label"),
    "x": mark("From the left"),
    "y": mark("From the top"),
    "w": mark("Width"),
    "h": mark("Height"),
    "turn": mark("Turned by (°)"),
    "thickness": mark("Thickness"),
    "link": mark("Leads to"),
    "locked": mark("Locked"),
    "unbind": mark("Unbind"),
    "drop_here": mark("Drag a property here"),
    "pick_now": mark("Press a property in the plant"),
    "least": mark("Empty at"),
    "most": mark("Full at"),
    "parts": mark("Parts of the drawing"),
    "part": mark("Part"),
    "way": mark("What follows the value"),
    "bind_part": mark("Bind this part"),
    "part_fill": mark("Fill"),
    "part_text": mark("Text"),
    "part_show": mark("Shown or hidden"),
    "part_turn": mark("Turn"),
    "slot_state": mark("State"),
    "slot_open": mark("Open"),
    "slot_level": mark("Level"),
    "slot_value": mark("Value"),
    "slot_alarm": mark("Alarm"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A place, machine or property that can be dragged onto a picture."""

    path: str
    label: str
    symbol: str
    property: bool = False
    kind: str = ""
    """Of a property: number, boolean, enum …"""
    unit: str = ""
    shape: str = ""
    """The symbol that a machine gets when it is dropped on the canvas."""


Save = Callable[[dict[str, Any]], Awaitable[int | None]]
Browse = Callable[[str], Awaitable[Sequence[Leaf]]]


class Editor(Synoptic):
    """A picture that is being changed."""

    def tell(self, what: str, *about: Any) -> None:
        """Answer what the browser asked: saved, refused, merged, drawing or known."""
        self.call("told", what, *about)


def synoptic_editor(
    picture: Mapping[str, Any],
    *,
    now: Signs | None = None,
    known: Mapping[str, Mapping[str, Mapping[str, Any]]] | None = None,
    drawings: Mapping[str, Mapping[str, Any]] | None = None,
    links: Mapping[str, str] | None = None,
    on_save: Save,
    on_browse: Browse,
    on_pick: Callable[[], object],
    on_change: Callable[[dict[str, Any]], object],
) -> Editor:
    """The editor; see the module. `on_pick` opens what brings a drawing, `on_change` hears of new bindings."""
    made = Editor(
        **state_of(picture, now, known, drawings, symbols()),
        editing=True,
        words=words_of(EDITING),
        groups={group: text(word) for group, word in GROUPS.items()},
        links=list((links or {}).items()),
    )
    made.on("save", guarded(lambda event: _save(made, on_save, event.args)))
    made.on("browse", guarded(lambda event: _browse(made, on_browse, event.args)))
    made.on("pick", guarded(on_pick), args=[])
    made.on("dirty", guarded(lambda event: on_change(event.args)))
    return made


async def _save(made: Editor, on_save: Save, parcel: dict[str, Any]) -> None:
    """Tell the browser the new version, or that everything stays as it is in the editor."""
    version = None
    try:
        version = await on_save(parcel)
    finally:
        made.tell(*(("refused",) if version is None else ("saved", version)))


async def _browse(made: Editor, on_browse: Browse, path: str) -> None:
    made.tell("branch", path, [asdict(leaf) for leaf in await on_browse(path)])
