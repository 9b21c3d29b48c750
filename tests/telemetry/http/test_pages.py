"""Explore shows values with the units that machines said, and prefers what the twins say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np

import lineshaft.telemetry.pages
from lineshaft.console import Trend
from lineshaft.console.simulation import visitor
from lineshaft.edge import SampleBatch, samples_subject
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.db import Database
from lineshaft.security import Grant, Role, Who, WhoKind
from lineshaft.telemetry import Historian
from lineshaft.telemetry.store import Catalogue

assert lineshaft.telemetry.pages  # importing it registers the screen
VERA = Who(id="v", name="Vera", kind=WhoKind.USER, grants=(Grant(role=Role.VIEWER, subtree="acme"),), origin="test")
PATHS = ["acme/oven/temperature", "acme/oven/pressure", "acme/oven/count"]
Look = Callable[[Who, Sequence[str]], Awaitable[dict[str, str]]]


async def _twins(_who: Who, _paths: Sequence[str]) -> dict[str, str]:
    return {PATHS[1]: "kPa"}


async def test_explore_shows_units(served: Any, db: Database) -> None:
    told = SampleBatch(
        paths=PATHS,
        index=np.arange(3, dtype=np.int32),
        ts=np.full(3, now_us()),
        number=np.ones(3),
        quality=np.zeros(3, dtype=np.uint8),
        units={PATHS[0]: "Cel", PATHS[1]: "bar"},
    )
    await served.bus.publish(samples_subject("acme", "box"), told.encode())
    await served.stored(3)
    historian = Historian(served.owner.store, Catalogue(db), served.security.guard)
    async with visitor(who=VERA, services={"historian": historian, "units": _twins}) as user:
        await user.open(f"/explore?series={','.join(PATHS)}")
        async with asyncio.timeout(10):
            while not (shown := _units(user)) or not any(shown.values()):
                await asyncio.sleep(0.02)
    assert shown == {PATHS[0]: "°C", PATHS[1]: "kPa", PATHS[2]: ""}


def _units(user: Any) -> dict[str, str]:
    charts = [part for part in user.client.elements.values() if isinstance(part, Trend)]
    return {line["id"]: line["unit"] for chart in charts for line in chart.state["lines"]}
