"""Process pictures as they are now, and every version of them that was saved."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from lineshaft.kernel.db import METADATA, Transaction
from lineshaft.twins.model.picture import Edition, Picture, places_of

from .contents import unless_there
from .tables import BINDINGS, NODES, PATH, any_within, packed, unpacked, within

PICTURES = sa.Table(
    "twins_pictures",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("place", PATH, nullable=False, index=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("removed", sa.Boolean, nullable=False),
)
EDITIONS = sa.Table(
    "twins_picture_editions",
    METADATA,
    sa.Column("picture", sa.String(32), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("at_us", sa.BigInteger, nullable=False),
    sa.Column("by", sa.String(120), nullable=False),
    sa.Column("deed", sa.String(16), nullable=False),
    sa.Column("items", sa.Integer, nullable=False),
    sa.Column("document", sa.LargeBinary, nullable=False),
)
SOURCES = sa.Table(
    "twins_picture_sources",
    METADATA,
    sa.Column("picture", sa.String(32), primary_key=True),
    sa.Column("path", PATH, primary_key=True, index=True),
)
"""What the standing version of each picture is bound to."""
DRAWN = sa.Table(
    "twins_picture_drawings",
    METADATA,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("picture", sa.String(32), primary_key=True),
)
"""The drawings of any edition of a picture; each can be restored, also when the picture was removed."""
_NOW = sa.and_(EDITIONS.c.picture == PICTURES.c.id, EDITIONS.c.version == PICTURES.c.version)


async def pictures(
    tx: Transaction,
    *,
    sees: Sequence[str],
    under: str = "",
    after: str = "",
    limit: int = 100,
    removed: bool = False,
) -> list[Picture]:
    """Pictures by id, those after id `after`, of the parts of the plant somebody sees; or the `removed` ones."""
    query = (
        sa.select(EDITIONS.c.document)
        .join_from(PICTURES, EDITIONS, _NOW)
        .where(PICTURES.c.removed == removed, any_within(sees, PICTURES.c.place), within(PICTURES.c.place, under))
        .where(PICTURES.c.id > after)
    )
    rows = await tx.all(query.order_by(PICTURES.c.id).limit(limit))
    return [unpacked(row["document"], Picture) for row in rows]


async def pictures_showing(tx: Transaction, path: str, *, sees: Sequence[str], limit: int) -> list[Picture]:
    """Pictures bound to something at or below a place, or to a series one of its properties reads, near ones first."""
    read = sa.select(BINDINGS.c.series).join(NODES, NODES.c.id == BINDINGS.c.node).where(within(NODES.c.path, path))
    shown = sa.or_(within(SOURCES.c.path, path), SOURCES.c.path.in_(read))
    bound = sa.select(SOURCES.c.picture).where(shown, any_within(sees, SOURCES.c.path))
    query = (
        sa.select(EDITIONS.c.document)
        .join_from(PICTURES, EDITIONS, _NOW)
        .where(~PICTURES.c.removed, any_within(sees, PICTURES.c.place), PICTURES.c.id.in_(bound))
        .order_by(sa.func.length(PICTURES.c.place).desc(), PICTURES.c.id)
        .limit(limit)
    )
    return [unpacked(row["document"], Picture) for row in await tx.all(query)]


async def find_picture(tx: Transaction, id_: str, *, removed: bool = False) -> Picture | None:
    """The picture of an id; `removed` also finds one that was removed."""
    query = sa.select(EDITIONS.c.document).join_from(PICTURES, EDITIONS, _NOW).where(PICTURES.c.id == id_)
    row = await tx.first(query if removed else query.where(~PICTURES.c.removed))
    return unpacked(row["document"], Picture) if row else None


async def keep_picture(tx: Transaction, picture: Picture, *, deed: str, by: str) -> bool:
    """Write a new version of a picture; False when somebody wrote that version before."""
    place = {"place": str(picture.place), "version": picture.version, "removed": deed == "removed"}
    if picture.version == 1:
        await tx.execute(sa.insert(PICTURES).values(id=picture.id, **place))
    else:
        held = sa.and_(PICTURES.c.id == picture.id, PICTURES.c.version == picture.version - 1)
        if (await tx.execute(sa.update(PICTURES).where(held).values(**place))).rowcount != 1:
            return False
    row = {
        "picture": picture.id,
        "version": picture.version,
        "at_us": picture.changed_us,
        "by": by,
        "deed": deed,
        "items": len(picture.items),
        "document": packed(picture),
    }
    await tx.execute(sa.insert(EDITIONS).values(**row))
    if drawn := [{"picture": picture.id, "digest": digest} for digest in set(picture.drawings.values())]:
        await tx.execute(unless_there(tx, DRAWN).values(drawn))
    await tx.execute(sa.delete(SOURCES).where(SOURCES.c.picture == picture.id))
    if bound := [{"picture": picture.id, "path": str(path)} for path in places_of(picture)]:
        await tx.execute(sa.insert(SOURCES), bound)
    return True


async def editions(tx: Transaction, id_: str, *, before: int | None = None, limit: int = 50) -> list[Edition]:
    """The versions of a picture, newest first."""
    columns = (EDITIONS.c.version, EDITIONS.c.at_us, EDITIONS.c.by, EDITIONS.c.deed, EDITIONS.c["items"])
    query = sa.select(*columns).where(EDITIONS.c.picture == id_)
    if before is not None:
        query = query.where(EDITIONS.c.version < before)
    rows = await tx.all(query.order_by(EDITIONS.c.version.desc()).limit(limit))
    return [Edition(**row) for row in rows]


async def find_edition(tx: Transaction, id_: str, version: int) -> Picture | None:
    """A picture as it was saved under a version."""
    query = sa.select(EDITIONS.c.document).where(EDITIONS.c.picture == id_, EDITIONS.c.version == version)
    row = await tx.first(query)
    return unpacked(row["document"], Picture) if row else None
