"""Questions about how twins hang together over HTTP: which are near one, and which of those a property fits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from lineshaft.kernel.errors import Invalid, PlatformError
from lineshaft.kernel.http import Slice, caller, pack_cursor, unpack_cursor
from lineshaft.security import Who
from lineshaft.twins.model.graph import Bond, Compare, Condition, Direction, Match, Net, Rank, Tie
from lineshaft.twins.model.relations import End, tie
from lineshaft.twins.service import Repository

from .relations import EndOut

Caller = Annotated[Who, Depends(caller)]
FAR = 20
"""Hops at most."""
Number = Annotated[float, Field(allow_inf_nan=False)]
Words = Annotated[str, Field(max_length=2048)]


class Asked(BaseModel):
    """Keys that are not known are refused, with their place."""

    model_config = ConfigDict(extra="forbid")


class Walk(Asked):
    """Which twins are near one."""

    twin: str = Field(description="Where to begin: a plant path, the id of a shell, or a global asset id.")
    hops: int = Field(default=2, ge=0, le=FAR, description="Relations between it and a twin that counts, at most.")
    direction: Direction = Field(
        default=Direction.FORWARD,
        description="forward leads from a whole to its parts, from what feeds to what is fed, and along any other "
        "relation from where it begins to where it ends.",
    )


class Where(Asked):
    """What a property must say. A number is compared with numbers, a text with texts; live values count."""

    property: Words = Field(default="", description="Its idShortPath in a submodel, such as `bearing-temperature`.")
    semantic_id: Words = Field(default="", description="What it means; one of the two is needed.")
    compare: Compare = Compare.EQ
    value: Number | Words


class Question(Walk):
    """Properties of twins near one that compare to a value."""

    relations: list[Words] = Field(
        default=["part of", "feeds"],
        max_length=100,
        description="What to follow: part of, feeds, located in, produced by, or names of your own.",
    )
    where: Where
    type: Words = Field(default="", description="Only twins whose asset has this type, such as `sensor`.")
    cursor: str = ""
    limit: int = Field(default=100, ge=1, le=1000)


class MatchOut(BaseModel):
    """A property that fits. `twin` is null when the thing has no shell here; `thing` names it all the same."""

    twin: EndOut | None
    thing: str
    hops: int
    submodel: str
    property: str
    text: str | None
    number: float | None

    @classmethod
    def of(cls, match: Match, end: End | None) -> MatchOut:
        return cls(
            twin=EndOut.of(end) if end else None,
            thing=match.thing,
            hops=match.hops,
            submodel=match.submodel,
            property=match.path,
            text=match.text,
            number=match.number,
        )


class Look(Walk):
    """Everything near a twin, to be drawn."""

    direction: Direction = Direction.BOTH
    relations: list[Words] | None = Field(
        default=None, max_length=100, description="What to follow; everything that relates twins when left out."
    )
    limit: int = Field(default=300, ge=1, le=1000, description="Things at most, the nearest first.")


class ThingOut(BaseModel):
    """A thing near the one asked for."""

    twin: EndOut | None
    thing: str
    hops: int


class BondOut(BaseModel):
    """One relation between two of the things; `source` is part of, feeds, is located in … `target`."""

    name: str
    source: str
    target: str

    @classmethod
    def of(cls, bond: Bond) -> BondOut:
        return cls(name=bond.name, source=bond.source, target=bond.target)


class NetOut(BaseModel):
    """Things and their relations; `left_out` counts things that are near too but more than `limit`."""

    things: list[ThingOut]
    relations: list[BondOut]
    left_out: int

    @classmethod
    def of(cls, net: Net, ends: dict[str, End]) -> NetOut:
        things = [
            ThingOut(twin=EndOut.of(ends[thing]) if thing in ends else None, thing=thing, hops=hops)
            for thing, hops in zip(net.things, net.hops, strict=True)
        ]
        return cls(things=things, relations=[BondOut.of(bond) for bond in net.bonds], left_out=net.left_out)


def router(repository: Repository) -> APIRouter:
    """The routes of questions, below /api/v1."""
    api, graph = APIRouter(prefix="/twins/graph", tags=["twins"]), repository.graph

    @api.post("/matches")
    async def matches(who: Caller, body: Question) -> Slice[MatchOut]:
        """Twins near one with a property that compares to a value: `all sensors two hops below a line above 50`.

        The nearest come first. Only relations and properties that you may see count, on the way too; values are
        those of now. A question that cannot be asked is refused (400) with its place, such as `body.relations.1`.
        """
        found = await graph.below(
            who,
            body.twin,
            hops=body.hops,
            condition=_condition(body.where),
            kinds=_ties(body.relations),
            direction=body.direction,
            type_=body.type,
            after=_after(body.cursor),
            limit=body.limit + 1,
        )
        page, more = found[: body.limit], len(found) > body.limit
        ends = await graph.ends(who, {match.thing for match in page})
        items = [MatchOut.of(match, ends.get(match.thing)) for match in page]
        return Slice(items=items, next=pack_cursor(*page[-1].rank) if more else None)

    @api.post("/around")
    async def around(who: Caller, body: Look) -> NetOut:
        """Twins near one and the relations between them, bounded: `left_out` says how many more there are."""
        ties = None if body.relations is None else _ties(body.relations)
        net = await graph.around(who, body.twin, hops=body.hops, kinds=ties, direction=body.direction, limit=body.limit)
        return NetOut.of(net, await graph.ends(who, net.things))

    @api.get("/names")
    async def names(who: Caller) -> list[str]:
        """Names of people's own by which twins are related, that questions may follow besides the four known ones."""
        return await graph.own_names(who)

    return api


def _ties(names: Sequence[str]) -> list[Tie]:
    found = []
    for number, name in enumerate(names):
        with _at(f"body.relations.{number}"):
            found.append(tie(name))
    return found


def _condition(where: Where) -> Condition:
    if not where.property and not where.semantic_id:
        raise Invalid("body.where: It names no property.", hint="Give `property`, `semantic_id`, or both.")
    return Condition(path=where.property, semantic=where.semantic_id, compare=where.compare, value=where.value)


def _after(cursor: str) -> Rank | None:
    if not cursor:
        return None
    with _at("body.cursor"):
        match unpack_cursor(cursor):
            case [int(hops), str(thing), str(submodel), str(path)]:
                return hops, thing, submodel, path
        raise Invalid(f"{cursor!r} is not a cursor of this question.", hint="Pass `next` of the page before.")


@contextmanager
def _at(place: str) -> Iterator[None]:
    """Let a refusal inside say which part of the body it is about."""
    try:
        yield
    except PlatformError as error:
        error.message = f"{place}: {error.message}"
        raise
