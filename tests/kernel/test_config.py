"""plant.toml: strict, and every fault is one sentence with place, what is wrong and the mend."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest

from lineshaft.app import SECTIONS, load_config
from lineshaft.edge import EdgeSettings
from lineshaft.kernel.config import BusSettings, ConfigError, HttpSettings, PlantSettings, Secret, Section, load

MODBUS = """
[[edge.modbus]]
name = "one"
host = "127.0.0.1"
[[edge.modbus.tags]]
path = "pressure"
address = "holding:0:float32"
"""


def complaints(tmp_path: Path, text: str) -> list[str]:
    """The sentences said about a file."""
    file = tmp_path / "plant.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    return [str(c) for c in caught.value.complaints]


def test_defaults_are_enough() -> None:
    config = load(None, SECTIONS, env={})
    assert config.get(HttpSettings).host == "127.0.0.1"
    assert config.get(BusSettings).sync_interval == "always"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[plnat]\nname='x'", "plnat: unknown key 'plnat'. Did you mean 'plant'?"),
        ("[http]\nprot = 1", "http.prot: unknown key 'prot'. Did you mean 'port'?"),
        ("[http]\nport = 'x'", "http.port: input should be a valid integer"),
        ("[http]\nport = 99999", "http.port: input should be less than or equal to 65535"),
        ("[plant]\ntimezone = 'Europe/Berln'", "did you mean 'Europe/Berlin'?"),
        ("[plant]\norganisation = 'a b'", "is not a plant path"),
        ("[bus]\nsync_interval = '1s'", "can lose acknowledged data in a power cut"),
        (
            "[[edge.modubs]]\nname = 'x'",
            "edge.modubs[0]: There is no connector called 'modubs'. Did you mean 'modbus'?",
        ),
        ("[[edge.modbus]]\nhost = '127.0.0.1'", "edge.modbus[0].name: every connection needs a name"),
        ("[[edge.modbus]]\nname = 'x'", "needs host"),
        (MODBUS + "unti = 'bar'", "edge.modbus[0].tags[0].unti: unknown key 'unti'. Did you mean 'unit'?"),
        (MODBUS.replace("holding:0:float32", "holdnig:0"), "edge.modbus[0] plant/one/pressure"),
        (MODBUS + MODBUS.replace('"pressure"', '"level"'), "the name 'one' is taken by edge.modbus[0]"),
        (MODBUS + MODBUS.replace('"one"', '"two"\npath = "one"'), "the path plant/one/pressure is used twice"),
        ("nonsense", "not valid TOML"),
    ],
)
def test_a_fault_is_one_sentence_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    found = complaints(tmp_path, text)
    assert any(said in sentence for sentence in found), found


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    assert len(complaints(tmp_path, "[http]\nport = -1\nhots = 'x'\n[plant]\nnme = 'x'")) == 3


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        load_config(tmp_path / "none.toml")


def test_the_environment_overrides_single_values(tmp_path: Path) -> None:
    env = {"LINESHAFT_HTTP__PORT": "1234", "LINESHAFT_PLANT__NAME": "North", "OTHER__X": "1"}
    config = load({"http": {"port": 1}}, SECTIONS, env=env)
    assert config.get(HttpSettings).port == 1234
    assert config.get(PlantSettings).name == "North"


class Everything(Section):
    """Settings of every kind."""

    text: str = ""
    folder: Path = Path()
    secret: Secret = Secret("")
    maybe: str | None = None
    mode: Literal["true", "false"] = "false"
    number: float = 0.0
    flag: bool = False
    names: tuple[str, ...] = ()
    span: timedelta = timedelta(0)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("TEXT", "007", "007"),
        ("TEXT", "12345", "12345"),
        ("TEXT", "true", "true"),
        ("TEXT", "2026-01-31", "2026-01-31"),
        ("TEXT", "[1]", "[1]"),
        ("TEXT", '"quoted"', '"quoted"'),
        ("FOLDER", "2026", Path("2026")),
        ("SECRET", "12345", Secret("12345")),
        ("MAYBE", "1.50", "1.50"),
        ("MODE", "true", "true"),
        ("NUMBER", "12345", 12345.0),
        ("FLAG", "true", True),
        ("NAMES", '["1", "2"]', ("1", "2")),
        ("SPAN", "90", timedelta(seconds=90)),
    ],
)
def test_what_the_environment_says_is_read_as_the_setting_wants_it(name: str, text: str, value: object) -> None:
    config = load(None, {"every": Everything}, env={f"LINESHAFT_EVERY__{name}": text})
    assert getattr(config.get(Everything), name.lower()) == value


def test_numbers_of_the_environment_reach_passwords_and_organisations() -> None:
    env = {"LINESHAFT_BUS__PASSWORD": "12345", "LINESHAFT_PLANT__ORGANISATION": "007", "LINESHAFT_BUS__PORT": "4300"}
    config = load(None, SECTIONS, env=env)
    assert config.get(BusSettings).password.get_secret_value() == "12345"
    assert (config.plant.organisation, config.get(BusSettings).port) == ("007", 4300)


def test_the_environment_may_hold_whole_connections() -> None:
    tables = '[{name = "one", host = "h", tags = [{path = "p", address = "holding:0"}]}]'
    config = load(None, SECTIONS, env={"LINESHAFT_EDGE__MODBUS": tables})
    assert [c.name for c in config.get(EdgeSettings).declared(config.plant)] == ["one"]


def test_a_secret_never_prints(tmp_path: Path) -> None:
    config = load({"bus": {"password": "hunter2hunter2"}}, SECTIONS, env={})
    assert "hunter2" not in repr(config.get(BusSettings))
    with pytest.raises(ConfigError) as caught:
        load({"bus": {"password": 12345678}}, SECTIONS, env={})
    assert "12345678" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"no broker address.*mqtt:") as caught:
        load({"edge": {"mqtt": [{"name": "x", "broker": "amqp://u:hunter2@h"}]}}, SECTIONS, env={})
    assert "hunter2" not in str(caught.value)


def test_connections_of_a_file_are_read(tmp_path: Path) -> None:
    file = tmp_path / "plant.toml"
    file.write_text(MODBUS)
    config = load_config(file)
    [one] = config.get(EdgeSettings).declared(config.plant)
    assert (one.name, one.connector, one.path, one.tag_count) == ("one", "modbus", "plant/one", 1)
