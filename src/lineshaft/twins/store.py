"""The tables of twins: nodes, where their values come from, types, every change, series without a place.

A twin is one document; what must be found or ordered is also a column. Paths are ordered byte by byte,
so a subtree is one range of an index. All methods take part in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import msgspec
import sqlalchemy as sa

from lineshaft.kernel.db import METADATA, Transaction
from lineshaft.kernel.terms import Kind, PlantPath

from .errors import Outdated
from .model import AssetType, Change, Deed, Draft, Found, Point, Step, Twin

T = TypeVar("T")
_Row: TypeAlias = Any
PATH = sa.String(1024).with_variant(sa.String(1024, collation="C"), "postgresql")
NODES = sa.Table(
    "twins_nodes",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("path", PATH, nullable=False, unique=True),
    sa.Column("parent", PATH, nullable=False, index=True),
    sa.Column("level", sa.String(16), nullable=False),
    sa.Column("type", sa.String(64), nullable=False, index=True),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("document", sa.LargeBinary, nullable=False),
    sa.Column("changed_us", sa.BigInteger, nullable=False),
    sa.Column("changed_by", sa.String(120), nullable=False),
)
BINDINGS = sa.Table(
    "twins_bindings",
    METADATA,
    sa.Column("node", sa.String(32), primary_key=True),
    sa.Column("property", sa.String(64), primary_key=True),
    sa.Column("series", PATH, nullable=False, index=True),
)
TYPES = sa.Table(
    "twins_types",
    METADATA,
    sa.Column("organisation", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("document", sa.LargeBinary, nullable=False),
)
CHANGES = sa.Table(
    "twins_changes",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("at_us", sa.BigInteger, nullable=False),
    sa.Column("by", sa.String(120), nullable=False),
    sa.Column("deed", sa.String(16), nullable=False),
    sa.Column("path", PATH, nullable=False),
    sa.Column("twins", sa.Integer, nullable=False),
    sa.Column("undone", sa.Boolean, nullable=False),
)
STEPS = sa.Table(
    "twins_steps",
    METADATA,
    sa.Column("change", sa.String(32), primary_key=True),
    sa.Column("node", sa.String(32), primary_key=True, index=True),
    sa.Column("path", PATH, nullable=False, index=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("before", sa.LargeBinary),
    sa.Column("after", sa.LargeBinary),
)
SERIES = sa.Table(
    "twins_series",
    METADATA,
    sa.Column("path", PATH, primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("unit", sa.String(32), nullable=False),
    sa.Column("declined", sa.Boolean, nullable=False),
)
_AT_ONCE = 500
"""Rows named in one statement; databases bound the number of parameters."""
_CHILDREN = NODES.alias("children")
_COUNTED = (
    NODES,
    sa.select(sa.func.count()).where(_CHILDREN.c.parent == NODES.c.path).scalar_subquery().label("children"),
)


# ---- looking for twins ----


async def find(tx: Transaction, path: str) -> Twin | None:
    row = await tx.first(sa.select(*_COUNTED).where(NODES.c.path == path))
    return _twin(row) if row else None


async def find_all(tx: Transaction, paths: Iterable[str]) -> dict[str, Twin]:
    """Those of these paths where a twin is."""
    rows = [r for part in _parts(set(paths)) for r in await tx.all(sa.select(*_COUNTED).where(NODES.c.path.in_(part)))]
    return {row["path"]: _twin(row) for row in rows}


async def find_ids(tx: Transaction, ids: Iterable[str]) -> dict[str, Twin]:
    """The twins of these ids that have not been retired."""
    rows = [r for part in _parts(set(ids)) for r in await tx.all(sa.select(*_COUNTED).where(NODES.c.id.in_(part)))]
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
    query = sa.select(*_COUNTED).where(NODES.c.path > after, _any_within(sees), within(NODES.c.path, under))
    if parent is not None:
        query = query.where(NODES.c.parent == parent)
    for word in words:
        query = query.where(NODES.c.words.contains(word.casefold(), autoescape=True))
    if type_:
        query = query.where(NODES.c.type == type_)
    if levels:
        query = query.where(NODES.c.level.in_(levels))
    return [_twin(row) for row in await tx.all(query.order_by(NODES.c.path).limit(limit))]


async def children_of(tx: Transaction, parents: Iterable[str]) -> list[Twin]:
    """The twins right below any of these places."""
    queries = [sa.select(*_COUNTED).where(NODES.c.parent.in_(part)) for part in _parts(set(parents))]
    return [_twin(row) for query in queries for row in await tx.all(query)]


async def moved_from(tx: Transaction, path: str) -> str | None:
    """The id of the twin that once stood at a path and still reads series below it; None without one."""
    readers = sa.select(BINDINGS.c.node).where(_below(BINDINGS.c.series, path))
    query = sa.select(STEPS.c.node).where(STEPS.c.path == path, STEPS.c.node.in_(readers))
    found: str | None = await tx.scalar(query.order_by(STEPS.c.change.desc()).limit(1))
    return found


async def of_type(tx: Transaction, organisation: str, name: str) -> list[Twin]:
    """The twins of an organisation that have a type."""
    query = sa.select(*_COUNTED).where(NODES.c.type == name, within(NODES.c.path, organisation))
    return [_twin(row) for row in await tx.all(query)]


# ---- changing twins ----


async def write(
    tx: Transaction, before: Mapping[str, Twin], after: Mapping[str, Twin], bindings: Mapping[str, Sequence[Point]]
) -> None:
    """Replace the twins in `before` (by id) by those in `after`; Outdated when one is no longer what it was."""
    gone = [twin for id_, twin in before.items() if id_ not in after]
    for twin in gone:
        await _only(tx, sa.delete(NODES).where(NODES.c.id == twin.id, NODES.c.version == twin.version), twin)
    kept = [twin for id_, twin in after.items() if id_ in before]
    # Paths may be swapped among twins that move together: first make room, then take the new places.
    for twin in kept:
        old = before[twin.id]
        room = sa.update(NODES).where(NODES.c.id == twin.id, NODES.c.version == old.version)
        await _only(tx, room.values(**_row(twin), path=twin.id if twin.path != old.path else twin.path), old)
    for twin in kept:
        if twin.path != before[twin.id].path:
            await tx.execute(sa.update(NODES).where(NODES.c.id == twin.id).values(path=str(twin.path)))
    new = [{"id": t.id, "path": str(t.path), **_row(t)} for id_, t in after.items() if id_ not in before]
    if new:
        await tx.execute(sa.insert(NODES), new)
    await rebind(tx, [*before, *after], bindings)


async def rebind(tx: Transaction, ids: Iterable[str], bindings: Mapping[str, Sequence[Point]]) -> None:
    """Note which series these twins read from now on."""
    for part in _parts(set(ids)):
        await tx.execute(sa.delete(BINDINGS).where(BINDINGS.c.node.in_(part)))
    rows = [
        {"node": id_, "property": p.property.name, "series": str(p.series)}
        for id_, points in bindings.items()
        for p in points
    ]
    if rows:
        await tx.execute(sa.insert(BINDINGS), rows)


async def _only(tx: Transaction, statement: sa.Executable, twin: Twin) -> None:
    if (await tx.execute(statement)).rowcount != 1:
        raise Outdated(f"{twin.path} is no longer at version {twin.version}.")


def _row(twin: Twin) -> dict[str, Any]:
    draft = twin.draft
    return {
        "parent": str(twin.path.parent or ""),
        "level": draft.level.value,
        "type": draft.type,
        "words": " ".join((twin.path.name, *draft.title.values(), draft.type)).casefold(),
        "version": twin.version,
        "document": _packed(draft),
        "changed_us": twin.changed_us,
        "changed_by": twin.changed_by[:120],
    }


# ---- changes ----


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
    for part in _parts(set(nodes)):
        top = sa.func.max(STEPS.c.version).label("top")
        query = sa.select(STEPS.c.node, top).where(STEPS.c.node.in_(part)).group_by(STEPS.c.node)
        found |= {row["node"]: row["top"] for row in await tx.all(query)}
    return found


async def revision(tx: Transaction) -> str:
    """The id of the newest change; as long as it stays, nothing has changed."""
    return await tx.scalar(sa.select(sa.func.max(CHANGES.c.id))) or ""


# ---- types ----


async def types(tx: Transaction, organisation: str) -> dict[str, AssetType]:
    """An organisation's own types by name."""
    rows = await tx.all(sa.select(TYPES).where(TYPES.c.organisation == organisation).order_by(TYPES.c.name))
    return {row["name"]: _unpacked(row["document"], AssetType) for row in rows}


async def put_type(tx: Transaction, organisation: str, kind: AssetType) -> None:
    await drop_type(tx, organisation, kind.name)
    row = {"organisation": organisation, "name": kind.name, "version": kind.version, "document": _packed(kind)}
    await tx.execute(sa.insert(TYPES).values(**row))


async def drop_type(tx: Transaction, organisation: str, name: str) -> None:
    await tx.execute(sa.delete(TYPES).where(TYPES.c.organisation == organisation, TYPES.c.name == name))


# ---- series ----


async def note_series(tx: Transaction, found: Iterable[Found]) -> list[Found]:
    """Remember series; returns those that are new here."""
    by_path = {str(one.path): one for one in found}
    for part in _parts(by_path):
        for row in await tx.all(sa.select(SERIES.c.path).where(SERIES.c.path.in_(part))):
            del by_path[row["path"]]
    rows = [
        {"path": path, "kind": one.kind.value if one.kind else "", "unit": one.unit[:32], "declined": False}
        for path, one in by_path.items()
    ]
    if rows:
        await tx.execute(sa.insert(SERIES), rows)
    return list(by_path.values())


async def unplaced(
    tx: Transaction, *, sees: Sequence[str], under: str = "", after: str = "", declined: bool | None = None, limit: int
) -> list[Found]:
    """Series that no twin reads, by path."""
    placed = sa.select(BINDINGS.c.series).where(BINDINGS.c.series == SERIES.c.path)
    query = sa.select(SERIES).where(
        SERIES.c.path > after, within(SERIES.c.path, under), _any_within(sees, SERIES.c.path), ~placed.exists()
    )
    if declined is not None:
        query = query.where(SERIES.c.declined == declined)
    return [_found(row) for row in await tx.all(query.order_by(SERIES.c.path).limit(limit))]


async def find_series(tx: Transaction, paths: Iterable[str]) -> list[Found]:
    """What is known of these series."""
    rows = [r for part in _parts(set(paths)) for r in await tx.all(sa.select(SERIES).where(SERIES.c.path.in_(part)))]
    return [_found(row) for row in rows]


async def decline(tx: Transaction, paths: Iterable[str], *, declined: bool = True) -> None:
    """Do not give these series a place without asking."""
    for part in _parts(set(paths)):
        await tx.execute(sa.update(SERIES).where(SERIES.c.path.in_(part)).values(declined=declined))


# ---- rows ----


def within(column: sa.ColumnElement[Any], path: str) -> sa.ColumnElement[bool]:
    """Whether a path is a place or lies below it; the empty place holds everything."""
    return sa.true() if path == "" else sa.or_(column == path, _below(column, path))


def _below(column: sa.ColumnElement[Any], path: str) -> sa.ColumnElement[bool]:
    return sa.and_(column > path + "/", column < path + "0")  # '0' follows '/'


def _any_within(sees: Sequence[str], column: sa.ColumnElement[Any] = NODES.c.path) -> sa.ColumnElement[bool]:
    return sa.or_(sa.false(), *(within(column, tree) for tree in sees))


def _parts(items: Iterable[T]) -> list[list[T]]:
    everything = list(items)
    return [everything[i : i + _AT_ONCE] for i in range(0, len(everything), _AT_ONCE)]


def _packed(document: Draft | AssetType) -> bytes:
    return msgspec.json.encode(document, enc_hook=str)


def _unpacked(document: bytes, kind: type[T]) -> T:
    return msgspec.json.decode(document, type=kind, dec_hook=lambda wanted, value: wanted(value))


def _twin(row: _Row) -> Twin:
    return Twin(
        id=row["id"],
        draft=_unpacked(row["document"], Draft),
        version=row["version"],
        changed_us=row["changed_us"],
        changed_by=row["changed_by"],
        children=row["children"],
    )


def _step_row(step: Step) -> dict[str, Any]:
    """`path` is where the twin stood before, or where it stands now when it was made."""
    draft = step.before or step.after
    assert draft is not None
    before, after = (None if d is None else _packed(d) for d in (step.before, step.after))
    return {"node": step.twin, "path": str(draft.path), "version": step.version, "before": before, "after": after}


def _step(row: _Row) -> Step:
    before, after = (None if row[c] is None else _unpacked(row[c], Draft) for c in ("before", "after"))
    return Step(twin=row["node"], before=before, after=after, version=row["version"])


def _change(row: _Row, steps: tuple[Step, ...]) -> Change:
    names = ("id", "at_us", "by", "path", "twins", "undone")
    return Change(deed=Deed(row["deed"]), steps=steps, **{name: row[name] for name in names})


def _found(row: _Row) -> Found:
    return Found(path=PlantPath(row["path"]), kind=Kind(row["kind"]) if row["kind"] else None, unit=row["unit"])
