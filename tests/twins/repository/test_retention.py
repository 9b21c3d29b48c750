"""The feed is shortened without a lie: what is still told is what it was, and what is not is refused by name."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from lineshaft.kernel.clock import now_us
from lineshaft.kernel.db import Database
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM, AuditFilter, Guard
from lineshaft.twins.errors import Behind, Forgotten, NoDocument
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.service.repository import Repository
from lineshaft.twins.service.repository.watch import Watch
from lineshaft.twins.settings import HistorySettings
from lineshaft.twins.store import retention
from lineshaft.twins.store.repository_tables import FEED
from lineshaft.twins.worker import Shortener

from .conftest import ADA, EVE, OTTO, submodel

IDS = [f"https://example.com/sm/{n}" for n in range(4)]
HOUR = timedelta(hours=1)


async def told(repository: Repository, id_: str, at: int) -> bytes | None:
    try:
        found = await repository.at(EVE, Kind.SUBMODEL, id_, at)
    except NoDocument:
        return None
    return found.body


async def lived(repository: Repository, steps: int, seed: int = 1) -> list[int]:
    """Documents made, changed, written to and deleted at random; the moments between."""
    dice, standing, moments = random.Random(seed), set[int](), []
    for _ in range(steps):
        n = dice.randrange(len(IDS))
        if n not in standing:
            await repository.create(ADA, Kind.SUBMODEL, submodel(n, Aa="0", Bb="0"), place=PlantPath("acme"))
            standing.add(n)
        elif (what := dice.random()) < 0.15:
            await repository.delete(ADA, Kind.SUBMODEL, IDS[n])
            standing.remove(n)
        elif what < 0.35:
            said = str(dice.randrange(100))
            await repository.change(ADA, Kind.SUBMODEL, IDS[n], lambda d, s=said: {**d, "category": s})
        else:
            await repository.write_values(OTTO, IDS[n], {dice.choice(["Aa", "Bb"]): str(dice.randrange(100))})
        moments.append(now_us())
    return moments


async def lines(db: Database) -> int:
    async with db.read() as tx:
        return int(await tx.scalar(sa.select(sa.func.count()).select_from(FEED)))


@pytest.mark.parametrize("at_once", [3, 5_000])
async def test_t89_every_moment_that_is_kept_stays_what_it_was(
    repository: Repository, db: Database, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", at_once)
    monkeypatch.setattr("lineshaft.twins.service.repository.retention.PAUSE_S", 0)
    moments = await lived(repository, 120)
    before = {(id_, at): await told(repository, id_, at) for id_ in IDS for at in moments}
    feed, count = await repository.feed(EVE, limit=1_000), await lines(db)
    for most in (80, 40, 40, 10, 1):
        horizon = await repository.retention.shorten(None, most)
        for (id_, at), was in before.items():
            if at >= horizon.at_us:
                assert await told(repository, id_, at) == was, (id_, at)
            else:
                with pytest.raises(Forgotten):
                    await repository.at(EVE, Kind.SUBMODEL, id_, at)
        rest = [deed for deed in feed if deed.seq > horizon.seq]
        assert await repository.feed(EVE, after=horizon.seq, limit=1_000) == rest
        assert len(rest) == most
        assert await lines(db) <= most + 2 * len(IDS) < count


async def test_t85_a_reader_that_comes_too_late_is_told_to_begin_anew(repository: Repository) -> None:
    await lived(repository, 30)
    horizon = await repository.retention.shorten(None, 10)
    for late in (0, horizon.seq - 1):
        with pytest.raises(Behind) as refused:
            await repository.feed(EVE, after=late)
        assert refused.value.details["after"] == horizon.seq
        assert f"after line {horizon.seq}" in str(refused.value)
    assert len(await repository.feed(EVE, after=horizon.seq)) == 10


async def test_nothing_is_forgotten_that_is_young_enough(repository: Repository, db: Database, guard: Guard) -> None:
    await lived(repository, 20)
    count = await lines(db)
    assert await repository.retention.shorten(HOUR) == (0, 0)
    assert (await lines(db), len(await repository.feed(EVE))) == (count, count)
    assert await guard.entries(PLATFORM, AuditFilter(action="twins.history.shorten")) == []


async def test_what_is_old_is_forgotten_by_its_age(repository: Repository, db: Database, guard: Guard) -> None:
    await lived(repository, 20)
    async with db.begin() as tx:
        ages: Any = sa.case(
            (FEED.c.seq <= 12, FEED.c.at_us - 2 * HOUR // timedelta(microseconds=1)), else_=FEED.c.at_us
        )
        await tx.execute(sa.update(FEED).values(at_us=ages))
    horizon = await repository.retention.shorten(HOUR)
    assert horizon.seq == 12
    assert (await guard.entries(PLATFORM, AuditFilter(action="twins.history.shorten")))[0].after is not None
    assert await repository.retention.shorten(HOUR) == horizon


async def test_present_documents_are_untouched_and_go_on(repository: Repository) -> None:
    await repository.create(ADA, Kind.SUBMODEL, submodel(1, Aa="1"))
    for n in range(5):
        await repository.write_values(OTTO, IDS[1], {"Aa": str(n)})
    was = await repository.get(EVE, Kind.SUBMODEL, IDS[1])
    await repository.retention.shorten(None, 1)
    assert await repository.get(EVE, Kind.SUBMODEL, IDS[1]) == was
    after = await repository.change(ADA, Kind.SUBMODEL, IDS[1], lambda document: {**document, "category": "x"})
    assert (after.version, (await repository.feed(EVE, after=was.number + 5))[-1].version) == (2, 2)


async def test_a_shortening_that_was_interrupted_is_finished(
    repository: Repository, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = await lived(repository, 60)
    now = {id_: await told(repository, id_, moments[-1]) for id_ in IDS}

    async def dies(*_: object) -> int:
        raise RuntimeError("the power is gone")

    with monkeypatch.context() as broken:
        broken.setattr(retention, "shorten", dies)
        with pytest.raises(RuntimeError):
            await repository.retention.shorten(None, 5)
    with pytest.raises(Behind):
        await repository.feed(EVE)
    count = await lines(db)
    await repository.retention.finish()
    assert await lines(db) < count
    assert {id_: await told(repository, id_, moments[-1]) for id_ in IDS} == now


async def test_who_has_not_looked_for_long_forgets_what_was_in_memory(
    db: Database, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[object] = []
    watch = Watch(db, heard.append)
    await watch.look()
    await repository.create(ADA, Kind.SUBMODEL, submodel(1))
    await watch.look()
    monkeypatch.setattr("lineshaft.twins.service.repository.watch.LONG_S", -1.0)
    await repository.create(ADA, Kind.SUBMODEL, submodel(2))
    await watch.look()
    assert [line if line is None else len(line) for line in heard] == [None, 1, None]  # type: ignore[arg-type]


async def test_the_worker_follows_the_settings(repository: Repository, db: Database) -> None:
    await lived(repository, 30)
    await Shortener(repository, HistorySettings(days=0, most_lines=0)).beat()
    assert (await repository.retention.horizon()).seq == 0
    await Shortener(repository, HistorySettings(days=365, most_lines=7)).beat()
    horizon = await repository.retention.horizon()
    assert len(await repository.feed(EVE, after=horizon.seq)) == 7


@pytest.mark.parametrize("wrong", [{"days": -1}, {"days": 0.01}, {"most_lines": -1}])
def test_settings_that_nobody_could_follow_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        HistorySettings(**wrong)
