"""Every change there was, and what each did to which twin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from lineshaft.kernel.db import Transaction
from lineshaft.twins.model import Change, Deed, Draft, Step

from .tables import BINDINGS, CHANGES, STEPS, Row, below, packed, parts, unpacked


async def keep_change(tx: Transaction, change: Change) -> None:
    """Remember a change and its steps."""
    row = {name: getattr(change, name) for name in ("id", "at_us", "twins", "undone")}
    row |= {"by": change.by[:120], "deed": change.deed.value, "path": str(change.path)}
    await tx.execute(sa.insert(CHANGES).values(**row))
    steps = [{"change": change.id, **_step_row(step)} for step in change.steps]
    if steps:
        await tx.execute(sa.insert(STEPS), steps)


async def mark_undone(tx: Transaction, change: str) -> None:
    await tx.execute(sa.update(CHANGES).where(CHANGES.c.id == change).values(undone=True))


async def find_change(tx: Transaction, id_: str) -> Change | None:
    """A change with all its steps."""
    row = await tx.first(sa.select(CHANGES).where(CHANGES.c.id == id_))
    if row is None:
        return None
    steps = await tx.all(sa.select(STEPS).where(STEPS.c.change == id_).order_by(STEPS.c.node))
    return _change(row, tuple(_step(step) for step in steps))


async def history(tx: Transaction, twin: str, *, before: str = "", limit: int = 50) -> list[Change]:
    """Changes that touched a twin, newest first, each with the step of that twin."""
    query = sa.select(CHANGES, STEPS).join(STEPS, STEPS.c.change == CHANGES.c.id).where(STEPS.c.node == twin)
    if before:
        query = query.where(CHANGES.c.id < before)
    rows = await tx.all(query.order_by(CHANGES.c.id.desc()).limit(limit))
    return [_change(row, (_step(row),)) for row in rows]


async def last_id_at(tx: Transaction, path: str) -> str | None:
    """The id of the twin that was last retired at a path."""
    query = sa.select(STEPS.c.node).where(STEPS.c.path == path, STEPS.c.after.is_(None))
    found: str | None = await tx.scalar(query.order_by(STEPS.c.change.desc()).limit(1))
    return found


async def last_versions(tx: Transaction, nodes: Iterable[str]) -> dict[str, int]:
    """The highest version each twin ever had, also of those retired since."""
    found: dict[str, int] = {}
    for part in parts(set(nodes)):
        top = sa.func.max(STEPS.c.version).label("top")
        query = sa.select(STEPS.c.node, top).where(STEPS.c.node.in_(part)).group_by(STEPS.c.node)
        found |= {row["node"]: row["top"] for row in await tx.all(query)}
    return found


async def revision(tx: Transaction) -> str:
    """The id of the newest change; as long as it stays, nothing has changed."""
    return await tx.scalar(sa.select(sa.func.max(CHANGES.c.id))) or ""


async def moved_from(tx: Transaction, paths: Iterable[str]) -> dict[str, str]:
    """Ids of twins that once stood at these places and still read series below them, by place."""
    former: dict[str, str] = {}
    for part in parts(set(paths)):
        query = sa.select(STEPS.c.path, STEPS.c.node).where(STEPS.c.path.in_(part)).order_by(STEPS.c.change)
        former |= {row["path"]: row["node"] for row in await tx.all(query)}
    found = {}
    for path, node in former.items():
        reads = sa.select(BINDINGS.c.node).where(BINDINGS.c.node == node, below(BINDINGS.c.series, path)).limit(1)
        if await tx.scalar(reads) is not None:
            found[path] = node
    return found


def _step_row(step: Step) -> dict[str, Any]:
    """`path` is where the twin stood before, or where it stands now when it was made."""
    draft = step.before or step.after
    assert draft is not None
    before, after = (None if d is None else packed(d) for d in (step.before, step.after))
    return {"node": step.twin, "path": str(draft.path), "version": step.version, "before": before, "after": after}


def _step(row: Row) -> Step:
    before, after = (None if row[c] is None else unpacked(row[c], Draft) for c in ("before", "after"))
    return Step(twin=row["node"], before=before, after=after, version=row["version"])


def _change(row: Row, steps: tuple[Step, ...]) -> Change:
    names = ("id", "at_us", "by", "path", "twins", "undone")
    return Change(deed=Deed(row["deed"]), steps=steps, **{name: row[name] for name in names})
