"""Takes out files that nothing refers to: of models, of pictures in any edition, of kept runs, and 3D models.

Each file is asked for by itself through an index of what names it, so a long history costs nothing.
"""

from __future__ import annotations

import sqlalchemy as sa

from lineshaft.kernel.db import Transaction

from .contents import CONTENTS, UPLOADS, hold
from .models import MODELS
from .pictures import DRAWN
from .scenarios import SCENARIOS
from .scenes import DRAWINGS, SCENES

_NAMED = sa.or_(
    *(sa.exists().where(named == UPLOADS.c.digest) for named in (MODELS.c.file, SCENARIOS.c.file, DRAWN.c.digest))
)
_SHOWN = sa.exists().where(SCENES.c.digest == DRAWINGS.c.digest)


async def collect(tx: Transaction, before_us: int, limit: int) -> list[str]:
    """Take out at most so many files that nobody names and had in hand since a moment; their digests."""
    await hold(tx)
    old = sa.select(UPLOADS.c.digest).where(UPLOADS.c.at_us < before_us, ~_NAMED)
    files = list((await tx.execute(old.order_by(UPLOADS.c.at_us).limit(limit))).scalars())
    shapes = list((await tx.execute(sa.select(DRAWINGS.c.digest).where(~_SHOWN).limit(limit))).scalars())
    for table, gone in ((CONTENTS, files), (UPLOADS, files), (DRAWINGS, shapes)):
        await tx.execute(sa.delete(table).where(table.c.digest.in_(gone)))
    return [*files, *shapes]
