"""The Python client against a served plant: columns in, columns out, errors in the plant's words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pytest

from lineshaft.client import Client, Imported, PlantError, Value

T = TypeVar("T")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SPAN = {"start": NOON, "end": NOON + timedelta(hours=1)}


@pytest.fixture
def ask(served: Any) -> Callable[..., Any]:
    """Run something with a client in a thread of its own, as programs do."""

    async def within(work: Callable[[Client], T], token: str = "") -> T:
        def run() -> T:
            with Client(served.url, token or served.engineer, timeout_s=10) as plant:
                return work(plant)

        async with asyncio.timeout(20):
            return await asyncio.to_thread(run)

    return within


@pytest.fixture
async def filled(served: Any, ask: Callable[..., Any]) -> None:
    rows = [("acme/lab/weight", float(n), NOON + timedelta(minutes=n)) for n in range(10)]
    assert await ask(lambda plant: plant.write([*rows, ("acme/lab/state", "ON", NOON, "uncertain")])) == 11
    await served.stored(11)


async def test_series_and_newest_values(ask: Callable[..., Any], filled: None) -> None:
    assert await ask(lambda plant: list(plant.series(search="lab"))) == ["acme/lab/state", "acme/lab/weight"]
    assert await ask(lambda plant: plant.latest(subtree="acme")) == [
        Value(path="acme/lab/state", ts=NOON, value="ON", quality="uncertain"),
        Value(path="acme/lab/weight", ts=NOON + timedelta(minutes=9), value=9.0, quality="good"),
    ]


async def test_columns_come_as_arrow_pandas_or_polars(ask: Callable[..., Any], filled: None) -> None:
    asked = {**SPAN, "every": timedelta(minutes=5), "aggregate": ["mean", "count"]}
    table = await ask(lambda plant: plant.query("acme/lab/weight", **asked))
    assert isinstance(table, pa.Table)
    assert (table["mean"].to_pylist(), table["count"].to_pylist()) == ([2.0, 7.0], [5, 5])
    frame = await ask(lambda plant: plant.query("acme/lab/weight", as_="pandas", **asked))
    assert frame["mean"].tolist() == [2.0, 7.0]
    assert str(frame["ts"].dtype) == "datetime64[us, UTC]"
    other = await ask(lambda plant: plant.query("acme/lab/weight", as_="polars", **asked))
    assert other["count"].to_list() == [5, 5]


async def test_all_pages_of_raw_rows_are_fetched(ask: Callable[..., Any], filled: None) -> None:
    table = await ask(lambda plant: plant.query(subtree="acme/lab", limit=3, **SPAN))
    assert len(table) == 11
    assert table["number"].to_pylist()[-1] == 9.0
    assert "ON" in table["text"].to_pylist()


async def test_a_table_is_written_as_arrow(served: Any, ask: Callable[..., Any]) -> None:
    table = pa.table(
        {"path": ["acme/a", "acme/b"], "ts": pa.array([NOON, NOON], pa.timestamp("us", "UTC")), "value": [1, 2]}
    )
    assert await ask(lambda plant: plant.write(table)) == 2
    await served.stored(2)
    found = await ask(lambda plant: plant.query(["acme/a", "acme/b"], aggregate="last", points=1, **SPAN))
    assert found["last"].to_pylist() == [1.0, 2.0]


async def test_a_file_is_imported_with_progress(served: Any, ask: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "pump.csv"
    file.write_text("ts,flow,pressure\n2026-03-01T12:00:00Z,1,2\nnever,1,2\n2026-03-01T12:00:01Z,3,\n")
    steps: list[tuple[int, int]] = []
    done = await ask(
        lambda plant: plant.import_file(
            file, below="acme/pump", progress=lambda done, total: steps.append((done, total))
        )
    )
    assert done == Imported(rows=3, written=3, bad=1, problems=("line 3: 'never' is not a time",))
    assert steps[-1] == (3, 3)
    with pytest.raises(PlantError, match="other/flow"):
        await ask(lambda plant: plant.import_file(file, below="other"))


async def test_live_values_come_as_they_change(served: Any, ask: Callable[..., Any], filled: None) -> None:
    def watch(plant: Client) -> list[list[Value]]:
        changes = plant.live(subtree="acme/lab")
        first = next(changes)
        plant.write([("acme/lab/weight", 42.0)])
        return [first, next(changes)]

    first, second = await ask(watch)
    assert {one.path for one in first} == {"acme/lab/state", "acme/lab/weight"}
    assert [(one.path, one.value) for one in second] == [("acme/lab/weight", 42.0)]


async def test_refusals_are_raised_in_the_plants_words(served: Any, ask: Callable[..., Any]) -> None:
    with pytest.raises(PlantError) as refused:
        await ask(lambda plant: plant.query("acme/lab/weight"), served.stranger)
    assert (refused.value.status, refused.value.code) == (403, "security.not_allowed")
    with pytest.raises(PlantError) as wrong:
        await ask(lambda plant: plant.query("acme/a", aggregate="meen"))
    assert (wrong.value.message, wrong.value.hint) == ("'meen' is not an aggregate.", "Did you mean 'mean'?")
    with pytest.raises(PlantError) as unknown:
        await ask(lambda plant: plant.latest("acme/a"), "ls_no_no")
    assert unknown.value.status == 401
    with pytest.raises(PlantError) as watched:
        await ask(lambda plant: next(plant.live("acme/a")), served.stranger)
    assert watched.value.status == 403
