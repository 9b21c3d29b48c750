"""The owner of the store answers others over the bus; nobody else can open it, and questions cannot write."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from lineshaft.edge import SampleBatch, samples_subject
from lineshaft.kernel.bus import Bus
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.config import BusSettings
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Internal, Invalid, PlatformError, Unavailable
from lineshaft.telemetry.health import Work
from lineshaft.telemetry.settings import TelemetrySettings
from lineshaft.telemetry.store import Engine, RemoteStore
from lineshaft.telemetry.store.schema import statements
from lineshaft.telemetry.worker import Owner


@pytest.fixture
async def owner(bus: Bus, catalogue: Database, tmp_path: Path) -> AsyncIterator[Owner]:
    """A working owner on a fresh store."""
    settings = TelemetrySettings(flush_s=0.05, question_mb=64)
    free = BusSettings(min_free_disk_gb=0)
    owner = await Owner.open(settings, bus=bus, db=catalogue, bus_settings=free, data=tmp_path)
    tasks = [asyncio.ensure_future(run()) for _, run in owner.workers()]
    yield owner
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await owner.close()


async def test_samples_sent_are_answered_near_and_far(owner: Owner, bus: Bus) -> None:
    some = SampleBatch(
        paths=["acme/a"],
        index=np.zeros(3, dtype=np.int32),
        ts=now_us() + np.arange(3),
        number=np.array([1.0, 2.0, 4.0]),
        quality=np.zeros(3, dtype=np.uint8),
    )
    await bus.publish(samples_subject("acme", "box"), some.encode())
    async with asyncio.timeout(10):
        while owner.health().stored_samples < 3:
            await asyncio.sleep(0.02)
    question = "SELECT sum(number) AS total, count() AS rows FROM samples FINAL WHERE number > {least:Float64}"
    for store in (owner.store, RemoteStore(bus)):
        assert (await store.ask(question, {"least": 1.5})).to_pylist() == [{"total": 6.0, "rows": 2}]
    assert owner.health().state is Work.STORING


async def test_an_answer_larger_than_a_message_comes_whole(owner: Owner, bus: Bus) -> None:
    table = await RemoteStore(bus).ask("SELECT number, rand64(number) AS noise FROM numbers(1500000)")
    assert table.nbytes > 16_000_000
    assert table["number"].to_numpy().tolist() == list(range(1_500_000))


async def test_questions_cannot_change_anything(owner: Owner, bus: Bus) -> None:
    for statement in ("DROP TABLE samples", "INSERT INTO fast_series VALUES (1)", "SET readonly = 0"):
        with pytest.raises(PlatformError):
            await RemoteStore(bus).ask(statement)
    assert (await RemoteStore(bus).ask("SELECT count() AS n FROM fast_series"))["n"][0].as_py() == 0


async def test_errors_of_the_owner_reach_the_asker_as_they_are(owner: Owner, bus: Bus) -> None:
    with pytest.raises(Internal, match="nonsense"):
        await RemoteStore(bus).ask("SELECT nonsense")
    with pytest.raises(Invalid, match="more memory") as too_much:
        await RemoteStore(bus).ask("SELECT groupArray(number) FROM numbers(100000000)")
    assert too_much.value.code == "telemetry.too_much"


async def test_without_an_owner_the_asker_is_told(bus: Bus) -> None:
    with pytest.raises(Unavailable, match="Nobody answers"):
        await RemoteStore(bus).ask("SELECT 1")


async def test_a_second_process_cannot_open_the_store(owner: Owner, tmp_path: Path) -> None:
    code = f"from lineshaft.telemetry.store import Engine; Engine('chdb://{tmp_path / 'telemetry'}')"
    told = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code], capture_output=True, text=True)
    assert told.returncode == 1
    assert "StoreTaken" in told.stderr
    assert "is held by another process" in told.stderr


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("clickhouse://127.0.0.1:9/lineshaft", "does not answer"),
        ("postgres://somewhere", "is not known"),
        ("clickhouse://127.0.0.1/line;shaft", "not a database name"),
    ],
)
def test_an_address_that_cannot_be_right_is_said_so(url: str, words: str) -> None:
    with pytest.raises(PlatformError, match=words):
        Engine(url)


def test_passwords_are_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Unavailable) as away:
        Engine("clickhouse://me:s3cret@127.0.0.1:9/lineshaft")
    assert "s3cret" not in str(away.value)


def test_an_older_server_gets_tables_without_what_it_lacks(tmp_path: Path) -> None:
    engine = Engine(f"chdb://{tmp_path / 'older'}")
    for statement in statements(alp=False, statistics=False):
        assert "ALP" not in statement
        assert "statistics" not in statement
        engine.command(statement)
    assert engine.rows("SELECT count() FROM system.tables WHERE database = currentDatabase()")[0][0] >= 7
    engine.close()
