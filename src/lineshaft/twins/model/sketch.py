"""A first picture of a place, made from the tree: machines in the order things flow, their state and main values.

Each place that holds machines becomes a panel; panels fill the canvas from the left, line by line. Whoever knows
the plant moves things from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lineshaft.kernel.terms import Kind, PlantPath

from .nodes import Point, Twin
from .picture import Binding, End, Item, Picture
from .types import called

WIDTH = 1960.0
"""How far panels go to the right before the next line begins."""
_GAP = 20.0
_CELL = (226.0, 278.0)
_HEAD = 40.0
_PER_ROW = 7
_VALUES = 3
SHAPES: Mapping[str, tuple[str, float, float]] = {
    "filler": ("filler", 96, 96),
    "capper": ("capper", 96, 96),
    "labeller": ("labeller", 96, 96),
    "palletiser": ("palletiser", 96, 96),
    "tank": ("tank", 72, 104),
    "pump": ("pump", 80, 80),
    "compressor": ("compressor-screw", 110, 86),
    "conveyor": ("conveyor", 160, 30),
    "robot": ("robot", 84, 94),
    "cnc": ("cnc", 116, 95),
    "gate": ("gate", 84, 84),
    "motor": ("motor", 76, 76),
    "energy-meter": ("meter-energy", 74, 86),
    "flow-meter": ("meter-flow", 76, 76),
    "sensor": ("sensor", 76, 76),
}
"""The symbol of a type of machine, and its size."""
_PLAIN = ("cabinet", 58.0, 87.0)
_FLOW = ("depalletiser", "tank", "pump", "filler", "capper", "labeller", "packer", "palletiser", "robot", "gate")
"""Types in the order in which things usually pass them; others come after, by name."""
_IN_LINE = ("filler", "capper", "labeller", "palletiser")
"""Types that hand things to each other: drawn with a way between them."""


@dataclass(frozen=True, slots=True)
class _Panel:
    """Machines that stand together."""

    path: PlantPath
    title: str
    machines: tuple[Twin, ...]

    @property
    def columns(self) -> int:
        return min(len(self.machines), _PER_ROW)

    @property
    def size(self) -> tuple[float, float]:
        rows = -(-len(self.machines) // _PER_ROW)
        return self.columns * _CELL[0] + _GAP, rows * _CELL[1] + _HEAD + _GAP / 2


def sketch(place: PlantPath, title: str, twins: Sequence[Twin], language: str = "en") -> Picture:
    """A picture of a place from the twins at and below it; without machines it is empty."""
    items: list[Item] = []
    x, y, tall = _GAP, _GAP, 0.0
    for panel in _panels(place, twins, language):
        width, height = panel.size
        if x > _GAP and x + width > WIDTH - _GAP:
            x, y, tall = _GAP, y + tall + _GAP, 0.0
        items += _drawn(panel, x, y, len(items), language)
        x, tall = x + width + _GAP, max(tall, height)
    right = max((item.x + item.w for item in items), default=0.0)
    return Picture(
        title={language: title},
        place=place,
        width=max(right + _GAP, 480.0),
        height=max(y + tall + _GAP, 240.0),
        items=tuple(items),
    )


def _panels(place: PlantPath, twins: Sequence[Twin], language: str) -> list[_Panel]:
    """Machines by the place that holds them, the places with most of them in line first."""
    titles = {t.path: t.title(language) for t in twins}
    groups: dict[PlantPath, list[Twin]] = {}
    for twin in twins:
        if twin.points:
            parent = twin.path.parent
            groups.setdefault(parent if parent and parent.within(place) else place, []).append(twin)
    panels = [
        _Panel(path, titles.get(path, called({}, path.name)), tuple(sorted(group, key=_flow)))
        for path, group in groups.items()
    ]
    return sorted(panels, key=lambda p: (-sum(_type(t) in _IN_LINE for t in p.machines), -len(p.machines), p.path))


def _type(twin: Twin) -> str:
    return twin.draft.type


def _flow(twin: Twin) -> tuple[int, str]:
    return (_FLOW.index(_type(twin)) if _type(twin) in _FLOW else len(_FLOW), twin.path)


def _drawn(panel: _Panel, x: float, y: float, first: int, language: str) -> Iterable[Item]:
    width, height = panel.size
    yield Item(id=f"n{first}", symbol="panel", x=x, y=y, w=width, h=height, label=panel.title)
    number, before = first + 1, None
    for i, machine in enumerate(panel.machines):
        left = x + _GAP / 2 + (i % _PER_ROW) * _CELL[0]
        top = y + _HEAD + (i // _PER_ROW) * _CELL[1]
        made = list(_machine(machine, left, top, number, language))
        yield from made
        number += len(made)
        linked = i % _PER_ROW and before is not None and {_type(machine), _type(before[0])} <= set(_IN_LINE)
        if linked and before is not None:
            yield _way(before, made[0].id, number)
            number += 1
        before = (machine, made[0].id)


def _way(before: tuple[Twin, str], to: str, number: int) -> Item:
    moves = {"state": Binding(path=before[0].path)}
    ends = End(item=before[1], port=1), End(item=to, port=0)
    return Item(id=f"n{number}", symbol="duct", bindings=moves, start=ends[0], end=ends[1])


def _machine(twin: Twin, x: float, y: float, number: int, language: str) -> Iterable[Item]:
    """The symbol with its state, the state in words, and up to three values below each other."""
    symbol, width, height = SHAPES.get(_type(twin), _PLAIN)
    middle = x + _CELL[0] / 2
    bindings = {"state": Binding(path=twin.path)}
    level = twin.find("level") or twin.find("tank-level")
    if level is not None and symbol in ("tank", "filler"):
        bindings["level"] = Binding(path=level.path, least=0.0, most=100.0)
    yield Item(
        id=f"n{number}",
        symbol=symbol,
        x=middle - width / 2,
        y=y + (110 - height),
        w=width,
        h=height,
        label=twin.title(language),
        bindings=bindings,
        link=f"/assets/{twin.path}",
    )
    yield Item(
        id=f"n{number + 1}",
        symbol="badge",
        x=x + 14,
        y=y + 138,
        w=_CELL[0] - 28,
        h=26,
        bindings={"state": bindings["state"]},
    )
    for i, point in enumerate(_telling(twin)):
        yield Item(
            id=f"n{number + 2 + i}",
            symbol="value",
            x=x + 10,
            y=y + 170 + i * 32,
            w=_CELL[0] - 20,
            h=28,
            label=called(point.property.title, point.property.name, language)[:22],
            bindings={"value": Binding(path=point.path)},
        )


def _telling(twin: Twin) -> list[Point]:
    """Measured quantities, those with a normal range first: they are what may go wrong."""
    numbers = [p for p in twin.points if p.property.kind in (Kind.NUMBER, Kind.INTEGER) and not p.property.writable]
    return sorted(numbers, key=lambda p: (not p.property.measured, p.property.high is None))[:_VALUES]
