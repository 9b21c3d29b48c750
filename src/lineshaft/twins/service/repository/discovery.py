"""Finds shells by the ids of their assets (IDTA-01002, discovery)."""

from __future__ import annotations

from collections.abc import Sequence

from lineshaft.kernel.db import Transaction
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Role, Who
from lineshaft.twins.errors import TakenId
from lineshaft.twins.model.repository import Kind, Link
from lineshaft.twins.store import documents, links

from .desk import Desk, missing
from .door import LONGEST_ID

MOST = 1_000
MOST_CLAIMS = 10
WRITE = "twins.links.write"


class Discovery:
    """Links between asset ids and shells; shells that are not kept here stand at the organisation."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def shells_of(
        self, who: Who, wanted: Sequence[Link], *, after: str, limit: int
    ) -> tuple[list[str], str | None]:
        """Ids of the shells that have all these links, by id, after one id; and where the next page begins."""
        if limit < 1:
            raise Invalid(f"A page holds at least one shell, not {limit}.", hint="Ask for 1 or more.")
        sight, limit = await self._desk.sight(who), min(limit, MOST)
        async with self._desk.db.read() as tx:
            found = await links.shells(
                tx, wanted, trees=sight.trees, elsewhere=self._desk.organisation, after=after, limit=limit + 1
            )
        return found[:limit], found[limit - 1] if len(found) > limit else None

    async def claims(self, product: str) -> list[str]:
        """Ids of the shells that are a product's, whoever may see them, those it was told of first."""
        async with self._desk.db.read() as tx:
            return await links.claims(tx, product, limit=MOST_CLAIMS)

    async def _unclaimed(self, tx: Transaction, who: Who, shell: str, product: str) -> None:
        """TakenId when the product is of a shell somewhere else, where the caller may change nothing."""
        others = [one for one in await links.claims(tx, product, limit=MOST_CLAIMS) if one != shell]
        places = await documents.places(tx, Kind.SHELL, others)
        if not all(who.may(Role.ENGINEER, place) for place in places.values()):
            raise TakenId(
                f"{product[:200]!r} is the product of another shell, which is not yours to change.",
                hint="Give each product an identifier of its own, or ask who may change both.",
            )

    async def links_of(self, who: Who, shell: str) -> list[Link]:
        """All asset ids a shell is found by; NoDocument when it is unknown, also to the caller."""
        sight = await self._desk.sight(who)
        async with self._desk.db.read() as tx:
            known, place = await self._place(tx, shell)
            found = await links.of_shell(tx, shell)
        if not sight.whole(place) or not (known or found):
            missing(Kind.SHELL, shell)
        return found

    async def put(self, who: Who, shell: str, wanted: Sequence[Link]) -> list[Link]:
        """Tell by which asset ids a shell is found, besides those in its own document."""
        for link in wanted:
            if not link.name or len(link.name) > 64 or not link.value or len(link.value) > LONGEST_ID:
                raise Invalid(
                    f"An asset id has a name of 1 to 64 and a value of 1 to {LONGEST_ID} characters, "
                    f"not {link.name[:80]!r} and {link.value[:80]!r}."
                )
        told = list(dict.fromkeys((link.name, link.value) for link in wanted))
        async with self._desk.writing(who) as (tx, now):
            before = await self._begin(tx, now, shell)
            for link in wanted:
                if link.name == links.PRODUCT:
                    await self._unclaimed(tx, now, shell, link.value)
            await links.drop(tx, shell, links.TOLD)
            await links.add(tx, ((shell, link) for link in told), links.TOLD)
            after = await links.of_shell(tx, shell)
            await self._record(tx, now, shell, before, after)
        return after

    async def drop(self, who: Who, shell: str) -> None:
        """Forget what the discovery service was told of a shell; NoDocument when that was nothing."""
        async with self._desk.writing(who) as (tx, now):
            before = await self._begin(tx, now, shell)
            if not await links.drop(tx, shell, links.TOLD):
                missing(Kind.SHELL, shell)
            await self._record(tx, now, shell, before, await links.of_shell(tx, shell))

    async def _begin(self, tx: Transaction, who: Who, shell: str) -> list[Link]:
        _, place = await self._place(tx, shell)
        if not who.may(Role.VIEWER, place):
            missing(Kind.SHELL, shell)
        self._desk.may(who, Role.ENGINEER, place, WRITE)
        return await links.of_shell(tx, shell)

    async def _place(self, tx: Transaction, shell: str) -> tuple[bool, PlantPath]:
        found = await documents.places(tx, Kind.SHELL, [shell])
        return bool(found), found.get(shell, self._desk.organisation)

    async def _record(self, tx: Transaction, who: Who, shell: str, before: list[Link], after: list[Link]) -> None:
        old, new = ({"links": [[one.name, one.value] for one in some[:100]]} for some in (before, after))
        _, place = await self._place(tx, shell)
        await self._desk.guard.record(who, WRITE, shell, before=old, after=new, path=place, tx=tx)
