"""`lineshaft apply FILE`: show what a file would change in the running configuration, then change it."""

from __future__ import annotations

import asyncio
import difflib
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .run import FILE, prepare

if TYPE_CHECKING:
    from lineshaft.edge import Connection
    from lineshaft.kernel.config import Config


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def apply(
        file: Path = typer.Argument(..., help="A plant.toml whose connections shall hold from now on."),
        config: Path | None = FILE,
        yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
        prune: bool = typer.Option(False, "--prune", help="Also remove connections the file does not name."),
    ) -> None:
        """Show the difference between a file and what is configured, and apply it as new versions."""
        asyncio.run(_apply(prepare(config), file, yes=yes, prune=prune))


async def _apply(loaded: Config, file: Path, *, yes: bool, prune: bool) -> None:
    from lineshaft.app import load_config, local
    from lineshaft.edge import EdgeSettings, with_secrets

    wanted = {c.name: c for c in load_config(file).get(EdgeSettings).declared(loaded.plant)}
    current = await _current(loaded, may_make=yes)
    wanted = {n: with_secrets(c, current.get(n)) for n, c in wanted.items()}
    changed = [c for n, c in wanted.items() if n not in current or _differs(current[n], c)]
    gone = [c for n, c in current.items() if n not in wanted] if prune else []
    if not changed and not gone:
        typer.echo("Nothing to change: the plant is as the file says.")
        return
    for connection in changed:
        _show(connection.name, current.get(connection.name), connection)
    for connection in gone:
        _show(connection.name, connection, None)
    if not yes and not typer.confirm(f"Change {len(changed)} and remove {len(gone)} connections?"):
        raise typer.Exit(1)
    # What came from another file stays until plant.toml itself changes; see Edge.declare.
    own = loaded.source is not None and file.resolve() == loaded.source.resolve()
    async with local(loaded) as platform:
        for connection in changed:
            origin = "file" if own else "apply"
            await platform.edge.save(platform.who, connection.connector, connection.raw, origin=origin)
        for connection in gone:
            await platform.edge.remove(platform.who, connection.name)
    typer.secho(f"{len(changed)} changed, {len(gone)} removed. Each is a version and can be restored.", fg="green")


async def _current(loaded: Config, *, may_make: bool) -> dict[str, Connection]:
    """What is configured now; a folder without a plant stays as it is until the answer."""
    from lineshaft.app import has_catalogue, local

    if not may_make and not has_catalogue(loaded):
        return {}
    async with local(loaded) as platform:
        return {c.name: c for c in await platform.edge.export(platform.who)}


def _differs(old: Connection, new: Connection) -> bool:
    return (old.connector, old.raw) != (new.connector, new.raw)


def _show(name: str, old: Connection | None, new: Connection | None) -> None:
    from lineshaft.edge import as_toml, without_secrets

    before = as_toml([without_secrets(old)]).splitlines() if old else []
    after = as_toml([without_secrets(new)]).splitlines() if new else []
    for line in difflib.unified_diff(before, after, f"{name} now", f"{name} in the file", lineterm=""):
        colour = "green" if line.startswith("+") else "red" if line.startswith("-") else None
        typer.secho(line, fg=colour)
