"""The demo plant as configuration: which machines stand where, and how Lineshaft reaches them.

What a connector's `sample.toml` lists for its fake is what the demo uses; only address and place change.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lineshaft.edge import SHELF
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
                "tags": line_tags(),
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


def line_tags() -> list[dict[str, Any]]:
    """Every signal of every machine of the packaging line, from a file: importing the line itself takes seconds."""
    tags: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "line.toml").read_text(encoding="utf-8"))[
        "tags"
    ]
    return tags


def _like_sample(connector: str, **changes: Any) -> dict[str, Any]:
    sample: dict[str, Any] = tomllib.loads(SHELF.get(connector).read("sample.toml"))["edge"][connector][0]
    return {**sample, **changes}


def _only(connector: str, **settings: Any) -> dict[str, Any]:
    SHELF.get(connector)
    return settings
