"""Keeps a shell for every twin of the tree: what the tree says is written into the repository.

Everything is made anew from the twin as it stands, so the same twin may be projected any number of times.
Submodels that people add to a shell stay; what the projection makes itself is overwritten by it.
"""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM
from lineshaft.twins.errors import NoDocument, NoTwin
from lineshaft.twins.metamodel.references import submodel_ids, to_identifiable
from lineshaft.twins.model import Twin
from lineshaft.twins.model.repository import Document, Json, Kind
from lineshaft.twins.model.shell import PARTS, made_for, operational_data, part_id, shell_id, shell_of, structure
from lineshaft.twins.service.twins import MOST, Twins

from .repository import Repository

KEPT = ("Relations", "LifeCycle")
"""Submodels that outlive their shell: what people said of a twin stays when it is retired, and is back with it."""


class Projection:
    """From the tree into the repository."""

    def __init__(self, twins: Twins, repository: Repository) -> None:
        self._twins = twins
        self._repository = repository

    async def all(self) -> int:
        """Every twin there is; returns how many. Documents that are right already are not written."""
        after, count = "", 0
        while found := await self._twins.list_(PLATFORM, after=after, limit=MOST):
            for twin in found:
                await self._put(twin)
            count, after = count + len(found), found[-1].path
        return count

    async def twin(self, path: str) -> None:
        """The twin at a path and the one above it, whose structure names it; nothing where none stands."""
        for place in (PlantPath(path), PlantPath(path).parent):
            found = await self._twins.find(PLATFORM, place) if place else None
            if found is not None:
                await self._put(found)

    async def retired(self, id_: str, path: str) -> None:
        """A twin that is no more: its shell and what was made for it go, its history stays."""
        for kind, which in ((Kind.SHELL, shell_id(id_)), *((Kind.SUBMODEL, part_id(id_, part)) for part in PARTS)):
            try:
                await self._repository.delete(PLATFORM, kind, which)
            except NoDocument:
                continue
        parent = PlantPath(path).parent
        if parent:
            await self.twin(parent)

    async def _put(self, twin: Twin) -> None:
        try:
            children = await self._children(twin.path)
        except NoTwin:
            return
        shell = shell_of(twin)
        try:
            old = await self._repository.get(PLATFORM, Kind.SHELL, shell["id"])
        except NoDocument:
            shell["submodels"] += await self._kept(shell["id"])
        else:
            await self._follow(old, twin.path)
        await self._one(Kind.SHELL, shell, twin.path)
        await self._one(Kind.SUBMODEL, operational_data(twin), twin.path)
        await self._one(Kind.SUBMODEL, structure(twin, children), twin.path)

    async def _kept(self, shell: str) -> list[Json]:
        """References to what stayed of a twin that was retired."""
        ids = [made_for(shell, part) for part in KEPT]
        return [to_identifiable("Submodel", id_) for id_ in ids if await self._stands(id_)]

    async def _stands(self, id_: str) -> bool:
        try:
            await self._repository.get(PLATFORM, Kind.SUBMODEL, id_)
        except NoDocument:
            return False
        return True

    async def _follow(self, shell: Document, to: PlantPath) -> None:
        """Submodels that stand at a shell move with it, those that others have added too."""
        for id_ in submodel_ids(orjson.loads(shell.body)) if shell.place != to else ():
            try:
                found = await self._repository.get(PLATFORM, Kind.SUBMODEL, id_)
            except NoDocument:
                continue
            if found.place.parent == shell.place:
                await self._repository.change(PLATFORM, Kind.SUBMODEL, id_, lambda document: document, place=to)

    async def _children(self, path: str) -> list[Twin]:
        found: list[Twin] = []
        while some := await self._twins.children(PLATFORM, path, after=found[-1].path if found else "", limit=MOST):
            found += some
            if len(some) < MOST:
                break
        return found

    async def _one(self, kind: Kind, document: Json, place: PlantPath) -> None:
        try:
            await self._repository.change(
                PLATFORM, kind, document["id"], lambda old: _merged(kind, old, document), place=place
            )
        except NoDocument:
            await self._repository.create(PLATFORM, kind, document, place=place)


def _merged(kind: Kind, old: Json, new: Json) -> Json:
    """The new document, with the submodels that others have added to an old shell."""
    if kind is not Kind.SHELL:
        return new
    ours = _ids(new)
    others = [reference for reference in old.get("submodels", ()) if not _ids({"submodels": [reference]}) & ours]
    return {**new, "submodels": [*new["submodels"], *others]}


def _ids(shell: Json) -> set[str]:
    references: Iterable[Json] = shell.get("submodels", ())
    return {key["value"] for reference in references for key in reference["keys"][-1:]}
