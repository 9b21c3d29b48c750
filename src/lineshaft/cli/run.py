"""`lineshaft run`: check everything, then hand over to the keeper, which starts bus and worker."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from lineshaft.kernel.config import Config
    from lineshaft.kernel.processes import Program

_WORKER_STOPS_S = 40.0
"""Screens, machines, last batches and the store each take their time; killed halfway, samples would be lost."""
FILE = typer.Option(None, "--config", "-c", help="The configuration file; plant.toml when there is one.")


def register(app: typer.Typer) -> None:
    """Add `run` and the hidden `worker`, the process that does the work."""

    @app.command()
    def run(
        roles: list[str] = typer.Argument(
            None, help="Roles of this process, such as: telemetry twins. All by default."
        ),
        config: Path | None = FILE,
    ) -> None:
        """Run the platform until Ctrl-C."""
        hand_over(prepare(config), config, roles or [])

    @app.command(hidden=True)
    def worker(
        roles: list[str] = typer.Argument(None),
        config: Path | None = FILE,
        log_json: bool | None = typer.Option(None, "--log-json/--log-plain"),
    ) -> None:
        """The working process; started by the keeper."""
        import asyncio

        import uvloop

        from lineshaft.app import load_config, serve
        from lineshaft.kernel.log import configure

        configure(json=log_json)
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
        asyncio.run(serve(load_config(config), roles or []))


def prepare(config: Path | None) -> Config:
    """Load and check the configuration; nothing is started when it is wrong."""
    from lineshaft.app import load_config

    return load_config(_file(config))


def _file(config: Path | None) -> Path | None:
    if config is not None:
        return config
    default = Path("plant.toml")
    return default if default.exists() else None


def _require_ports(loaded: Config) -> None:
    """Say which port cannot be had, before anything is started."""
    from lineshaft.kernel.bus import MONITORING_HOST
    from lineshaft.kernel.config import BusSettings, HttpSettings
    from lineshaft.kernel.errors import Conflict
    from lineshaft.kernel.system import port_trouble

    http, bus = loaded.get(HttpSettings), loaded.get(BusSettings)
    wanted = {"http.port": (http.host, http.port)}
    if not bus.url:
        names = ("port", "websocket_port", "front_port")
        wanted |= {f"bus.{name}": (bus.host, getattr(bus, name)) for name in names}
        wanted["bus.monitoring_port"] = (MONITORING_HOST, bus.monitoring_port)
        wanted["bus.mqtt_port"] = (bus.mqtt_host, bus.mqtt_port)
    for name, (host, port) in wanted.items():
        if port and (why := port_trouble(host, port)):
            raise Conflict(
                f"Port {port} on {host} {why}.",
                hint=f"Choose another with {name} in plant.toml; 0 takes a free one.",
            )


def hand_over(loaded: Config, config: Path | None, roles: Sequence[str], *, more: Sequence[Program] = ()) -> None:
    """Write the plan and become the keeper; the memory used for checking is given back this way."""
    from lineshaft.app import check_roles
    from lineshaft.kernel.bus import Embedded
    from lineshaft.kernel.config import BusSettings
    from lineshaft.kernel.keeper import clear, command, require_free, write_plan
    from lineshaft.kernel.processes import Program

    check_roles(roles)
    data = loaded.data.resolve()
    require_free(data / "run")
    clear(data / "run")
    _require_ports(loaded)
    logs = data / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    bus = loaded.get(BusSettings)
    programs: list[Program] = list(more)
    if not bus.url:
        programs += Embedded(bus, data).programs()
    file = _file(config)
    argv = [sys.executable, "-m", "lineshaft.cli", "worker", *roles]
    if file is not None:
        argv += ["--config", str(file.resolve())]
    worker = Program(name="worker", argv=tuple(argv), output=logs / "lineshaft.log", stop_within_s=_WORKER_STOPS_S)
    programs.append(worker)
    write_plan(data / "run", programs)
    line = command(data / "run")
    sys.stdout.flush()
    os.execv(line[0], line)
