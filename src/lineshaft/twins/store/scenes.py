"""How twins look: every version of their scenes, and the models that were uploaded, each kept once."""

from __future__ import annotations

import sqlalchemy as sa

from lineshaft.kernel.db import METADATA, Transaction
from lineshaft.twins.model.scene import Scene, SceneVersion

from .contents import hold, unless_there
from .tables import packed, unpacked

SCENES = sa.Table(
    "twins_scenes",
    METADATA,
    sa.Column("node", sa.String(32), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("at_us", sa.BigInteger, nullable=False),
    sa.Column("by", sa.String(120), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False, index=True),
    sa.Column("document", sa.LargeBinary, nullable=False),
)
DRAWINGS = sa.Table(
    "twins_drawings",
    METADATA,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
MOST_VERSIONS = 50
"""Versions kept of one scene."""


async def scene_versions(tx: Transaction, node: str) -> list[SceneVersion]:
    """A scene as it was, newest first."""
    query = sa.select(SCENES).where(SCENES.c.node == node).order_by(SCENES.c.version.desc())
    return [
        SceneVersion(scene=unpacked(row["document"], Scene), at_us=row["at_us"], by=row["by"])
        for row in await tx.all(query)
    ]


async def put_scene(tx: Transaction, node: str, made: SceneVersion) -> bool:
    """A further version; the oldest ones go. False when somebody was faster."""
    scene = made.scene
    row = {"node": node, "version": scene.version, "at_us": made.at_us, "by": made.by, "digest": scene.digest}
    new = unless_there(tx, SCENES).values(**row, document=packed(scene)).returning(SCENES.c.version)
    if (await tx.execute(new)).first() is None:
        return False
    old = sa.and_(SCENES.c.node == node, SCENES.c.version <= scene.version - MOST_VERSIONS)
    await tx.execute(sa.delete(SCENES).where(old))
    return True


async def find_drawing(tx: Transaction, digest: str) -> bytes | None:
    found = await tx.scalar(sa.select(DRAWINGS.c.content).where(DRAWINGS.c.digest == digest))
    return None if found is None else bytes(found)


async def keep_drawing(tx: Transaction, digest: str, content: bytes) -> None:
    """Keep a 3D model, once; the scene that shows it is written in the same transaction."""
    await hold(tx)
    await tx.execute(unless_there(tx, DRAWINGS).values(digest=digest, content=content))
