"""Prepares the demo plant in its data folder, then hands over to the keeper like `lineshaft run`."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from lineshaft.kernel.config import Config

    from .recording import Recording

KINDS = ("opcua", "modbus", "sparkplug", "mqtt")


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def demo(
        data: Path = typer.Option(Path("lineshaft-data"), "--data", help="Folder for everything the demo keeps."),
        port: int = typer.Option(
            8080, "--port", min=0, max=65535, help="Port of the console; another one is taken when it is in use."
        ),
        replay: Path | None = typer.Option(None, "--replay", help="A recording (CSV, Parquet) to play as a machine."),
        as_: str = typer.Option(
            "opcua", "--as", help="What the replayed machine speaks: opcua, modbus, sparkplug or mqtt."
        ),
        speed: float = typer.Option(1.0, "--speed", min=0.01, max=1000, help="How much faster than recorded to play."),
    ) -> None:
        """Run a small plant of device fakes: living values in the browser within seconds."""
        from lineshaft.cli.run import hand_over
        from lineshaft.kernel.errors import Invalid
        from lineshaft.kernel.processes import Program, living_pid

        if as_ not in KINDS:
            raise Invalid(f"A machine cannot speak {as_!r} here.", hint=f"Choose one of: {', '.join(KINDS)}.")
        if running := living_pid(data.resolve() / "run", "keeper"):
            raise Invalid(
                f"Lineshaft already runs on {data} (process {running}).",
                hint="Stop it with Ctrl-C, or choose another --data.",
            )
        played = _Replay.of(replay, kind=as_, speed=speed) if replay else None
        stage = _Stage(data.resolve(), port)
        file = stage.prepare(played)
        devices = Program(
            name="devices",
            argv=(sys.executable, "-m", "lineshaft.cli.demo.devices", str(stage.folder / "demo.json")),
            output=stage.logs / "devices.log",
        )
        hand_over(stage.config(file), file, [], more=[devices])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Replay:
    """What `--replay`, `--as` and `--speed` ask for."""

    file: Path
    recording: Recording
    kind: str
    speed: float

    @classmethod
    def of(cls, file: Path, *, kind: str, speed: float) -> _Replay:
        """Read the recording; Invalid when it is none, before anything is written."""
        from .recording import load

        return cls(file=file.resolve(), recording=load(file), kind=kind, speed=speed)


class _Stage:
    """The data folder of a demo: what was chosen at its first start stays."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self._kept_file = folder / "kept.json"
        self._kept: dict[str, Any] = json.loads(self._kept_file.read_text()) if self._kept_file.exists() else {}
        self._http = port

    def prepare(self, replay: _Replay | None) -> Path:
        """Write plant.toml, logins and what the devices are told; returns the configuration file."""
        for name in ("opcua", "modbus", "replay"):
            self._port(name, 0)
        for name in ("admin", "viewer"):
            self._keep(f"{name}_password", lambda: "-".join(secrets.token_hex(2) for _ in range(4)))
        http, mqtt = self._port("http", self._http), self._port("mqtt", 1883)
        file = self.folder / "plant.toml"
        file.write_text(self._plant_toml(http, mqtt, replay))
        logins = asyncio.run(self._people_and_devices(self.config(file)))
        told: dict[str, Any] = {"opcua": self._kept["opcua"], "modbus": self._kept["modbus"], "mqtt": mqtt, **logins}
        if replay is not None:
            told["replay"] = {
                "file": str(replay.file),
                "kind": replay.kind,
                "speed": replay.speed,
                "port": self._kept["replay"],
            }
        _write_private(self.folder / "demo.json", json.dumps(told))
        (self.folder / "run").mkdir(exist_ok=True)
        _write_private(self.folder / "run" / "welcome.txt", self._welcome(mqtt, replay))
        return file

    def config(self, file: Path) -> Config:
        from lineshaft.app import load_config

        return load_config(file, known_right=True)

    def _keep(self, name: str, make: Any) -> Any:
        if name not in self._kept:
            self._kept[name] = make()
            _write_private(self._kept_file, json.dumps(self._kept))
        return self._kept[name]

    def _port(self, name: str, wanted: int) -> int:
        """The port of the last start while it is free, else the wanted one, else any."""
        from lineshaft.kernel.bus.server import free_port
        from lineshaft.kernel.system import port_trouble

        for port in (self._kept.get(name, 0), wanted):
            if port and not port_trouble("127.0.0.1", port):
                break
        else:
            port = free_port()
        self._kept.pop(name, None)
        return int(self._keep(name, lambda: port))

    def _plant_toml(self, http: int, mqtt: int, replay: _Replay | None) -> str:
        import tomlkit

        from . import plant

        edge: dict[str, Any] = plant.connections(plant.Ports(opcua=self._kept["opcua"], modbus=self._kept["modbus"]))
        if replay is not None:
            table = plant.replay(replay.recording, replay.kind, port=self._kept["replay"], speed=replay.speed)
            edge[replay.kind] = [*edge.get(replay.kind, []), table]
        free = dict.fromkeys(("port", "front_port", "websocket_port", "monitoring_port"), 0)
        document = {
            "plant": {
                "name": "Lineshaft demo",
                "organisation": plant.ORGANISATION,
                "timezone": "Europe/Berlin",
                "data": str(self.folder),
            },
            "http": {"port": http},
            "bus": {**free, "mqtt_port": mqtt},
            "twins": {"auto_adopt": True},
            "edge": edge,
        }
        return "# Written by `lineshaft demo`; copy it to start a plant of your own.\n\n" + tomlkit.dumps(document)

    async def _people_and_devices(self, config: Config) -> dict[str, Any]:
        from lineshaft.app import local
        from lineshaft.security import Grant, Role

        from . import plant

        async with local(config) as here:
            people = {u.login: u for u in await here.security.users.list_(here.who)}
            for login, role in (("admin", Role.ADMIN), ("viewer", Role.VIEWER)):
                if login not in people:
                    grants = (Grant(role=role, subtree="" if role is Role.ADMIN else "demo"),)
                    await here.security.users.create(
                        here.who, login=login, password=self._kept[f"{login}_password"], grants=grants
                    )
            for name, topics in (("sensors", ("sensors/#", "replay/#")), ("conveyors", ("spBv1.0/#",))):
                if name not in self._kept:
                    made = await here.security.devices.create(
                        here.who, name=f"demo-{name}", path="demo", publish=topics, subscribe=("spBv1.0/#", "uns/#")
                    )
                    self._keep(name, lambda m=made: {"user": m.device.name, "password": m.password})
            if "picture" not in self._kept:
                shown = await here.pictures.save(here.who, plant.picture())
                self._keep("picture", lambda: shown.id)
        return {"sensors": self._kept["sensors"], "conveyors": self._kept["conveyors"]}

    def _welcome(self, mqtt: int, replay: _Replay | None) -> str:
        sensors = self._kept["sensors"]
        played = f"  Replaying {replay.file.name} as a machine below demo/hamburg/replay.\n" if replay else ""
        return f"""
  Lineshaft is running:  {{address}}
  Sign in as             admin / {self._kept["admin_password"]}
  (only to look: viewer / {self._kept["viewer_password"]})
{played}
  Three things to try
  1. The capper is wearing out. Watch its bearing:
     {{address}}/assets/demo/hamburg/packaging/line-1/capper
  2. Connect a machine: add an OPC UA connection to opc.tcp://127.0.0.1:{self._kept["opcua"]}
     {{address}}/connections/add
  3. Be a sensor (then look for it under Explore):
     mosquitto_pub -p {mqtt} -u {sensors["user"]} -P {sensors["password"]} -q 1 \\
       -t sensors/my-hall/room -m '{{"temperature": 21.5}}'

  Everything lies in {self.folder}. Stop with Ctrl-C.
"""


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
