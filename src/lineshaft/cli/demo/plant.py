"""The demo plant as configuration: which machines stand where, and how Lineshaft reaches them.

What a connector's `sample.toml` lists for its fake is what the demo uses; only address and place change.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lineshaft.edge import SHELF

if TYPE_CHECKING:
    from lineshaft.twins import Picture

    from .recording import Recording

ORGANISATION = "demo"
SITE = "hamburg"
_FASTEST_MS = 20.0
_MOST_WAITING = 1000
"""Rows an OPC UA server keeps for us while we are slow; a fast recording passes dozens a second."""
HALL = (
    ("climate/temperature", "climate|temperature", "Cel"),
    ("climate/humidity", "climate|humidity", "%"),
    ("air/co2", "air|co2", "[ppm]"),
    ("air/pm25", "air|pm25", "ug/m3"),
    ("water/flow", "water|flow", "l/min"),
    ("water/total", "water|total", "m3"),
    ("light", "light", "lx"),
)
"""What plain MQTT messages do not tell: property, where it stands, unit."""
DRIVE = {
    "Speed": "m/s",
    "Current": "A",
    "Torque": "N.m",
    "Motor-Temperature": "Cel",
    "Vibration/X": "mm/s",
    "Vibration/Y": "mm/s",
    "Vibration/Z": "mm/s",
    "Running-Hours": "h",
}


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
                tags=drive_tags(),
            )
        ],
        "mqtt": [
            _only(
                "mqtt",
                name="hall-sensors",
                path=f"{SITE}/building",
                broker="builtin",
                rules=[{"topic": "sensors/{hall}/{sensor}", "path": "{hall}/{sensor}"}],
                tags=[{"path": f"hall-1/{p}", "address": f"sensors/hall-1/{a}", "unit": u} for p, a, u in HALL],
            )
        ],
    }


def replay(played: Recording, kind: str, *, port: int, speed: float) -> dict[str, Any]:
    """The connection to a recording that is played as a machine: asked twice a row, so that no row goes unseen."""
    place = {"name": f"replay-{played.name}"[:64], "path": f"{SITE}/replay/{played.name}"}
    every = f"{min(1000.0, max(_FASTEST_MS, played.step_s / speed * 500)):.0f}ms"
    match kind:
        case "opcua":
            addresses = {c: f"nsu=urn:lineshaft:replay;s={c}" for c in played.columns}
            url, queue = f"opc.tcp://127.0.0.1:{port}", _MOST_WAITING
            return {**place, "url": url, "queue": queue, "tags": _tags(addresses, every)}
        case "modbus":
            addresses = {c: f"holding:{2 * i}:float32" for i, c in enumerate(played.columns)}
            return {**place, "host": "127.0.0.1", "port": port, "tags": _tags(addresses, every)}
        case "sparkplug":
            return {**place, "broker": "builtin", "groups": ["replay"], "place": "{metric}"}
    return {**place, "broker": "builtin", "rules": [{"topic": f"replay/{played.name}", "path": ""}]}


def _tags(addresses: Mapping[str, str], every: str) -> list[dict[str, Any]]:
    return [{"path": name, "address": address, "every": every} for name, address in addresses.items()]


def drive_tags() -> list[dict[str, Any]]:
    """The quantities of the conveyor drives with their units; everything else they say is found by itself."""
    return [
        {"path": f"{drive}/{name}", "address": f"hamburg/conveyors/{drive}|{name.replace('-', ' ')}", "unit": unit}
        for drive in ("drive-1", "drive-2", "drive-3")
        for name, unit in DRIVE.items()
    ] + [{"path": "Uptime", "address": "hamburg/conveyors|Uptime", "unit": "s"}]


def line_tags() -> list[dict[str, Any]]:
    """Every signal of every machine of the packaging line, from a file: importing the line itself takes seconds."""
    tags: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "line.toml").read_text(encoding="utf-8"))[
        "tags"
    ]
    return tags


def picture() -> Picture:
    """The process picture of the plant, which names its machines before they have spoken."""
    from lineshaft.twins import unwrapped

    return unwrapped(json.loads((Path(__file__).parent / "picture.json").read_text(encoding="utf-8")))


def _like_sample(connector: str, **changes: Any) -> dict[str, Any]:
    sample: dict[str, Any] = tomllib.loads(SHELF.get(connector).read("sample.toml"))["edge"][connector][0]
    return {**sample, **changes}


def _only(connector: str, **settings: Any) -> dict[str, Any]:
    SHELF.get(connector)
    return settings
