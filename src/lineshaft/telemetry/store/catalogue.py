"""Finds series in the catalogue: by place, by pattern, by words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from lineshaft.kernel.clock import from_us
from lineshaft.kernel.db import Database
from lineshaft.kernel.terms import Kind, PlantPath
from lineshaft.telemetry.model import Branch, Series, glob

from .series import SERIES

_AT_ONCE = 500
_PAGE = 2_000
_LAST = "/\U0010ffff"
"""A path with this after it sorts behind everything below the path."""


class Catalogue:
    """Knows which series there are."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(
        self, trees: Sequence[str], *, pattern: str = "", search: str = "", after: str = "", limit: int = 1_000
    ) -> list[Series]:
        """Series at or below `trees` that match, ordered by path, those after the path `after`.

        `pattern` is a glob over whole paths; `search` are words that all occur in the path, in any case.
        """
        page = max(_PAGE, limit) if pattern else limit
        found: list[Series] = []
        while len(found) < limit:
            async with self._db.read() as tx:
                rows = await tx.all(_matching(trees, search, after).limit(page))
            found += [_series(row) for row in rows if _fits(row["path"], trees, pattern)]
            if len(rows) < page:
                break
            after = rows[-1]["path"]
        return found[:limit]

    async def branches(self, trees: Sequence[str], parent: str, *, limit: int) -> list[Branch]:
        """What lies one step below `parent` within `trees`, in order; one look-up each, however much lies below."""
        found: dict[str, Branch] = {}
        depth, after = parent.count("/") + 2 if parent else 1, parent
        while len(found) < limit:
            async with self._db.read() as tx:
                row = await tx.first(_matching(trees, "", after).limit(1))
            if row is None:
                break
            parts = row["path"].split("/")
            path, deeper = "/".join(parts[:depth]), len(parts) > depth
            before = found.get(path)
            found[path] = Branch(
                path=PlantPath(path),
                series=not deeper or (before is not None and before.series),
                deeper=deeper or (before is not None and before.deeper),
            )
            after = f"{path}{_LAST}" if deeper else row["path"]
        return list(found.values())

    async def known(self, paths: Sequence[str]) -> set[str]:
        """Those of the paths that have samples."""
        return set(await self.units(paths))

    async def units(self, paths: Sequence[str]) -> dict[str, str]:
        """The units of those of the paths that have samples; empty where no machine said one."""
        found: dict[str, str] = {}
        async with self._db.read() as tx:
            for start in range(0, len(paths), _AT_ONCE):
                some = paths[start : start + _AT_ONCE]
                rows = await tx.all(sa.select(SERIES.c.path, SERIES.c.unit).where(SERIES.c.path.in_(some)))
                found |= {row["path"]: row["unit"] for row in rows}
        return found


class _Bytewise(FunctionElement[str]):
    """A text that compares by its bytes, which SQLite does by itself and PostgreSQL when told so."""

    type = sa.String()
    inherit_cache = True


@compiles(_Bytewise)
def _as_it_is(element: _Bytewise, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(_Bytewise, "postgresql")
def _told_so(element: _Bytewise, compiler: Any, **options: Any) -> str:
    return f'{compiler.process(element.clauses, **options)} COLLATE "C"'


def _matching(trees: Sequence[str], search: str, after: str) -> sa.Select[Any]:
    wanted = sa.select(SERIES).order_by(_Bytewise(SERIES.c.path))
    if "" not in trees:
        places = [
            sa.or_(SERIES.c.path == tree, SERIES.c.path.startswith(f"{tree}/", autoescape=True)) for tree in trees
        ]
        wanted = wanted.where(sa.or_(*places))
    for word in search.lower().split():
        wanted = wanted.where(sa.func.lower(SERIES.c.path).contains(word, autoescape=True))
    return wanted.where(_Bytewise(SERIES.c.path) > after) if after else wanted


def _fits(path: str, trees: Sequence[str], pattern: str) -> bool:
    """SQLite's LIKE knows no case for ASCII letters, so places are looked at once more."""
    place = PlantPath(path)
    return any(place.within(tree) for tree in trees) and (not pattern or glob(pattern).fullmatch(path) is not None)


def _series(row: sa.RowMapping) -> Series:
    return Series(path=PlantPath(row["path"]), kind=Kind(row["kind"]), since=from_us(row["first_us"]), unit=row["unit"])
