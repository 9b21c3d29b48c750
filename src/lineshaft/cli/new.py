"""`lineshaft new connector NAME`: write a connector's folder that already passes the checks."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from string import Template

import typer

from lineshaft.kernel.errors import Conflict, Invalid

KINDS = ("connector",)


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def new(
        kind: str = typer.Argument(..., help="What to make: connector."),
        name: str = typer.Argument(..., help="Its name: small letters, digits and '_'."),
        into: Path | None = typer.Option(
            None, "--into", help="Folder to write into; the shelf of this checkout without it."
        ),
    ) -> None:
        """Write a new connector, working, with a fake device to talk to."""
        if kind not in KINDS:
            raise Invalid(f"There is nothing called {kind!r} to make.", hint=f"Choose one of: {', '.join(KINDS)}.")
        folder = write(name, into or shelf())
        typer.secho(f"Written: {folder}", fg="green")
        typer.echo("Next: read its README.md, change connector.py, run: pytest tests/edge/test_every_connector.py")


def shelf() -> Path:
    """The shelf of connectors in this installation."""
    import lineshaft

    return Path(lineshaft.__file__).parent / "edge" / "connectors"


def write(name: str, into: Path) -> Path:
    """Write the folder; refuses a bad name and an existing folder."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,30}", name):
        raise Invalid(
            f"{name!r} is no name for a connector.", hint="Use small letters, digits and '_', such as 'my_plc'."
        )
    folder = into / name
    if folder.exists():
        raise Conflict(f"{folder} exists already.", hint="Choose another name, or remove it first.")
    folder.mkdir(parents=True)
    words = {
        "name": name,
        "title": name.replace("_", " ").title(),
        "Class": "".join(w.title() for w in name.split("_")),
    }
    templates = resources.files("lineshaft.cli") / "templates" / "connector"
    for template in templates.iterdir():
        text = Template(template.read_text(encoding="utf-8")).substitute(words)
        (folder / template.name.removesuffix(".txt")).write_text(text, encoding="utf-8")
    return folder
