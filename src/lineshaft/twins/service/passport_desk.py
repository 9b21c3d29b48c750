"""Passports of products: made by an engineer, read by anybody who scans the code, as far as the tier allows."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import orjson

from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM, Who
from lineshaft.twins.errors import Ambiguous, NoDocument
from lineshaft.twins.metamodel.kinds import Json
from lineshaft.twins.metamodel.references import semantic, submodel_ids
from lineshaft.twins.model.repository import Document, Kind, Link
from lineshaft.twins.store.links import PRODUCT
from lineshaft.twins.submodels import BadSubmodel, template_for
from lineshaft.twins.submodels.passport import Passport, Tier, metadata_submodel, passport_of, product_of, shown

from .footprints import Footprints
from .repository import Repository
from .repository.records import FEW

_ACTIVE = "Active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A passport as somebody may see it: `body` as EN 18223 has it, `contents` the submodels in it."""

    product: str
    body: Json
    shell: Json
    contents: tuple[Json, ...]


class PassportDesk:
    """Makes passports, and shows them to whoever scans a code; `footprints` adds up the carbon of products."""

    def __init__(self, repository: Repository, footprints: Footprints | None = None) -> None:
        self._repository = repository
        self.footprints = footprints or Footprints(repository)

    async def make(self, who: Who, shell: str, passport: Passport) -> Document:
        """Give a product its passport with all its submodels that have a meaning; from then on it is public.

        Submodels that stand elsewhere are not the product's to show. TakenId for the product of another shell.
        """
        document = await self._repository.get(who, Kind.SHELL, shell)
        carried = await self._carried(who, orjson.loads(document.body), document.place)
        contents = [one for one in carried if template_for(one) is not None and not _is_metadata(one)]
        known = [one for one in await self._repository.links_of(who, shell) if one.name != PRODUCT]
        await self._repository.put_links(who, shell, [*known, Link(name=PRODUCT, value=passport.product)])
        return await self._repository.carry(who, shell, metadata_submodel("", passport, contents))

    async def read(self, who: Who | None, product: str, tier: Tier = Tier.PUBLIC) -> Read:
        """The passport of a product; NoDocument without an active one. Nobody (None) sees the public tier.

        A passport made here, or whose shell discovery was told is the product, goes before those of shells that only
        call themselves the product in their documents; Ambiguous when several are left, which is so for everybody.
        """
        as_whom = PLATFORM if who is None else who
        tier = Tier.PUBLIC if who is None else tier
        claims = await self._repository.product_shells(product)
        if len(claims) > 1:
            claims = [shell for shell in claims if await self._active(PLATFORM, shell, product, Tier.PUBLIC)]
        if len(claims) > 1:
            raise await self._ambiguous(who, product, claims)
        for shell in claims:
            if (read := await self._active(as_whom, shell, product, tier)) is not None:
                return read
        raise NoDocument(f"There is no passport of {product[:200]!r}.", hint="Ask the maker of the product for it.")

    async def _active(self, who: Who, shell: str, product: str, tier: Tier) -> Read | None:
        with suppress(NoDocument, BadSubmodel):  # one that is hidden or broken takes no other down
            return await self._read(who, shell, product, tier)
        return None

    async def _ambiguous(self, who: Who | None, product: str, shells: Sequence[str]) -> Ambiguous:
        seen = await self._repository.written(who, Kind.SHELL, shells) if who else {}
        named = f"; of yours: {', '.join(one[:200] for one in shells if one in seen)}" if seen else ""
        return Ambiguous(f"Two or more shells have an active passport of {product[:200]!r}{named}.")

    async def _read(self, who: Who, shell: str, product: str, tier: Tier) -> Read | None:
        document = await self._repository.get(who, Kind.SHELL, shell)
        content: Json = orjson.loads(document.body)
        carried = await self._carried(who, content, document.place)
        metadata = next((one for one in carried if _is_metadata(one) and product_of(one) == product), None)
        if metadata is None:
            return None
        body = passport_of(metadata, carried, tier)
        if body.get("dppStatus") != _ACTIVE:
            return None
        promised = set(body.get("contentSpecificationIds", ()))
        seen = [shown(one, tier) for one in carried if _meaning(one) in promised]
        contents = tuple(one for one in seen if one is not None)
        return Read(product=product, body=body, shell=content, contents=contents)

    async def _carried(self, who: Who, shell: Json, place: PlantPath | None = None) -> list[Json]:
        """The submodels of a shell that are here and may be seen; with `place` those at or below it only."""
        found: list[Json] = []
        for id_ in submodel_ids(shell):
            try:
                document = await self._repository.get(who, Kind.SUBMODEL, id_, newest=FEW)
            except NoDocument:
                continue
            if place is None or document.place.within(place):
                found.append(orjson.loads(document.body))
        return found


def _is_metadata(submodel: Json) -> bool:
    found = template_for(submodel)
    return found is not None and found.name == "passport"


def _meaning(submodel: Json) -> str:
    return semantic(submodel.get("semanticId"))
