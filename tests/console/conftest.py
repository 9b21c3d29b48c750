"""Viewers and a page that shows one part."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from nicegui.testing import User

from lineshaft.console import View, page
from lineshaft.console.registry import _pages
from lineshaft.console.simulation import visitor


@dataclass(frozen=True)
class Grant:
    role: int


@dataclass(frozen=True)
class Viewer:
    name: str = "Ana"
    grants: tuple[Grant, ...] = (Grant(3),)


ANA = Viewer()

Draw = Callable[[View], Any]
Show = Callable[..., AbstractAsyncContextManager[User]]


@pytest.fixture
def fresh_pages() -> Iterator[None]:
    """Pages registered by a test are forgotten after it."""
    kept = dict(_pages)
    yield
    _pages.clear()
    _pages.update(kept)


@pytest.fixture
def show(fresh_pages: None) -> Show:
    """`async with show(draw) as user:` opens a page drawn by `draw(view)` at /part."""

    @asynccontextmanager
    async def opened(draw: Draw, *, who: Any = ANA, **options: Any) -> AsyncIterator[User]:
        page("/part", title="Part", section="Plant", icon="memory", order=1)(draw)
        async with visitor(who=who, **options) as user:
            await user.open("/part")
            yield user

    return opened
