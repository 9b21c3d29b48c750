"""The demo's list of signals is the packaging line's own, and its configuration is right."""

from __future__ import annotations

import re

from lineshaft.cli.demo import plant
from lineshaft.cli.demo.plant import Ports, connections, line_tags
from lineshaft.console import symbols
from lineshaft.edge import EdgeSettings, build
from lineshaft.edge.connectors.opcua.fake import URI
from lineshaft.edge.connectors.opcua.line import LineModel
from lineshaft.twins.model.picture import check_picture


def kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def test_the_list_names_every_signal_of_every_machine() -> None:
    listed = {tag["address"].split("[")[0] for tag in line_tags()}
    machines = LineModel().machines
    assert listed == {f"nsu={URI};s={machine.name}.{shown.name}" for machine in machines for shown in machine.signals}


def test_what_may_be_written_is_what_the_machines_let_be_written() -> None:
    writable = {
        f"{kebab(m.name)}/{kebab(s.name)}": (s.low, s.high)
        for m in LineModel().machines
        for s in m.signals
        if s.writable
    }
    assert {t["path"]: (t["low"], t["high"]) for t in line_tags() if t.get("writable")} == writable


def test_every_connection_of_the_demo_is_right() -> None:
    tables = connections(Ports(opcua=4840, modbus=5020))
    built = [build(kind, raw, organisation="demo") for kind, some in tables.items() for raw in some]
    assert sorted(b.connection.name for b in built) == ["conveyors", "hall-sensors", "packaging-line", "utilities"]
    assert EdgeSettings.model_validate(tables).connections == tables


def test_the_picture_of_the_demo_shows_machines_of_the_line_that_really_speak() -> None:
    shown = check_picture(plant.picture())
    line = f"{plant.ORGANISATION}/{plant.SITE}/packaging/line-1/"
    spoken = {line + tag["path"] for tag in plant.line_tags()}
    bound = {path for item in shown.items for path in (b.path for b in item.bindings.values()) if path.startswith(line)}
    values = {path for path in bound if path.removeprefix(line).count("/")}
    assert len(values) >= 12
    assert values <= spoken, values - spoken
    assert {item.symbol for item in shown.items} <= set(symbols())
