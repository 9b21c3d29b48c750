"""The catalogue: transactions, facts that leave with them, migrations once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa

from lineshaft.edge.events import ConnectionRemoved
from lineshaft.kernel.bus import Bus
from lineshaft.kernel.db import MIGRATIONS, OUTBOX, Database
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.facts import subject_of
from lineshaft.kernel.outbox import on_fact, relay
from lineshaft.kernel.tasks import Crew


async def outbox_rows(db: Database) -> int:
    async with db.read() as tx:
        return int(await tx.scalar(sa.select(sa.func.count()).select_from(OUTBOX)))


async def test_a_fact_of_a_failed_transaction_never_leaves(db: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with db.begin() as tx:
            await tx.announce(ConnectionRemoved(name="x"))
            raise ZeroDivisionError
    assert await outbox_rows(db) == 0


async def test_facts_reach_whoever_listens_and_leave_the_outbox(db: Database, bus: Bus) -> None:
    got: list[str] = []

    async def heard(fact: ConnectionRemoved) -> None:
        got.append(fact.name)

    async with Crew() as crew:
        crew.keep("relay", lambda: relay(db, bus))
        crew.keep("listen", lambda: on_fact(bus, ConnectionRemoved, "test", heard))
        for name in "abc":
            async with db.begin() as tx:
                await tx.announce(ConnectionRemoved(name=name))
        async with asyncio.timeout(8):
            while got != ["a", "b", "c"] or await outbox_rows(db):
                await asyncio.sleep(0.05)


async def test_a_handler_that_fails_gets_the_fact_again(db: Database, bus: Bus) -> None:
    tries = 0

    async def fails_once(fact: ConnectionRemoved) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise RuntimeError("not yet")

    async with Crew() as crew:
        crew.keep("relay", lambda: relay(db, bus))
        crew.keep("listen", lambda: on_fact(bus, ConnectionRemoved, "again", fails_once), most_s=0.2)
        async with db.begin() as tx:
            await tx.announce(ConnectionRemoved(name="x"))
        async with asyncio.timeout(60):
            while tries < 2:
                await asyncio.sleep(0.1)


async def test_many_writers_queue_instead_of_failing(db: Database) -> None:
    async def write(n: int) -> None:
        async with db.begin() as tx:
            await tx.announce(ConnectionRemoved(name=str(n)))

    await asyncio.gather(*(write(n) for n in range(50)))
    assert await outbox_rows(db) == 50


async def test_migrations_run_once(db: Database) -> None:
    await db.open(["lineshaft.edge"])
    await db.open(["lineshaft.edge"])
    async with db.read() as tx:
        rows = await tx.all(sa.select(MIGRATIONS.c.name).where(MIGRATIONS.c.context == "lineshaft.edge"))
    assert [r["name"] for r in rows] == ["0001_connections", "0002_boxes"]


async def test_sqlite_syncs_every_commit(db: Database) -> None:
    async with db.read() as tx:
        assert await tx.scalar(sa.text("PRAGMA synchronous")) == 2
        assert await tx.scalar(sa.text("PRAGMA journal_mode")) == "wal"


def test_an_unknown_database_is_refused() -> None:
    with pytest.raises(Invalid, match="'mysql', which is not known"):
        Database("mysql://x/y")


def test_a_fact_names_its_subject() -> None:
    assert subject_of(ConnectionRemoved) == "lineshaft.facts.edge.connection_removed.v1"


async def test_a_stamp_changes_with_commits_of_anybody_and_only_then(tmp_path: Path) -> None:
    mine, other = Database.at(tmp_path), Database.at(tmp_path)
    await mine.open()
    await other.open()
    before = mine.stamp()
    async with mine.read() as tx:
        await tx.all(sa.select(OUTBOX))
    assert mine.stamp() == before is not None
    for db in (other, mine):
        async with db.begin() as tx:
            await tx.execute(sa.insert(OUTBOX).values(id=str(id(db)), subject="s", body=b""))
        assert mine.stamp() != before
        before = mine.stamp()
    await mine.close()
    await other.close()


async def test_rows_are_written_as_they_are_and_reserved_numbers_are_new(tmp_path: Path) -> None:
    db = Database.at(tmp_path)
    await db.open()
    number = sa.Column("number", sa.Integer, primary_key=True, autoincrement=True)
    table = sa.Table("words", sa.MetaData(), number, sa.Column("by", sa.Text), sqlite_autoincrement=True)
    async with db.begin() as tx:
        await tx.execute(sa.schema.CreateTable(table))
    for first in (1, 4):
        async with db.begin() as tx:
            assert await tx.reserve(number, 3) == first
            await tx.insert(table, ("number", "by"), [(first + n, f"w{n}") for n in range(3)])
            await tx.execute(sa.delete(table).where(number == first + 2))
    async with db.read() as tx:
        assert list((await tx.execute(sa.select(table.c.number))).scalars()) == [1, 2, 4, 5]
    await db.close()


async def test_readers_that_give_up_leave_room_for_others(tmp_path: Path) -> None:
    db = Database.at(tmp_path)
    await db.open()
    slow = sa.text(
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 300000) SELECT count(*) FROM n"
    )

    async def read() -> None:
        async with db.read() as tx:
            await tx.execute(slow)

    readers = [asyncio.create_task(read()) for _ in range(40)]
    await asyncio.sleep(0.05)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    async with asyncio.timeout(30), db.read() as tx:
        assert await tx.all(sa.select(OUTBOX)) == []
    await db.close()


async def test_a_row_is_read_by_itself_as_committed(db: Database) -> None:
    about = sa.select(MIGRATIONS.c.name, sa.literal(7).label("seven")).where(MIGRATIONS.c.context == sa.bindparam("of"))
    assert await db.row(about, of="nothing.of.the.kind") is None
    for name in ("0001_first", "0002_second"):
        async with db.begin() as tx:
            await tx.execute(sa.insert(MIGRATIONS).values(context=name, name=name, applied_us=1))
            unseen = await db.row(about, of=name)
        assert unseen is None
        assert await db.row(about, of=name) == {"name": name, "seven": 7}
