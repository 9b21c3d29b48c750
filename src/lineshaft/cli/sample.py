"""`lineshaft sample NAME`: print a working configuration of a connector."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def sample(
        name: str = typer.Argument("", help="A connector, such as modbus; without one, all are listed."),
    ) -> None:
        """Print a working configuration of a connector, to paste into plant.toml."""
        from lineshaft.edge import SHELF

        if not name:
            for plugin in SHELF.plugins.values():
                typer.echo(f"{plugin.name:12} {plugin.tier:14} {plugin.title}")
            return
        typer.echo(SHELF.get(name).read("sample.toml").rstrip())
