"""Process pictures: what stands on a canvas, and which property of the plant each part of it shows.

An item stands at x, y with a size; a pipe has two ends instead, each at a port of an item or at a free point.
The slots of its symbol (`state`, `level`, `value` …) are bound to properties, series or whole machines by path.
Parts of a user's own drawing are bound as `<element>:fill`, `:text`, `:show` or `:turn`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from lineshaft.kernel.terms import PlantPath
from lineshaft.twins.errors import BadPicture

from .types import Words

DRAWING = "drawing"
"""The symbol of an item that shows a user's own drawing."""
MOST_ITEMS = 2_000
MOST_BINDINGS = 5_000
MOST_VERSIONS = 2**31 - 2
_SIZES = (100, 20_000)
_FAR = 100_000
_ID = re.compile(r"[\w.-]{1,64}")
_SLOT = re.compile(r"state|open|level|value|alarm|[^\s\"'<>\\]{1,120}:(fill|text|show|turn)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What a slot shows: a property, a series or a machine, and the values at which it is empty and full."""

    path: PlantPath
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Where a pipe ends: at a port of an item, or at a point when `item` is empty."""

    item: str = ""
    port: int = 0
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing on a picture; later ones lie above earlier ones."""

    id: str
    symbol: str
    x: float = 0.0
    y: float = 0.0
    w: float = 0.0
    h: float = 0.0
    turn: float = 0.0
    """Degrees, clockwise."""
    label: str = ""
    bindings: dict[str, Binding] = field(default_factory=dict)
    link: str = ""
    """Another picture or page of the console: `/synoptics/…`, `/assets/…`."""
    group: str = ""
    """Items of one group are chosen and moved together."""
    drawing: str = ""
    """Name of a drawing of the picture."""
    locked: bool = False
    start: End | None = None
    end: End | None = None
    bends: tuple[tuple[float, float], ...] = ()
    """Corners of a pipe that somebody laid by hand; without any it finds its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A process picture; who may see its place may see it."""

    title: Words
    place: PlantPath
    id: str = ""
    width: float = 1600.0
    height: float = 900.0
    grid: float = 10.0
    items: tuple[Item, ...] = ()
    drawings: dict[str, str] = field(default_factory=dict)
    """Drawings that came with it, by name: the digest of each."""
    version: int = 0
    changed_us: int = 0
    changed_by: str = ""

    @property
    def etag(self) -> str:
        """The version as HTTP carries it."""
        return f'"{self.version}"'

    def find(self, id_: str) -> Item | None:
        return next((item for item in self.items if item.id == id_), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """One version of a picture: who saved it when, and how many items it has."""

    version: int
    at_us: int
    by: str
    deed: str
    """`saved`, `restored` or `removed`."""
    items: int


def check_picture(picture: Picture) -> Picture:
    """The picture itself, or BadPicture saying what is wrong with which item, and what to do."""
    PlantPath.parse(picture.place)
    if not 0 <= picture.version <= MOST_VERSIONS:
        raise BadPicture("The picture says a version that nobody saved.", hint="Send the version you saw.")
    if not any(text.strip() for text in picture.title.values()):
        raise BadPicture("The picture has no title.", hint="Give it one of 1 to 120 characters.")
    if max(map(len, picture.title.values())) > 120:
        raise BadPicture("The title has more than 120 characters.", hint="Make it shorter.")
    if not all(_SIZES[0] <= side <= _SIZES[1] for side in (picture.width, picture.height)):
        raise BadPicture(
            f"The picture is {picture.width:g} by {picture.height:g}.",
            hint=f"Each side has {_SIZES[0]} to {_SIZES[1]} units.",
        )
    if not 0 < picture.grid <= 200:
        raise BadPicture(f"The grid is {picture.grid:g} units wide.", hint="Choose 1 to 200.")
    if len(picture.items) > MOST_ITEMS or sum(len(i.bindings) for i in picture.items) > MOST_BINDINGS:
        raise BadPicture(
            f"The picture has {len(picture.items)} items.",
            hint=f"At most {MOST_ITEMS} items with {MOST_BINDINGS} bindings; split it and link the parts.",
        )
    known: set[str] = set()
    for item in picture.items:
        _check_item(item, known)
        known.add(item.id)
    for item in picture.items:
        _check_parts(item, known, picture.drawings)
    return picture


def _check_item(item: Item, known: set[str]) -> None:
    if not _ID.fullmatch(item.id) or item.id in known:
        why = "is given twice" if item.id in known else "is not allowed"
        raise BadPicture(f"The item id {item.id!r} {why}.", hint="Use 1 to 64 letters, digits, '.', '-' and '_', once.")
    corners = [n for bend in item.bends for n in bend]
    ends = [n for end in (item.start, item.end) if end for n in (end.x, end.y)]
    numbers = [item.x, item.y, item.w, item.h, item.turn, *corners, *ends]
    if not all(math.isfinite(n) and abs(n) <= _FAR for n in numbers) or min(item.w, item.h) < 0:
        raise BadPicture(f"The item {item.id!r} stands where no picture is.", hint="Move it back, or remove it.")
    if len(item.label) > 500:
        raise BadPicture(f"The label of {item.id!r} has {len(item.label)} characters.", hint="At most 500.")
    if item.link and not re.fullmatch(r"/(?!/)[^\s\\]{0,1000}", item.link):
        raise BadPicture(
            f"The item {item.id!r} leads to {item.link!r}.", hint="A link is a page of the console, such as /assets/…."
        )
    for slot, binding in item.bindings.items():
        _check_binding(item, slot, binding)


def _check_binding(item: Item, slot: str, binding: Binding) -> None:
    if not _SLOT.fullmatch(slot):
        raise BadPicture(
            f"The item {item.id!r} has no slot {slot!r}.",
            hint="There are state, open, level, value, alarm and, in drawings, <element>:fill, :text, :show and :turn.",
        )
    PlantPath.parse(binding.path)
    ends = [n for n in (binding.least, binding.most) if n is not None]
    if not all(map(math.isfinite, ends)) or (len(ends) == 2 and ends[0] >= ends[1]):
        raise BadPicture(
            f"The range of {slot!r} of {item.id!r} is empty.", hint="Give a least value below the greatest."
        )


def _check_parts(item: Item, known: set[str], drawings: Mapping[str, str]) -> None:
    for end in (item.start, item.end):
        if end is not None and end.item and end.item not in known:
            raise BadPicture(f"The pipe {item.id!r} ends at {end.item!r}, which is not there.", hint="Move its end.")
    if item.symbol == DRAWING and item.drawing not in drawings:
        raise BadPicture(f"The item {item.id!r} shows the drawing {item.drawing!r}, which the picture does not have.")


def merged(base: Picture, theirs: Picture, mine: Picture) -> tuple[Picture, tuple[str, ...]]:
    """What two people made of the same version, together, on top of `theirs`; and the ids both changed differently.

    Each item is taken from whoever changed it. Where both did, mine stands and is named.
    """
    old, hers, own = ({i.id: i for i in p.items} for p in (base, theirs, mine))
    clashes: list[str] = []
    kept: list[Item] = []
    for id_ in dict.fromkeys((*own, *hers)):
        chosen, clash = _either(old.get(id_), hers.get(id_), own.get(id_))
        kept += [chosen] if chosen else []
        clashes += [id_] if clash else []
    standing = {i.id for i in kept}
    kept = [i for i in kept if all(not e.item or e.item in standing for e in (i.start, i.end) if e)]
    said = {
        name: getattr(theirs if getattr(mine, name) == getattr(base, name) else mine, name)
        for name in ("title", "place", "width", "height", "grid")
    }
    drawings = {**theirs.drawings, **mine.drawings}
    return replace(theirs, items=tuple(kept), drawings=drawings, **said), tuple(clashes)


def _either(old: Item | None, theirs: Item | None, mine: Item | None) -> tuple[Item | None, bool]:
    if theirs in (mine, old):
        return mine, False
    if mine == old:
        return theirs, False
    return mine or theirs, True


def places_of(picture: Picture) -> Iterable[PlantPath]:
    """Every path the picture is bound to, once."""
    return dict.fromkeys(binding.path for item in picture.items for binding in item.bindings.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A user's own drawing after cleaning: markup of its inside, and the elements that can be bound."""

    svg: str
    box: str
    """The `viewBox` it is drawn in."""
    size: tuple[float, float]
    parts: tuple[str, ...] = ()
