"""Twins: found, listed, replaced; and which series they read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from lineshaft.kernel.db import Transaction
from lineshaft.twins.errors import Outdated
from lineshaft.twins.model import Draft, Point, Twin

from .tables import BINDINGS, NODES, Row, any_within, packed, parts, unpacked, within

_CHILDREN = NODES.alias("children")
_COUNTED = (
    NODES,
    sa.select(sa.func.count()).where(_CHILDREN.c.parent == NODES.c.path).scalar_subquery().label("children"),
)


async def find(tx: Transaction, path: str) -> Twin | None:
    row = await tx.first(sa.select(*_COUNTED).where(NODES.c.path == path))
    return _twin(row) if row else None


async def find_all(tx: Transaction, paths: Iterable[str]) -> dict[str, Twin]:
    """Those of these paths where a twin is."""
    rows = [r for part in parts(set(paths)) for r in await tx.all(sa.select(*_COUNTED).where(NODES.c.path.in_(part)))]
    return {row["path"]: _twin(row) for row in rows}


async def find_ids(tx: Transaction, ids: Iterable[str]) -> dict[str, Twin]:
    """The twins of these ids that have not been retired."""
    rows = [r for part in parts(set(ids)) for r in await tx.all(sa.select(*_COUNTED).where(NODES.c.id.in_(part)))]
    return {row["id"]: _twin(row) for row in rows}


async def subtree(tx: Transaction, path: str) -> list[Twin]:
    """A twin and everything below it, parents before children."""
    rows = await tx.all(sa.select(*_COUNTED).where(within(NODES.c.path, path)))
    return sorted((_twin(row) for row in rows), key=lambda t: (t.path.count("/"), t.path))


async def page(
    tx: Transaction,
    *,
    sees: Sequence[str],
    under: str = "",
    parent: str | None = None,
    words: Sequence[str] = (),
    type_: str = "",
    levels: Sequence[str] = (),
    after: str = "",
    limit: int = 100,
) -> list[Twin]:
    """Twins by path; `sees` are the subtrees the caller may read, `parent` asks for direct children only."""
    query = sa.select(*_COUNTED).where(NODES.c.path > after, any_within(sees), within(NODES.c.path, under))
    if parent is not None:
        query = query.where(NODES.c.parent == parent)
    for word in words:
        query = query.where(NODES.c.words.contains(word.casefold(), autoescape=True))
    if type_:
        query = query.where(NODES.c.type == type_)
    if levels:
        query = query.where(NODES.c.level.in_(levels))
    return [_twin(row) for row in await tx.all(query.order_by(NODES.c.path).limit(limit))]


async def count(tx: Transaction, *, sees: Sequence[str], under: str, levels: Sequence[str]) -> int:
    """How many twins of some levels stand at and below a place."""
    query = sa.select(sa.func.count()).select_from(NODES)
    query = query.where(any_within(sees), within(NODES.c.path, under), NODES.c.level.in_(levels))
    return int(await tx.scalar(query) or 0)


async def children_of(tx: Transaction, parents: Iterable[str]) -> list[Twin]:
    """The twins right below any of these places."""
    queries = [sa.select(*_COUNTED).where(NODES.c.parent.in_(part)) for part in parts(set(parents))]
    return [_twin(row) for query in queries for row in await tx.all(query)]


async def of_type(tx: Transaction, organisation: str, name: str) -> list[Twin]:
    """The twins of an organisation that have a type."""
    query = sa.select(*_COUNTED).where(NODES.c.type == name, within(NODES.c.path, organisation))
    return [_twin(row) for row in await tx.all(query)]


async def write(
    tx: Transaction, before: Mapping[str, Twin], after: Mapping[str, Twin], bindings: Mapping[str, Sequence[Point]]
) -> None:
    """Replace the twins in `before` (by id) by those in `after`; Outdated when one is no longer what it was."""
    await _hold(tx, before)
    for part in parts([id_ for id_ in before if id_ not in after]):
        await tx.execute(sa.delete(NODES).where(NODES.c.id.in_(part)))
    kept = [twin for id_, twin in after.items() if id_ in before]
    movers = [twin for twin in kept if twin.path != before[twin.id].path]
    # Paths may be swapped among twins that move together: first make room, then take the new places.
    await _update(tx, [{"which": t.id, "path": t.id} for t in movers])
    await _update(tx, [{"which": t.id, "path": str(t.path), **_row(t)} for t in kept])
    new = [{"id": t.id, "path": str(t.path), **_row(t)} for id_, t in after.items() if id_ not in before]
    if new:
        await tx.execute(sa.insert(NODES), new)
    await rebind(tx, [*before, *after], bindings)


async def rebind(tx: Transaction, ids: Iterable[str], bindings: Mapping[str, Sequence[Point]]) -> None:
    """Note which series these twins read from now on."""
    for part in parts(set(ids)):
        await tx.execute(sa.delete(BINDINGS).where(BINDINGS.c.node.in_(part)))
    rows = [
        {"node": id_, "property": p.property.name, "series": str(p.series)}
        for id_, points in bindings.items()
        for p in points
    ]
    if rows:
        await tx.execute(sa.insert(BINDINGS), rows)


async def readers_of(tx: Transaction, series: Iterable[str]) -> list[str]:
    """Ids of the twins that read any of these series."""
    found: dict[str, None] = {}
    for part in parts(set(series)):
        query = sa.select(BINDINGS.c.node).where(BINDINGS.c.series.in_(part)).order_by(BINDINGS.c.node).distinct()
        found |= dict.fromkeys((await tx.execute(query)).scalars())
    return list(found)


async def series_read(tx: Transaction, path: str) -> set[str]:
    """The series that the properties of a twin read; none when there is no twin."""
    query = sa.select(BINDINGS.c.series).join(NODES, NODES.c.id == BINDINGS.c.node).where(NODES.c.path == path)
    return set((await tx.execute(query)).scalars())


async def _hold(tx: Transaction, before: Mapping[str, Twin]) -> None:
    """Keep others from changing these twins until the transaction ends; Outdated when one has changed already."""
    versions: dict[str, int] = {}
    for part in parts(before):
        query = sa.select(NODES.c.id, NODES.c.version).where(NODES.c.id.in_(part)).with_for_update()
        versions |= {row["id"]: row["version"] for row in await tx.all(query)}
    for id_, twin in before.items():
        if versions.get(id_) != twin.version:
            raise Outdated(f"{twin.path} is no longer at version {twin.version}.")


async def _update(tx: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Change many nodes with one statement; `which` names the node."""
    if rows:
        values: dict[str, Any] = {name: sa.bindparam(name) for name in rows[0] if name != "which"}
        await tx.execute(sa.update(NODES).where(NODES.c.id == sa.bindparam("which")).values(values), rows)


def _row(twin: Twin) -> dict[str, Any]:
    draft = twin.draft
    return {
        "parent": str(twin.path.parent or ""),
        "level": draft.level.value,
        "type": draft.type,
        "words": " ".join((twin.path.name, *draft.title.values(), draft.type)).casefold(),
        "version": twin.version,
        "document": packed(draft),
        "changed_us": twin.changed_us,
        "changed_by": twin.changed_by[:120],
    }


def _twin(row: Row) -> Twin:
    return Twin(
        id=row["id"],
        draft=unpacked(row["document"], Draft),
        version=row["version"],
        changed_us=row["changed_us"],
        changed_by=row["changed_by"],
        children=row["children"],
    )
