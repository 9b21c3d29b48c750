"""The command line: one file per command. `lineshaft --help` lists them.

Commands import what they need when they run, so that each starts quickly.
"""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from lineshaft.kernel.errors import PlatformError
from lineshaft.kernel.system import refused

from . import aas, apply, check, demo, doctor, export, importing, map_, new, run, sample

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Lineshaft, an open industrial internet platform. Start with: lineshaft demo",
)
for module in (demo, run, check, sample, new, map_, apply, export, importing, aas, doctor):
    module.register(app)


def main() -> None:
    """Run a command; what is wrong is said in one sentence, with exit code 2 for input and 1 for the rest."""
    try:
        app()
    except PlatformError as error:
        _explain(error)
    except OSError as error:
        _explain(refused(error))
    except KeyboardInterrupt:
        sys.exit(130)


def _explain(error: PlatformError) -> NoReturn:
    typer.secho(error.message, fg="red", err=True)
    if error.hint:
        typer.echo(error.hint, err=True)
    sys.exit(2 if error.status < 500 else 1)
