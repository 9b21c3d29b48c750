"""What every bench prints: the machine, one table, and a FIGURE line per figure."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table


def machine() -> str:
    """Processor and cores, for the head of a table."""
    names = [x.split(":", 1)[1].strip() for x in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in x]
    return f"{len(os.sched_getaffinity(0))} cores, {names[0] if names else platform.processor()}, {platform.release()}"


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]], *, method: str) -> None:
    """Print one table with its method and machine."""
    shown = Table(title=title, caption=f"{method}\n{machine()}", caption_justify="left")
    for i, head in enumerate(heads):
        shown.add_column(head, justify="left" if i == 0 else "right")
    for row in rows:
        shown.add_row(*(f"{cell:,.1f}" if isinstance(cell, float) else str(cell) for cell in row))
    Console(width=120).print(shown)


def figure(name: str, number: float, unit: str) -> None:
    """The line that machines read."""
    print(f"FIGURE {name} {number:.6g} {unit}")
