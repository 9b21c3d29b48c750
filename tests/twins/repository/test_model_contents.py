"""The files of models and pictures get a table of their own; those that are attachments as well stay there too."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from lineshaft.kernel.db import MIGRATIONS, Database
from lineshaft.kernel.terms import PlantPath
from lineshaft.twins.model.picture import Picture
from lineshaft.twins.model.simulation import Model, Scenario
from lineshaft.twins.store import find_content, keep_picture, put_model, put_scenario
from lineshaft.twins.store.contents import CONTENTS
from lineshaft.twins.store.repository_tables import CONTENTS as ATTACHED
from lineshaft.twins.store.repository_tables import FILES

from .conftest import CONTEXTS

FMU, KEPT, DRAWING, OLD_DRAWING, LOOSE, MANUAL = (letter * 64 for letter in "abcdef")
PLACE = PlantPath("acme/pump")


def model(digest: str) -> Model:
    return Model(path=PLACE, name=digest[0], mechanism=f"fmu:{digest}")


@pytest.fixture
async def before(db: Database) -> Database:
    """A catalogue of the time when everything lay in one table, and all but one file was an attachment."""
    picture: dict[str, Any] = {"title": {"en": "Hall"}, "place": PLACE, "id": "p"}
    async with db.begin() as tx:
        await tx.execute(sa.text("DROP TABLE twins_model_contents"))
        await tx.execute(sa.delete(MIGRATIONS).where(MIGRATIONS.c.name == "0012_model_contents"))
        for number, digest in enumerate((FMU, KEPT, DRAWING, OLD_DRAWING, LOOSE, MANUAL)):
            await tx.execute(sa.insert(ATTACHED).values(digest=digest, content=digest.encode()))
            if digest != LOOSE:
                row = {"document": number, "path": "", "name": "a", "content_type": "b", "digest": digest}
                await tx.execute(sa.insert(FILES).values(**row))
        await put_model(tx, model(FMU))
        await put_scenario(tx, Scenario(model=model(KEPT), start_us=0, end_us=1, step_s=1.0, id="s"), b"")
        for version, digest in enumerate((OLD_DRAWING, DRAWING), 1):
            saved = Picture(**picture, drawings={"hall": digest}, version=version)
            assert await keep_picture(tx, saved, deed="saved", by="ada")
    return db


async def test_what_models_runs_and_pictures_name_is_theirs_also_when_it_is_an_attachment(before: Database) -> None:
    await before.open(CONTEXTS)
    async with before.read() as tx:
        ours = set((await tx.execute(sa.select(CONTENTS.c.digest))).scalars())
        attached = set((await tx.execute(sa.select(ATTACHED.c.digest))).scalars())
        assert await find_content(tx, FMU) == FMU.encode()
    assert ours == {FMU, KEPT, DRAWING, OLD_DRAWING, LOOSE}
    assert attached == {FMU, KEPT, DRAWING, OLD_DRAWING, MANUAL}
