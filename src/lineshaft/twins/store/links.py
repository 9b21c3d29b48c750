"""Asset ids by which shells are found: those of the shell's own document, and those of the discovery service.

Both are found alike; writing a shell replaces only its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from lineshaft.kernel.db import Transaction
from lineshaft.twins.model.repository import Kind, Link

from .repository_tables import DOCUMENTS, LINKS
from .tables import any_within, parts

PRODUCT = "uniqueProductIdentifier"
"""The name of the asset id by which the shell of a product is found, where its global asset id is another."""
OWN, TOLD = 0, 1
"""Where a link comes from: the shell's document, or somebody who told the discovery service."""


def is_link(link: Link, table: sa.FromClause = LINKS) -> tuple[sa.ColumnElement[bool], ...]:
    """Whether a row is this link."""
    return (table.c.name == link.name, table.c.value == link.value)


async def shells(
    tx: Transaction, links: Sequence[Link], *, trees: Sequence[str] = ("",), elsewhere: str = "", after: str = "",
    limit: int,
) -> list[str]:  # fmt: skip
    """Ids of shells that have all these links, or any at all, by id.

    `elsewhere` is where shells stand that are not kept here.
    """
    mine = sa.and_(DOCUMENTS.c.kind == int(Kind.SHELL), DOCUMENTS.c.id == LINKS.c.shell)
    query = sa.select(LINKS.c.shell).where(*(is_link(links[0]) if links else ()), LINKS.c.shell > after)
    for number, link in enumerate(links[1:]):
        other = LINKS.alias(f"other_{number}")
        query = query.where(sa.exists().where(*is_link(link, other), other.c.shell == LINKS.c.shell))
    if "" not in trees:
        place = sa.func.coalesce(DOCUMENTS.c.place, elsewhere)
        query = query.outerjoin_from(LINKS, DOCUMENTS, mine).where(any_within(trees, place))
    return list((await tx.execute(query.distinct().order_by(LINKS.c.shell).limit(limit))).scalars())


async def claims(tx: Transaction, product: str, *, limit: int) -> list[str]:
    """Ids of shells that are a product's: those somebody told to be, else those whose documents say so, oldest first.

    What is told is guarded when it is; anybody can write any id into a document of their own.
    """
    mine = sa.and_(DOCUMENTS.c.kind == int(Kind.SHELL), DOCUMENTS.c.id == LINKS.c.shell)
    query = sa.select(LINKS.c.shell, LINKS.c.name, LINKS.c.origin).join_from(LINKS, DOCUMENTS, mine)
    told = (LINKS.c.name == PRODUCT) & (LINKS.c.origin == TOLD)
    wanted = LINKS.c.name.in_((PRODUCT, "globalAssetId")) & (LINKS.c.value == product)
    rows = await tx.all(query.where(wanted).order_by(told.desc(), DOCUMENTS.c.number).limit(limit))
    guarded = [row["shell"] for row in rows if (row["name"], row["origin"]) == (PRODUCT, TOLD)]
    return list(dict.fromkeys(guarded or [row["shell"] for row in rows]))


async def of_assets(tx: Transaction, assets: Iterable[str]) -> list[tuple[str, str]]:
    """(global asset id, shell) of the shells whose own documents name these assets, the oldest first."""
    found: list[tuple[int, str, str]] = []
    mine = sa.and_(DOCUMENTS.c.kind == int(Kind.SHELL), DOCUMENTS.c.id == LINKS.c.shell)
    query = sa.select(DOCUMENTS.c.number, LINKS.c.value, LINKS.c.shell).join_from(LINKS, DOCUMENTS, mine)
    query = query.where(LINKS.c.name == "globalAssetId", LINKS.c.origin == OWN)
    for some in parts(assets):
        found += [tuple(row) for row in await tx.execute(query.where(LINKS.c.value.in_(some)))]
    return [(asset, shell) for _, asset, shell in sorted(found)]


async def of_shell(tx: Transaction, shell: str) -> list[Link]:
    """All links of a shell."""
    query = sa.select(LINKS.c.name, LINKS.c.value).where(LINKS.c.shell == shell).distinct()
    rows = await tx.all(query.order_by(LINKS.c.name, LINKS.c.value))
    return [Link(name=row["name"], value=row["value"]) for row in rows]


async def add(tx: Transaction, links: Iterable[tuple[str, tuple[str, str]]], origin: int = OWN) -> None:
    """Keep links as (shell, (name, value))."""
    rows = [(shell, name, value, origin) for shell, (name, value) in links]
    if rows:
        await tx.insert(LINKS, ("shell", "name", "value", "origin"), rows)


async def drop(tx: Transaction, shell: str, origin: int = OWN) -> int:
    """Forget the links of a shell; how many there were."""
    gone = await tx.execute(sa.delete(LINKS).where(LINKS.c.shell == shell, LINKS.c.origin == origin))
    return gone.rowcount
