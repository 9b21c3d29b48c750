"""`lineshaft check`: is the configuration right? With `--connect`: do the machines answer?"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from lineshaft.edge import Connection

FILE = typer.Option(Path("plant.toml"), "--config", "-c", help="The configuration file.")


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def check(
        config: Path = FILE,
        connect: bool = typer.Option(False, "--connect", help="Also try to reach every machine once."),
    ) -> None:
        """Check plant.toml without starting anything."""
        from lineshaft.app import load_config
        from lineshaft.edge import EdgeSettings

        loaded = load_config(config)
        connections = loaded.get(EdgeSettings).declared(loaded.plant)
        tags = sum(c.tag_count for c in connections)
        typer.secho(f"{config} is right: {len(connections)} connections, {tags} tags.", fg="green")
        if connect and not asyncio.run(_reach(loaded.plant.organisation, connections)):
            raise typer.Exit(1)


async def _reach(organisation: str, connections: list[Connection]) -> bool:
    from lineshaft.edge import build, with_secrets
    from lineshaft.kernel.errors import PlatformError

    async def one(connection: Connection) -> tuple[str, str]:
        try:
            with_secrets(connection, None)
        except PlatformError as error:
            return connection.name, str(error)
        connector = build(connection.connector, connection.raw, organisation=organisation).connector()
        try:
            await asyncio.wait_for(connector.connect(), 10)
            return connection.name, ""
        except PlatformError as error:
            return connection.name, str(error)
        except (TimeoutError, OSError) as error:
            return connection.name, f"no answer within 10 s {error}".strip()
        finally:
            await connector.close()

    reachable = [c for c in connections if c.enabled and c.raw.get("broker") != "builtin"]
    answers = await asyncio.gather(*(one(c) for c in reachable))
    for name, trouble in answers:
        typer.secho(f"  {name}: {trouble or 'answers'}", fg="red" if trouble else "green")
    return not any(trouble for _, trouble in answers)
