"""`lineshaft aas check FILE`: what an AAS file holds, and what is wrong in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .run import FILE, prepare

if TYPE_CHECKING:
    from lineshaft.twins import files


def register(app: typer.Typer) -> None:
    """Add the command and its one subcommand."""
    aas = typer.Typer(no_args_is_help=True, help="Files of the Asset Administration Shell.")
    app.add_typer(aas, name="aas")

    @aas.callback()
    def aas_() -> None:
        """Files of the Asset Administration Shell."""

    @aas.command()
    def check(
        file: Path = typer.Argument(
            ..., exists=True, dir_okay=False, help="AASX, JSON or XML of metamodel 3.0 or 3.1."
        ),
        most: int = typer.Option(50, "--most", min=1, help="Findings to print."),
        config: Path | None = FILE,
    ) -> None:
        """Read an AAS file and list what is wrong in it; exit code 0 when nothing is, 1 when something is, 2 when it
        cannot be read."""
        from lineshaft.twins import TwinsSettings, files

        package = files.read(file, limits=files.Limits.of(prepare(config).get(TwinsSettings).files))
        typer.echo(_held(file, package))
        if package.report.clean:
            typer.secho("Nothing is wrong in it.", fg="green")
            return
        _show(package.report, most)
        raise typer.Exit(1)


def _held(file: Path, package: files.Package) -> str:
    """One line on what there is."""
    nouns = {"assetAdministrationShells": "shells", "submodels": "submodels", "conceptDescriptions": "concepts"}
    counts = ", ".join(f"{len(package.environment.get(name, ()))} {noun}" for name, noun in nouns.items())
    version = f" of metamodel {package.version}" if package.version else ""
    return f"{file.name}: {package.form.upper()}{version} with {counts}, {len(package.supplements)} files."


def _show(report: files.Report, most: int) -> None:
    """The findings as a table, those that cost something marked."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE, title=f"{report.total} findings", title_justify="left")
    for column in ("Constraint", "Where", "What", "Value", "Left out"):
        table.add_column(column, overflow="fold")
    for found in report.findings[:most]:
        cells = (found.constraint, found.path, found.message, found.value, "yes" if found.left_out else "")
        table.add_row(*map(Text, cells))
    Console().print(table)
    if report.total > most:
        typer.echo(f"{report.total - most} more; --most {min(report.total, len(report.findings))} shows them.")
