"""Files that nothing refers to go a day after somebody last had them in hand; everything that can be shown stays."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from lineshaft.kernel.db import MIGRATIONS, Database
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM, AuditFilter, Guard
from lineshaft.twins import store
from lineshaft.twins.model.picture import Picture
from lineshaft.twins.model.scene import Scene, SceneVersion
from lineshaft.twins.model.simulation import Model, Scenario
from lineshaft.twins.service.repository import Repository
from lineshaft.twins.store.contents import CONTENTS, UPLOADS
from lineshaft.twins.store.models import MODELS
from lineshaft.twins.store.pictures import DRAWN
from lineshaft.twins.store.scenarios import SCENARIOS
from lineshaft.twins.store.scenes import DRAWINGS

from .conftest import CONTEXTS

FMU, KEPT, DRAWING, LOOSE, FRESH, SHAPE, UNSHOWN = (letter * 64 for letter in "abcdefg")
PLACE = PlantPath("acme/pump")
NOW = timedelta(0)


def model(digest: str, name: str = "curve") -> Model:
    return Model(path=PLACE, name=name, mechanism=f"fmu:{digest}")


def scene(node: str, digest: str, version: int = 1) -> tuple[str, SceneVersion]:
    return node, SceneVersion(scene=Scene(version=version, digest=digest), at_us=1, by="ada")


async def name(db: Database) -> None:
    """A model, a kept run, a picture that was removed after it had lost its drawing, and a scene."""
    async with db.begin() as tx:
        for digest in (FMU, KEPT, DRAWING, LOOSE, FRESH):
            await store.keep_content(tx, digest, digest.encode())
        await store.put_model(tx, model(FMU))
        kept = Scenario(model=model(KEPT), start_us=0, end_us=1, step_s=1.0, id="s")
        await store.put_scenario(tx, kept, b"")
        for version, (deed, drawings) in enumerate((("saved", {"hall": DRAWING}), ("saved", {}), ("removed", {})), 1):
            saved = Picture(title={"en": "Hall"}, place=PLACE, id="p", drawings=drawings, version=version)
            assert await store.keep_picture(tx, saved, deed=deed, by="ada")
        for digest in (SHAPE, UNSHOWN):
            await store.keep_drawing(tx, digest, digest.encode())
        assert await store.put_scene(tx, *scene("n", SHAPE))


async def held(db: Database) -> set[str]:
    async with db.read() as tx:
        found = [(await tx.execute(sa.select(table.c.digest))).scalars() for table in (CONTENTS, DRAWINGS)]
        return {digest for some in found for digest in some}


async def a_day_ago(db: Database, *digests: str) -> None:
    async with db.begin() as tx:
        earlier = UPLOADS.c.at_us - 86_400_000_001
        await tx.execute(sa.update(UPLOADS).where(UPLOADS.c.digest.in_(digests)).values(at_us=earlier))


async def test_what_any_edition_run_model_or_scene_refers_to_stays_and_the_rest_goes(
    repository: Repository, db: Database, guard: Guard
) -> None:
    await name(db)
    await a_day_ago(db, FMU, KEPT, DRAWING, LOOSE)
    assert await repository.retention.collect() == 2
    assert await held(db) == {FMU, KEPT, DRAWING, FRESH, SHAPE}
    assert await repository.retention.collect() == 0
    (told,) = await guard.entries(PLATFORM, AuditFilter(action="twins.files.collect"))
    assert (told.actor, len(told.before["files"])) == (PLATFORM.name, 2)


async def test_what_was_let_go_or_brought_again_has_its_day(repository: Repository, db: Database) -> None:
    await name(db)
    await a_day_ago(db, FMU, KEPT, LOOSE)
    async with db.begin() as tx:
        await store.drop_model(tx, PLACE, "curve")
        await store.drop_scenario(tx, "s")
        await store.keep_content(tx, LOOSE, LOOSE.encode())
    assert await repository.retention.collect() == 1
    assert await held(db) == {FMU, KEPT, DRAWING, LOOSE, FRESH, SHAPE}
    await a_day_ago(db, FMU, KEPT, LOOSE)
    assert await repository.retention.collect() == 3
    assert await held(db) == {DRAWING, FRESH, SHAPE}


async def test_what_is_about_to_be_named_is_not_taken_out_meanwhile(repository: Repository, db: Database) -> None:
    await name(db)
    async with db.begin() as tx:
        assert await store.stands(tx, LOOSE)
        collecting = asyncio.create_task(repository.retention.collect(NOW))
        await asyncio.sleep(0.2)
        assert not collecting.done()
        await store.put_model(tx, model(LOOSE, "late"))
    assert await collecting == 2
    assert await held(db) == {FMU, KEPT, DRAWING, LOOSE, SHAPE}
    async with db.begin() as tx:
        assert not await store.stands(tx, FRESH)


async def test_two_at_once_may_bring_the_same_file(db: Database) -> None:
    async def bring() -> None:
        async with db.begin() as tx:
            await store.keep_content(tx, FMU, b"fmu")
            await store.keep_drawing(tx, SHAPE, b"shape")
            await asyncio.sleep(0.05)

    await asyncio.gather(*(bring() for _ in range(4)))
    assert await held(db) == {FMU, SHAPE}


async def test_a_scene_that_is_saved_takes_no_model_from_one_that_is_being_saved(db: Database) -> None:
    """Two at once: one shows a model that lies here unshown, the other saves something else."""
    async with db.begin() as tx:
        if tx.dialect == "sqlite":
            pytest.skip("SQLite has one writer at a time.")
        await store.keep_drawing(tx, SHAPE, b"shape")
    async with db.begin() as first:
        await store.keep_drawing(first, SHAPE, b"shape")
        async with db.begin() as second:
            assert await store.put_scene(second, *scene("other", ""))
        assert await store.put_scene(first, *scene("n", SHAPE))
    async with db.read() as tx:
        assert await store.find_drawing(tx, SHAPE) == b"shape"


async def test_a_plant_from_before_knows_what_its_files_are_named_by(repository: Repository, db: Database) -> None:
    await name(db)
    async with db.begin() as tx:
        for table in (MODELS, SCENARIOS):
            await tx.execute(sa.text(f"DROP INDEX ix_{table.name}_file"))
            await tx.execute(sa.text(f"ALTER TABLE {table.name} DROP COLUMN file"))
        await tx.execute(sa.text("DROP TABLE twins_uploads"))
        await tx.execute(sa.text("DROP TABLE twins_picture_drawings"))
        await tx.execute(sa.text("CREATE INDEX twins_records_ends ON twins_records (record)"))
        await tx.execute(sa.delete(MIGRATIONS).where(MIGRATIONS.c.name == "0016_uploads"))
    await db.open(CONTEXTS)
    async with db.read() as tx:
        files = [await tx.scalar(sa.select(table.c.file)) for table in (MODELS, SCENARIOS)]
        drawn = [tuple(row) for row in await tx.execute(sa.select(DRAWN))]
    assert (files, drawn) == ([FMU, KEPT], [(DRAWING, "p")])
    assert await repository.retention.collect() == 1, "what was there before has its day too"
    assert await repository.retention.collect(NOW) == 2
    assert await held(db) == {FMU, KEPT, DRAWING, SHAPE}
