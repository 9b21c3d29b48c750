"""What the pictures of an older catalogue are bound to is found after it was opened with this version."""

from __future__ import annotations

import sqlalchemy as sa

from lineshaft.kernel.db import MIGRATIONS, Database
from lineshaft.security import Guard
from lineshaft.twins import Pictures, Twins

from .conftest import ADA
from .repository.conftest import CONTEXTS
from .test_pictures import TANK, bound, box, picture


async def test_pictures_of_before_are_found_by_what_their_standing_version_shows(
    db: Database, guard: Guard, twins: Twins
) -> None:
    pictures = Pictures(db, guard, twins.now)
    kept = await pictures.save(ADA, picture(box("t", bindings=bound(level=f"{TANK}/level", state=TANK))))
    emptied = await pictures.save(ADA, picture(box("t", bindings=bound(state=TANK))))
    await pictures.save(ADA, picture(id=emptied.id, version=1))
    async with db.begin() as tx:
        await tx.execute(sa.text("DROP TABLE twins_picture_sources"))
        await tx.execute(sa.delete(MIGRATIONS).where(MIGRATIONS.c.name == "0014_shown_in_pictures"))
    await db.open(CONTEXTS)
    assert [shown.id for shown in await pictures.showing(ADA, TANK)] == [kept.id]
