"""The command line: clear refusals, exit codes, and configuration that travels as a file."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
import tomlkit

from lineshaft.app import load_config, local
from lineshaft.cli.demo import recording
from lineshaft.cli.demo.plant import replay
from lineshaft.cli.new import write
from lineshaft.edge import SHELF, EdgeSettings, build
from lineshaft.kernel.errors import Conflict, Invalid
from lineshaft.kernel.processes import note_self

PLANT = """
[plant]
organisation = "acme"
data = "{data}"
[bus]
port = 0
front_port = 0
websocket_port = 0
monitoring_port = 0
mqtt_port = 0
[[edge.modbus]]
name = "plc"
path = "hall/plc"
host = "127.0.0.1"
port = {port}
[[edge.modbus.tags]]
path = "pressure"
address = "holding:0:float32"
"""


def run(*words: str, folder: Path, answer: str = "") -> subprocess.CompletedProcess[str]:
    """One command in a folder of its own."""
    argv = [sys.executable, "-m", "lineshaft.cli", *words]
    return subprocess.run(argv, cwd=folder, input=answer, capture_output=True, text=True, timeout=60)


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    """A folder with a plant.toml."""
    (tmp_path / "plant.toml").write_text(PLANT.format(data=tmp_path / "data", port=5020))
    return tmp_path


def test_check_says_what_is_configured(plant: Path) -> None:
    done = run("check", folder=plant)
    assert (done.returncode, done.stdout.strip()) == (0, "plant.toml is right: 1 connections, 1 tags.")


@pytest.mark.parametrize("command", ["check", "run", "doctor"])
def test_a_wrong_file_is_refused_with_its_place_and_nothing_starts(plant: Path, command: str) -> None:
    (plant / "plant.toml").write_text("[htpp]\nport = 1\n")
    done = run(command, folder=plant)
    assert done.returncode == 2
    assert "htpp: unknown key 'htpp'. Did you mean 'http'?" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (plant / "data").exists()


def test_check_connect_names_what_does_not_answer(plant: Path) -> None:
    done = run("check", "--connect", folder=plant)
    assert done.returncode == 1
    assert "plc:" in done.stdout
    assert "5020" in done.stdout


def test_an_unknown_role_is_refused(plant: Path) -> None:
    done = run("run", "telemtry", folder=plant)
    assert done.returncode == 2
    assert "Did you mean 'telemetry'?" in done.stderr


def test_a_second_run_is_refused_and_overwrites_nothing_of_the_first(plant: Path) -> None:
    note_self(plant / "data" / "run", "keeper")
    done = run("run", folder=plant)
    assert (done.returncode, "already runs" in done.stderr) == (2, True)
    assert sorted(p.name for p in (plant / "data").rglob("*")) == ["keeper.pid", "run"]


def test_a_sample_is_printed_and_right(tmp_path: Path) -> None:
    done = run("sample", "modbus", folder=tmp_path)
    assert done.returncode == 0
    assert "modbus" in tomlkit.parse(done.stdout)["edge"]
    wrong = run("sample", "modbsu", folder=tmp_path)
    assert wrong.returncode == 2
    assert "Did you mean 'modbus'?" in wrong.stderr


def test_apply_shows_the_difference_and_export_writes_it_back(plant: Path) -> None:
    shown = run("apply", "plant.toml", folder=plant, answer="n\n")
    assert shown.returncode == 1
    assert '+address = "holding:0:float32"' in shown.stdout
    assert [p.name for p in plant.iterdir()] == ["plant.toml"], "nothing is made before the answer"
    assert run("apply", "plant.toml", "--yes", folder=plant).returncode == 0
    assert "Nothing to change" in run("apply", "plant.toml", folder=plant).stdout
    exported = run("export", "out.toml", folder=plant)
    assert exported.returncode == 0
    one = tomlkit.parse((plant / "out.toml").read_text())["edge"]["modbus"][0]
    assert (one["name"], one["port"], one["tags"][0]["address"]) == ("plc", 5020, "holding:0:float32")
    again = run("apply", "out.toml", folder=plant)
    assert "Nothing to change" in again.stdout


BROKER = """
[[edge.mqtt]]
name = "hall"
broker = "mqtt://127.0.0.1:{port}"
subscriptions = ["s/#"]
user = "u"
password = "{password}"
"""


def test_a_file_without_secrets_keeps_them_and_sends_them_nowhere_else(plant: Path) -> None:
    (plant / "plant.toml").write_text(
        PLANT.format(data=plant / "data", port=1) + BROKER.format(port=1, password="s3cret")
    )
    assert run("apply", "plant.toml", "--yes", folder=plant).returncode == 0
    assert run("export", "out.toml", folder=plant).returncode == 0
    text = (plant / "out.toml").read_text()
    assert ('password = "***"' in text, "s3cret" in text) == (True, False)
    assert "Nothing to change" in run("apply", "out.toml", folder=plant).stdout
    (plant / "out.toml").write_text(text.replace("127.0.0.1:1", "127.0.0.1:2"))
    refused = run("apply", "out.toml", "--yes", folder=plant)
    assert (refused.returncode, "password was given for another address" in refused.stderr) == (2, True)
    assert "mqtt://127.0.0.1:1" in run("export", folder=plant).stdout


def test_stars_are_sent_to_no_machine(plant: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.1)
        port = listening.getsockname()[1]
        (plant / "plant.toml").write_text(BROKER.format(port=port, password="***"))
        done = run("check", "--connect", folder=plant)
        assert (done.returncode, "hall: password is ***" in done.stdout) == (1, True)
        with pytest.raises(TimeoutError):
            listening.accept()


def test_what_was_applied_from_another_file_outlives_the_next_start(plant: Path) -> None:
    assert run("apply", "plant.toml", "--yes", folder=plant).returncode == 0
    (plant / "night.toml").write_text((plant / "plant.toml").read_text().replace("5020", "5021"))
    assert run("apply", "night.toml", "--yes", folder=plant).returncode == 0
    config = load_config(plant / "plant.toml")

    async def start() -> object:
        async with local(config) as here:
            await here.edge.declare(here.who, config.get(EdgeSettings).declared(config.plant))
            return (await here.edge.get(here.who, "plc")).connection.raw["port"]

    assert asyncio.run(start()) == 5021


def test_map_prints_the_contexts_in_the_order_of_the_flow(tmp_path: Path) -> None:
    lines = run("map", folder=tmp_path).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["edge", "telemetry", "twins", "security", "console", "kernel"]


def test_a_new_connector_passes_the_conformance_suite() -> None:
    shelf = Path(SHELF.get("modbus").module.replace(".", "/")).parent
    root = Path(__file__).parents[2]
    folder = write("trial_made_by_a_test", root / "src" / shelf)
    try:
        chosen = ["tests/edge/test_every_connector.py", "-k", "trial_made_by_a_test", "-v", "-v", "-p", "no:xdist"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *chosen], cwd=root, capture_output=True, text=True, timeout=100
        )
        assert done.returncode == 0, done.stdout[-2000:]
        assert "6 passed" in done.stdout, done.stdout[-2000:]
        ruff = subprocess.run(
            [sys.executable, "-m", "ruff", "check", str(folder)], cwd=root, capture_output=True, text=True
        )
        assert ruff.returncode == 0, ruff.stdout
    finally:
        shutil.rmtree(folder)


def test_a_bad_name_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no name for a connector"):
        write("My-PLC", tmp_path)
    write("mine", tmp_path)
    with pytest.raises(Conflict, match="exists already"):
        write("mine", tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine"]


def test_recordings_are_read_whatever_their_delimiter(tmp_path: Path) -> None:
    for delimiter in ";,\t":
        file = tmp_path / "pump.csv"
        rows = (
            ["datetime", "Pressure", "Flow Rate", "note"],
            ["2020-03-09 10:14:34", "1.5", "32", "b"],
            ["2020-03-09 10:14:33", "", "31", "a"],
        )
        file.write_text("\n".join(delimiter.join(r) for r in rows))
        found = recording.load(file)
        assert found.columns == ("Pressure", "Flow-Rate")
        assert found.values[1].tolist() == [31.0, 32.0], "rows are put in the order of time"
        assert found.ts[1] - found.ts[0] == 1_000_000


@pytest.mark.parametrize(
    ("times", "step_s"),
    [
        (["2026-01-31 08:00:00.25", "2026-01-31 08:00:00.75"], 0.5),
        (["2026-01-31T08:00:00Z", "2026-01-31T08:00:02Z"], 2.0),
        (["2026-01-31", "2026-02-01"], 86_400.0),
        (["1769846400", "1769846402"], 2.0),
        (["1769846400000", "1769846400250"], 0.25),
        (["1769846400000000", "1769846400000250"], 0.00025),
        (["0.0", "0.1"], 0.1),
    ],
)
def test_the_times_of_a_recording_are_read_however_they_are_written(
    tmp_path: Path, times: list[str], step_s: float
) -> None:
    file = tmp_path / "pump.csv"
    file.write_text("time,flow\n" + "".join(f"{time},{n}\n" for n, time in enumerate(times)))
    assert recording.load(file).step_s == pytest.approx(step_s, rel=1e-9)


def test_a_recording_in_nanoseconds_with_a_zone_is_read_from_parquet(tmp_path: Path) -> None:
    times = pa.array([1_769_846_400_000_000_123, 1_769_846_400_500_000_123], pa.timestamp("ns", tz="Europe/Berlin"))
    pa.parquet.write_table(pa.table({"at": times, "on": [True, None], "n": [1, 2]}), tmp_path / "pump.parquet")
    found = recording.load(tmp_path / "pump.parquet")
    assert (found.ts.tolist(), found.columns) == ([1_769_846_400_000_000, 1_769_846_400_500_000], ("on", "n"))
    assert [row for _, row in found.rows()] == [{"on": 1.0, "n": 1.0}, {"n": 2.0}]


def test_names_become_what_every_protocol_can_carry_and_the_count_of_rows_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "泵 (1).csv"
    file.write_text(",time,Flow [l/min],温度 °C\n0,2026-01-31 08:00:00,1,20\n1,2026-01-31 08:00:01,2,21\n")
    found = recording.load(file)
    assert (found.name, found.columns) == ("泵-1", ("Flow-l-min", "温度-°C"))
    for kind in ("opcua", "modbus", "sparkplug", "mqtt"):
        assert build(kind, replay(found, kind, port=4840, speed=1), organisation="demo")


def test_a_replayed_machine_is_asked_twice_a_row(tmp_path: Path) -> None:
    file = tmp_path / "pump.csv"
    file.write_text("time,flow\n0,1\n0.5,2\n")
    played = recording.load(file)
    found = [
        [replay(played, kind, port=1, speed=speed)["tags"][0]["every"] for speed in (0.1, 1, 5, 1000)]
        for kind in ("opcua", "modbus")
    ]
    assert found == [["1000ms", "250ms", "50ms", "20ms"]] * 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n3,4", "no time column"),
        ("time,x\n2020-01-01 00:00:00,y", "no numbers"),
        ("time,x\n2020-01-01 00:00:00,1", "no numbers"),
        ("time,x\n31.01.2026 08:00,1\n31.01.2026 09:00,2", "times of x.csv cannot be read"),
        ("time,x\n2020-01-01 00:00:00,1\n,2", "times of x.csv cannot be read"),
        ("time,a b,a-b\n2020-01-01 00:00:00,1,2\n2020-01-01 00:00:01,1,2", "'a b' and 'a-b'"),
        ("time,x,x\n2020-01-01 00:00:00,1,2\n2020-01-01 00:00:01,1,2", "'x' and 'x'"),
        ("", "cannot be read"),
        ("time,x\n1,2,3\n", "cannot be read"),
    ],
)
def test_a_file_that_is_no_recording_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "x.csv"
    file.write_text(text)
    with pytest.raises(Invalid, match=said):
        recording.load(file)


def test_aas_check_lists_what_is_wrong_in_a_file(tmp_path: Path) -> None:
    right = '{"submodels": [{"modelType": "Submodel", "id": "urn:sm", "idShort": "Data"}]}'
    (tmp_path / "right.json").write_text(right)
    (tmp_path / "wrong.json").write_text(right.replace("Data", "No name"))
    (tmp_path / "none.json").write_text("[")
    done = run("aas", "check", "right.json", folder=tmp_path)
    assert (done.returncode, done.stdout.splitlines()) == (
        0, ["right.json: JSON with 0 shells, 1 submodels, 0 concepts, 0 files.", "Nothing is wrong in it."]
    )  # fmt: skip
    done = run("aas", "check", "wrong.json", folder=tmp_path)
    assert (done.returncode, "1 findings" in done.stdout, "No name" in done.stdout) == (1, True, True)
    done = run("aas", "check", "none.json", folder=tmp_path)
    assert (done.returncode, done.stderr.splitlines()[0][:40]) == (2, "The JSON is broken at line 1, column 2: ")
