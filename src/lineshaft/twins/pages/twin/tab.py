"""The tabs of one twin: a decorator says what a tab is called, where it stands and which twins have it.

@tab("structure", title="Structure", order=30, fits=lambda twin: twin.follows("bill_of_materials"))
async def structure(twin: Opened) -> None: ...

A module in `tabs/` is a tab; it is found, never listed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from .opened import Opened

Draw: TypeAlias = Callable[[Opened], Awaitable[None] | None]

_tabs: dict[str, Tab] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """One tab; `name` stands in the address as `?tab=name`."""

    name: str
    title: str
    draw: Draw
    order: int
    fits: Callable[[Opened], bool]


def tab(
    name: str, *, title: str, order: int = 100, fits: Callable[[Opened], bool] = lambda _: True
) -> Callable[[Draw], Draw]:
    """Make a function a tab of every twin that it fits; `title` is translated."""

    def register(draw: Draw) -> Draw:
        _tabs[name] = Tab(name=name, title=title, draw=draw, order=order, fits=fits)
        return draw

    return register


def tabs_of(twin: Opened) -> list[Tab]:
    """The tabs a twin has, in their order."""
    return sorted((one for one in _tabs.values() if one.fits(twin)), key=lambda one: (one.order, one.name))
