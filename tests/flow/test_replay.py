"""A recording of a real pump, played over four protocols at once: the historian holds what the file says.

The slice is taken where the recording's own labels change. MQTT and Sparkplug B deliver every row with its time,
OPC UA every change with its time, Modbus every change at the time of the poll that saw it.
"""

from __future__ import annotations

import asyncio
import csv
import itertools
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
import pytest_asyncio

from lineshaft.app.trial import Trial
from lineshaft.cli.demo import plant as demo
from lineshaft.cli.demo.playing import Machine, Place, machine
from lineshaft.cli.demo.recording import Recording, load
from lineshaft.edge.connectors.modbus.fake import ReplayServer as ModbusServer
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.terms import series_id
from lineshaft.security import Grant, Role

pytestmark = pytest.mark.asyncio(loop_scope="module")
SKAB = Path(__file__).parents[3] / "shared" / "data" / "skab" / "valve1" / "1.csv"
FIRST_LINE, LINES = 554, 100
SPEED = 20.0
LABELS = ("anomaly", "changepoint")
FORMATS = {"opcua": "csv", "modbus": "parquet", "sparkplug": "parquet", "mqtt": "csv"}
"""How each protocol's machine is given the slice."""
Samples = list[tuple[int, float]]


@dataclass
class Played:
    """What one machine showed, and what the historian holds of it."""

    recording: Recording
    began_us: int = 0
    seen_us: int = 0
    """When the historian had all of it."""
    shown: list[tuple[int, Mapping[str, float]]] = field(default_factory=list)
    stored: dict[str, Samples] = field(default_factory=dict)

    def rows(self, column: str, *, step_us: int = 1) -> Samples:
        """Every value of a column with its time, as finely as the protocol tells time."""
        return [(ts // step_us * step_us, values[column]) for ts, values in self.shown]

    def changes(self, column: str) -> Samples:
        """The values of a column that differ from the one before."""
        rows = self.rows(column)
        return [row for before, row in itertools.pairwise([(0, None), *rows]) if row[1] != before[1]]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The slice as CSV, its lines as they were recorded, and as Parquet."""
    if not SKAB.exists():
        pytest.skip("needs the SKAB recordings in ../shared/data/skab beside the repository")
    folder = tmp_path_factory.mktemp("skab")
    lines = SKAB.read_text().splitlines()
    text, table = folder / "pump (1).csv", folder / "pump (1).parquet"
    text.write_text("\n".join([lines[0], *lines[FIRST_LINE : FIRST_LINE + LINES]]))
    pa.parquet.write_table(pa.csv.read_csv(text, parse_options=pa.csv.ParseOptions(delimiter=";")), table)
    return {"csv": text, "parquet": table}


@pytest.fixture(scope="module")
def recorded(files: dict[str, Path]) -> dict[str, list[float]]:
    """The columns of the slice as the decimals in the file, read by nothing of ours."""
    rows = list(csv.DictReader(files["csv"].read_text().splitlines(), delimiter=";"))
    return {n.replace(" ", "-"): [float(row[n]) for row in rows] for n in rows[0] if n != "datetime"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plant(files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory, until: Any) -> AsyncIterator[Trial]:
    """`lineshaft demo`, which plays the slice over OPC UA by itself, again and again."""
    plant = Trial(tmp_path_factory.mktemp("demo"))
    plant.file = plant.data / "plant.toml"
    words = ["--data", str(plant.data), "--replay", str(files["csv"]), "--speed", "40"]
    with (plant.folder / "demo.log").open("w") as log:
        process = subprocess.Popen([sys.executable, "-m", "lineshaft.cli", "demo", *words], stdout=log, stderr=log)
    try:
        await until((plant.run / "address.txt").exists, within_s=30)
        await plant.ready()
        plant.ports = json.loads((plant.data / "bus" / "ports.json").read_text())
        plant.token = await plant.token_of(Grant(role=Role.ADMIN))
        yield plant
    finally:
        process.terminate()
        assert process.wait(timeout=30) == 0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played(files: dict[str, Path], plant: Trial, until: Any) -> AsyncIterator[dict[str, Played]]:
    """The slice after it was played over all four protocols at once, twenty times as fast as it was recorded."""
    async with AsyncExitStack() as stack:
        runs = {kind: Played(load(files[form])) for kind, form in FORMATS.items()}
        machines = {kind: await stack.enter_async_context(await _opened(kind, runs[kind], plant)) for kind in runs}
        for kind, shown in machines.items():
            await _connect(plant, kind, runs[kind].recording, shown)
        for kind, shown in machines.items():
            await until(lambda kind=kind, shown=shown: _ready(plant, kind, runs[kind], shown), within_s=15)
        await asyncio.gather(*(_play(run, machines[kind]) for kind, run in runs.items()))
        for kind, run in runs.items():
            await until(lambda kind=kind, run=run: _all_stored(plant, kind, run), within_s=15)
        yield runs


async def _opened(kind: str, run: Played, plant: Trial) -> Any:
    topics = {"mqtt": ("replay/#",), "sparkplug": ("spBv1.0/#",)}
    if kind not in topics:
        return machine(kind, run.recording, Place())
    user, password = await plant.device(kind, *topics[kind], subscribe=topics[kind])
    return machine(kind, run.recording, Place(broker=_broker(plant), user=user, password=password))


def _broker(plant: Trial) -> str:
    return f"mqtt://127.0.0.1:{plant.ports['mqtt']}"


async def _connect(plant: Trial, kind: str, recording: Recording, shown: Machine) -> None:
    """Save the connection that `lineshaft demo --replay` would write."""
    raw = demo.replay(recording, kind, port=getattr(shown, "port", 0), speed=SPEED) | {"name": kind, "path": kind}
    if kind == "opcua":
        raw["url"] = shown.url  # type: ignore[attr-defined]
    async with plant.client() as client:
        answer = await client.put("/api/v1/connections", json={"connector": kind, "raw": raw})
        assert answer.status_code == 200, answer.text


async def _ready(plant: Trial, kind: str, run: Played, shown: Machine) -> bool:
    """Whether the machine is listened to: its columns are known to have no value yet, or what it says is heard."""
    says = kind in {"sparkplug", "mqtt"}
    if says:
        await shown.set({"probe": 1.0}, now_us())
    series = series_id(f"demo/{kind}/{'probe' if says else run.recording.columns[-1]}")
    return bool(await plant.ask(f"SELECT 1 FROM samples WHERE series = {series} LIMIT 1"))


async def _play(run: Played, shown: Machine) -> None:
    async def show(values: Mapping[str, float], ts: int) -> None:
        run.shown.append((ts, values))
        if isinstance(shown, ModbusServer):
            shown.heard.clear()
        await shown.set(values, ts)
        while isinstance(shown, ModbusServer) and not shown.heard:
            await asyncio.sleep(0.002)  # a poll that comes late would find the next row: not what is tested here

    run.began_us = now_us()
    await run.recording.play(show, speed=SPEED, turns=1)


async def _all_stored(plant: Trial, kind: str, run: Played) -> bool:
    """Whether every column has as many samples as it had changes, to the last; keeps what the historian holds."""
    columns = run.recording.columns
    run.stored, run.seen_us = await _stored(plant, f"demo/{kind}", columns), now_us()
    changes = {column: run.changes(column) for column in columns}
    return all(len(run.stored[c]) >= len(changes[c]) and run.stored[c][-1][1] == changes[c][-1][1] for c in columns)


async def _stored(plant: Trial, place: str, columns: Sequence[str]) -> dict[str, Samples]:
    """Every good sample of some series in the order of time."""
    ids = {series_id(f"{place}/{column}"): column for column in columns}
    found: dict[str, Samples] = {column: [] for column in columns}
    for row in await plant.ask(
        "SELECT series, toUnixTimestamp64Micro(ts) AS at, number FROM samples FINAL"
        f" WHERE series IN ({', '.join(map(str, ids))}) AND quality = 0 ORDER BY ts"
    ):
        found[ids[row["series"]]].append((row["at"], row["number"]))
    return found


# ---- what was played ----


async def test_both_formats_hold_the_decimals_of_the_file(
    files: dict[str, Path], recorded: dict[str, list[float]]
) -> None:
    for file in files.values():
        found = load(file)
        assert dict(zip(found.columns, found.values.tolist(), strict=True)) == recorded
        assert (found.name, found.step_s, len(found.ts)) == ("pump-1", 1.0, LINES)


@pytest.mark.parametrize("kind", FORMATS)
async def test_the_rows_are_shown_in_the_recordings_order_with_the_time_of_now(
    kind: str, played: dict[str, Played], recorded: dict[str, list[float]], slowness: Any
) -> None:
    run = played[kind]
    assert {c: [values[c] for _, values in run.shown] for c in run.recording.columns} == recorded
    offsets = [ts - run.shown[0][0] for ts, _ in run.shown]
    assert offsets == [round(int(ts - run.recording.ts[0]) / SPEED) for ts in run.recording.ts]
    assert 0 <= run.shown[0][0] - run.began_us < 1_000_000 * slowness()


# ---- what the historian holds ----


@pytest.mark.parametrize("kind", ["sparkplug", "mqtt"])
async def test_a_protocol_of_messages_delivers_every_row_with_its_time(kind: str, played: dict[str, Played]) -> None:
    run = played[kind]
    for column in run.recording.columns:
        assert run.stored[column] == run.rows(column, step_us=1000), column


async def test_opc_ua_delivers_every_change_with_its_time(played: dict[str, Played]) -> None:
    run = played["opcua"]
    for column in run.recording.columns:
        assert run.stored[column] == run.changes(column), column


async def test_modbus_delivers_every_change_when_it_is_polled(played: dict[str, Played], slowness: Any) -> None:
    """Also as the decimals of the recording, although the registers hold them as single floats."""
    run = played["modbus"]
    for column in run.recording.columns:
        times, values = zip(*run.stored[column], strict=True)
        assert list(values) == [value for _, value in run.changes(column)], column
        assert run.began_us - 1_000_000 * slowness() < times[0], column  # a poll may have been on its way
        assert times[-1] < run.seen_us, column


@pytest.mark.parametrize("kind", FORMATS)
async def test_the_labels_of_a_recording_survive_as_series(
    kind: str, played: dict[str, Played], recorded: dict[str, list[float]]
) -> None:
    anomaly, changepoint = (_without_repeats([v for _, v in played[kind].stored[label]]) for label in LABELS)
    assert anomaly == [0.0, 1.0] == _without_repeats(recorded["anomaly"])
    assert changepoint == [0.0, 1.0, 0.0, 1.0, 0.0] == _without_repeats(recorded["changepoint"])


def _without_repeats(values: Sequence[float]) -> list[float]:
    return [value for value, _ in itertools.groupby(values)]


# ---- the command ----


async def test_the_demo_plays_a_recording_over_and_over(
    plant: Trial, played: dict[str, Played], files: dict[str, Path], until: Any
) -> None:
    """Joined at any row, what is stored goes round the recording without a gap, and people see it."""
    recording = load(files["csv"])
    place, column = f"demo/hamburg/replay/{recording.name}", recording.columns[0]
    cycle = _without_repeats([*recording.values[0], *recording.values[0]])
    turn = len(cycle) // 2
    values = [v for _, v in await until(lambda: _as_long_as(plant, place, column, 2 * turn + 20), within_s=20)]
    at = next(n for n in range(turn) if cycle[n : n + 10] == values[:10])
    assert values == list(itertools.islice(itertools.cycle(cycle[at : at + turn]), len(values)))

    viewer = await plant.token_of(Grant(role=Role.VIEWER, subtree="demo"), name="viewer")
    async with plant.client(viewer) as client:
        twin = (await client.get(f"/api/v1/twins/state/{place}")).json()
    assert {v["name"] for v in twin["values"]} == set(recording.columns)
    assert {v["quality"] for v in twin["values"]} == {"good"}


async def _as_long_as(plant: Trial, place: str, column: str, rows: int) -> Samples | None:
    found = (await _stored(plant, place, [column]))[column]
    return found if len(found) >= rows else None
