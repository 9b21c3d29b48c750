"""Twins over a real catalogue and a real bus, with a few people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa

from lineshaft.edge import SampleBatch, samples_subject
from lineshaft.kernel.bus import Bus
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.db import OUTBOX, Database
from lineshaft.kernel.terms import PlantPath, Quality, Value
from lineshaft.security import PLATFORM, AuditEntry, AuditFilter, Grant, Guard, Role, Who, WhoKind
from lineshaft.telemetry import Live, Selection
from lineshaft.telemetry.store import Engine
from lineshaft.telemetry.store.positions import create_tables
from lineshaft.twins import Draft, Level, Twins

CONTEXTS = ["lineshaft.security", "lineshaft.twins"]


def person(name: str, role: Role, tree: str = "acme") -> Who:
    return Who(id=name, name=name, kind=WhoKind.USER, grants=(Grant(role=role, subtree=tree),), origin="test")


ADA = person("ada", Role.ENGINEER)
EVE = person("eve", Role.VIEWER)
BOB = person("bob", Role.ADMIN, "other")


def at(path: str, level: Level = Level.ASSET, **said: object) -> Draft:
    return Draft(path=PlantPath(path), level=level, **said)


@pytest.fixture
async def guard(db: Database) -> Guard:
    await db.open(CONTEXTS)
    return Guard(db)


@pytest.fixture
async def live(bus: Bus, guard: Guard) -> AsyncIterator[Live]:
    live = Live(bus, guard)
    running = asyncio.create_task(live.run())
    await asyncio.wait_for(live.listening.wait(), 5)
    yield live
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def twins(db: Database, guard: Guard, live: Live) -> Twins:
    """Twins with `acme/berlin/line-1` standing."""
    twins = Twins(db, guard, live)
    await twins.create(PLATFORM, at("acme/berlin/line-1", Level.LINE), with_parents=True)
    return twins


@pytest.fixture
def tell(bus: Bus, live: Live) -> Callable[..., object]:
    """Send newest values and wait until they are known."""

    async def send(
        values: Mapping[str, Value | None], *, quality: Quality = Quality.GOOD, ts: datetime | None = None
    ) -> int:
        ts_us = int((ts or datetime.now(UTC)).timestamp() * 1e6) if ts else now_us()
        texts = [v if isinstance(v, str) else None for v in values.values()]
        batch = SampleBatch(
            paths=list(values),
            index=np.arange(len(values), dtype=np.int32),
            ts=np.full(len(values), ts_us),
            number=np.array([np.nan if v is None or isinstance(v, str) else float(v) for v in values.values()]),
            quality=np.full(len(values), int(quality), dtype=np.uint8),
            text=pa.array(texts, pa.utf8()) if any(texts) else None,
            edge="test",
        )
        await bus.publish(samples_subject("acme", "test"), batch.encode())
        async with asyncio.timeout(5):
            while not all(
                int(found.ts.timestamp() * 1e6) >= ts_us - 1 and found.quality == quality
                for found in await live.latest(PLATFORM, Selection.of(*values))
            ) or len(await live.latest(PLATFORM, Selection.of(*values))) < len(values):
                await asyncio.sleep(0.005)
        return ts_us

    return send


async def facts(db: Database) -> list[tuple[str, bytes]]:
    """Every fact not yet published, oldest first: (name, body)."""
    async with db.read() as tx:
        rows = await tx.all(sa.select(OUTBOX).order_by(OUTBOX.c.id))
    return [(row["subject"].split(".")[-2], row["body"]) for row in rows]


async def audited(guard: Guard, action: str) -> list[AuditEntry]:
    return await guard.entries(PLATFORM, AuditFilter(action=action))


async def settle(found: Callable[[], Awaitable[object]], wanted: object) -> None:
    """Wait until something asked again and again says what is wanted; what it said last otherwise."""
    said: object = None
    for _ in range(600):
        try:
            said = await found()
        except Exception as error:
            said = error
        if said == wanted:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{said} instead of {wanted}")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An embedded historian of its own."""
    engine = Engine(f"chdb://{tmp_path / 'telemetry'}")
    create_tables(engine)
    yield engine
    engine.close()
