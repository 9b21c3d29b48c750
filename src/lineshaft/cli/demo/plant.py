"""The demo plant as configuration: which machines stand where, and how Lineshaft reaches them.

What a connector's `sample.toml` lists for its fake is what the demo uses; only address and place change.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lineshaft.edge import SHELF
from lineshaft.edge.connectors.opcua.fake import URI
from lineshaft.edge.connectors.opcua.line import LineModel
from lineshaft.kernel.terms import PlantPath

ORGANISATION = "demo"
SITE = "hamburg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the device fakes listen."""

    opcua: int
    modbus: int


def connections(ports: Ports) -> dict[str, list[dict[str, Any]]]:
    """The demo's connections by connector, as they would stand in plant.toml."""
    return {
        "opcua": [
            {
                "name": "packaging-line",
                "path": f"{SITE}/packaging/line-1",
                "url": f"opc.tcp://127.0.0.1:{ports.opcua}",
                "tags": list(_line_tags()),
            }
        ],
        "modbus": [
            _like_sample(
                "modbus", name="utilities", path=f"{SITE}/utilities/plant-room", host="127.0.0.1", port=ports.modbus
            )
        ],
        "sparkplug": [
            _only(
                "sparkplug",
                name="conveyors",
                path=f"{SITE}/packaging/conveyors",
                broker="builtin",
                groups=["hamburg"],
                place="{device}/{metric}",
            )
        ],
        "mqtt": [
            _only(
                "mqtt",
                name="hall-sensors",
                path=f"{SITE}/building",
                broker="builtin",
                rules=[{"topic": "sensors/{hall}/{sensor}", "path": "{hall}/{sensor}"}],
            )
        ],
    }


def replay(name: str, kind: str, columns: Mapping[str, str], *, port: int) -> dict[str, list[dict[str, Any]]]:
    """The connection to a replayed recording; `columns` maps property names to addresses."""
    place = {"name": f"replay-{name}"[:64], "path": f"{SITE}/replay/{name}"}
    tags = [{"path": str(PlantPath.clean(c)), "address": a, "every": "1s"} for c, a in columns.items()]
    match kind:
        case "opcua":
            return {"opcua": [{**place, "url": f"opc.tcp://127.0.0.1:{port}", "tags": tags}]}
        case "modbus":
            return {"modbus": [{**place, "host": "127.0.0.1", "port": port, "tags": tags}]}
        case "sparkplug":
            return {"sparkplug": [{**place, "broker": "builtin", "groups": ["replay"], "place": "{metric}"}]}
    rules = [{"topic": f"replay/{name}", "path": ""}]
    return {"mqtt": [{**place, "broker": "builtin", "rules": rules}]}


_UCUM = {"°C": "Cel", "1/min": "/min", "ml": "mL", "Nm": "N.m"}
_KINDS = {"State": "enum", "Mode": "enum", "StopReason": "text", "GuardClosed": "boolean"} | dict.fromkeys(
    ("Good", "Reject", "Total", "Layer", "Pallets"), "integer"
)
_VALVES = 4
"""Filling valves whose volumes the demo follows, out of the array the filler offers."""


def _line_tags() -> Iterator[dict[str, Any]]:
    """Every signal of every machine of the packaging line."""
    for machine in LineModel().machines:
        for shown in machine.signals:
            place, address = _kebab(machine.name), f"nsu={URI};s={machine.name}.{shown.name}"
            tag: dict[str, Any] = {"address": address, "every": "500ms", "kind": _KINDS.get(shown.name, "number")}
            if shown.unit:
                tag["unit"] = _UCUM.get(shown.unit, shown.unit)
            if shown.writable:
                tag |= {"writable": True, "low": shown.low, "high": shown.high}
            if shown.name == "FillVolumes":
                for i in range(_VALVES):
                    yield {"path": f"{place}/valve-{i + 1}-volume", **tag, "address": f"{address}[{i}]"}
            else:
                yield {"path": f"{place}/{_kebab(shown.name)}", **tag}


def _kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def _like_sample(connector: str, **changes: Any) -> dict[str, Any]:
    sample: dict[str, Any] = tomllib.loads(SHELF.get(connector).read("sample.toml"))["edge"][connector][0]
    return {**sample, **changes}


def _only(connector: str, **settings: Any) -> dict[str, Any]:
    SHELF.get(connector)
    return settings
