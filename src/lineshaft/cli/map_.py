"""`lineshaft map`: print the map of the house, read from the doors' own docstrings."""

from __future__ import annotations

import importlib

import typer

FLOW = ("edge", "telemetry", "identification", "twins", "intelligence", "operations", "planning", "exchange")
BELOW = ("security", "console", "kernel")


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("map")
    def map_() -> None:
        """Print the contexts in the order data flows, with what each takes, tells and holds."""
        typer.echo(draw())


def draw() -> str:
    """The map as text; the README holds the same lines and a test compares them."""
    rows = [(name, _first_line(name)) for name in (*FLOW, *BELOW)]
    return "\n".join(f"{name:<15} {line}" for name, line in rows if line)


def _first_line(name: str) -> str:
    try:
        door = importlib.import_module(f"lineshaft.{name}")
    except ModuleNotFoundError:
        return ""
    return (door.__doc__ or "").strip().splitlines()[0]
