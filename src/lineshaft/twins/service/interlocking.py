"""Who may say what must hold before something is written.

An interlock shuts every way of writing to the series of its property, and tells those it keeps out what it read. So
whoever makes one may change that series, and may see every value elsewhere that it names.
"""

from __future__ import annotations

from collections.abc import Iterable

from lineshaft.kernel.db import Transaction
from lineshaft.security import Guard, Role, Who
from lineshaft.twins import store
from lineshaft.twins.model import Draft, Point, Twin
from lineshaft.twins.model.interlocks import parse_interlock

from .edit import dressed


async def points_now(tx: Transaction, drafts: Iterable[Draft]) -> list[Point]:
    """The properties of the twins that stand where these drafts are for."""
    standing = await store.find_all(tx, [draft.path for draft in drafts])
    return [point for twin in await dressed(tx, standing.values()) for point in twin.points]


async def points_then(tx: Transaction, drafts: Iterable[Draft]) -> list[Point]:
    """The properties these drafts have."""
    twins = await dressed(tx, [Twin(id="", draft=draft) for draft in drafts])
    return [point for twin in twins for point in twin.points]


async def require_interlocks(
    guard: Guard, who: Who, action: str, before: Iterable[Point], after: Iterable[Point]
) -> None:
    """Ask for an engineer of each series that gets another interlock, who sees what that reads elsewhere."""
    known = {(point.series, point.property.interlock) for point in before}
    for point in after:
        interlock = point.property.interlock
        if not interlock or (point.series, interlock) in known:
            continue
        await guard.require(who, Role.ENGINEER, point.series, action)
        for name in parse_interlock(interlock).names:
            if "/" in name:
                await guard.require(who, Role.VIEWER, name, action)
