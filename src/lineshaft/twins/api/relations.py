"""Relations between twins over HTTP: who feeds whom, what is part of what, and names of people's own."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from lineshaft.kernel.http import caller
from lineshaft.security import Who
from lineshaft.twins.model.relations import End, Related, Relation
from lineshaft.twins.service import Repository

Caller = Annotated[Who, Depends(caller)]


class EndOut(BaseModel):
    """A twin at one end; `place` and `name` are empty for one that is not kept here, or that you may not see."""

    shell: str
    place: str
    name: str

    @classmethod
    def of(cls, end: End) -> EndOut:
        return cls(shell=end.shell, place=str(end.place or ""), name=end.name)


class RelationOut(BaseModel):
    """One relation; `id` names it among those that begin at its source."""

    id: str
    name: str
    source: EndOut
    target: EndOut

    @classmethod
    def of(cls, one: Relation) -> RelationOut:
        return cls(id=one.id, name=one.name, source=EndOut.of(one.source), target=EndOut.of(one.target))


class RelatedOut(BaseModel):
    """What became of a change; `version` is what undo takes back."""

    relation: RelationOut | None
    version: int

    @classmethod
    def of(cls, done: Related) -> RelatedOut:
        return cls(relation=RelationOut.of(done.relation) if done.relation else None, version=done.version)


class Relate(BaseModel):
    """A relation to make. Twins are named by plant path or by the id of their shell.

    `name` is `part of`, `feeds`, `located in`, `produced by`, or any name of your own.
    """

    source: str
    name: str
    target: str


class Undo(BaseModel):
    """The change to take back."""

    source: str
    version: int


def router(repository: Repository) -> APIRouter:
    """The routes of relations, below /api/v1."""
    api = APIRouter(prefix="/twins/relations", tags=["twins"])

    @api.get("")
    async def relations(who: Caller, twin: str) -> list[RelationOut]:
        """Relations that begin or end at a twin."""
        return [RelationOut.of(one) for one in await repository.relations.of(who, twin)]

    @api.post("", status_code=201)
    async def relate(who: Caller, body: Relate) -> RelatedOut:
        """Relate one twin to another; 409 names the way by which it would become a part of itself."""
        return RelatedOut.of(await repository.relations.add(who, body.source, body.name, body.target))

    @api.delete("")
    async def remove(who: Caller, source: str, relation: Annotated[str, Query(alias="id")]) -> RelatedOut:
        """Take a relation away."""
        return RelatedOut.of(await repository.relations.remove(who, source, relation))

    @api.post("/undo")
    async def undo(who: Caller, body: Undo) -> RelatedOut:
        """Take the newest change of a twin's relations back."""
        return RelatedOut.of(await repository.relations.undo(who, body.source, body.version))

    return api
