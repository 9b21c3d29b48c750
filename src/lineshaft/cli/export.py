"""`lineshaft export`: write what is configured as the plant.toml that would configure it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import tomlkit
import typer

from .run import FILE, prepare


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def export(
        file: Path | None = typer.Argument(None, help="Where to; the terminal without one."),
        config: Path | None = FILE,
        secrets: bool = typer.Option(False, "--with-secrets", help="Write passwords as they are instead of ***."),
    ) -> None:
        """Write the configured connections as TOML; `lineshaft apply` reads it."""
        text = asyncio.run(_read(prepare(config), secrets=secrets))
        if file is None:
            typer.echo(text)
            return
        file.write_text(text, encoding="utf-8")
        typer.secho(f"Written to {file}.", fg="green")


async def _read(loaded: Any, *, secrets: bool) -> str:
    from lineshaft.app import local
    from lineshaft.edge import as_toml, without_secrets

    async with local(loaded, existing=True) as platform:
        connections = await platform.edge.export(platform.who)
    if not secrets:
        connections = [without_secrets(c) for c in connections]
    plant = loaded.plant
    head = tomlkit.document()
    head["plant"] = {"name": plant.name, "organisation": plant.organisation, "timezone": plant.timezone}
    return tomlkit.dumps(head) + "\n" + as_toml(connections)
