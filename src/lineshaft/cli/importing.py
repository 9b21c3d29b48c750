"""`lineshaft import FILE`: bring history from CSV or Parquet into a running plant, with a progress bar."""

from __future__ import annotations

from pathlib import Path

import typer

from .run import FILE, prepare


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("import")
    def import_(
        file: Path = typer.Argument(..., exists=True, dir_okay=False, help="CSV or Parquet."),
        below: str = typer.Option("", "--below", help="Plant path under which columns become properties."),
        config: Path | None = FILE,
    ) -> None:
        """Import recorded samples; columns are `path,ts,value`, or one column per property beside a time column."""
        import asyncio

        import httpx
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        from lineshaft.app import local_token
        from lineshaft.client import Client, PlantError
        from lineshaft.kernel.errors import Invalid, Unavailable

        loaded = prepare(config)
        url, token = asyncio.run(local_token(loaded))
        columns = (TextColumn(file.name), BarColumn(), MofNCompleteColumn(), TextColumn("rows"), TimeRemainingColumn())
        try:
            with Client(url, token) as client, Progress(*columns) as bar:
                task = bar.add_task("import", total=None)
                result = client.import_file(
                    file, below=below, progress=lambda done, total: bar.update(task, completed=done, total=total)
                )
        except PlantError as error:
            kind = Invalid if error.status < 500 else Unavailable
            raise kind(f"{file}: {error.message}", hint=error.hint) from error
        except httpx.TransportError as error:
            why = str(error) or type(error).__name__
            raise Unavailable(f"{url} does not answer: {why}.", hint="Look with: lineshaft doctor.") from error
        told = f"{result.rows - result.bad} rows imported, {result.bad} refused."
        typer.secho(told, fg="green" if not result.bad else "yellow")
        for line in result.problems[:10]:
            typer.echo(f"  {line}")
        if result.bad:
            raise typer.Exit(1)
