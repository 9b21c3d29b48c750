"""What the guides tell people to write is right, and what they link to is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import lineshaft
from lineshaft.app import load_config
from lineshaft.edge import build
from lineshaft.kernel.config import load

REPOSITORY = Path(lineshaft.__file__).parents[2]
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md")), *REPOSITORY.glob("examples/*/*.md")]
NAMES = [str(page.relative_to(REPOSITORY)) for page in PAGES]
FOREIGN = ("outputs", "project", "tool")
"""Tables of Telegraf and of other packages."""


def blocks(page: Path) -> list[str]:
    return re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def completed(connector: str, table: dict) -> dict:
    """A connection of which a page may show only the part it speaks of."""
    missing = {"modbus": {"host": "10.0.0.1"}, "opcua": {"url": "opc.tcp://10.0.0.1"}}.get(connector, {})
    return {"name": "one", **(missing if table.get("mode") != "rtu" else {}), **table}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_configurations_are_right(page: Path) -> None:
    sections = {name: type(section) for name, section in load_config(None).sections.items()}
    for block in blocks(page):
        told = tomllib.loads(block)
        for connector, tables in told.pop("edge", {}).items():
            for table in tables if isinstance(tables, list) else [tables]:
                build(connector, completed(connector, table), organisation="acme")
        load({name: t for name, t in told.items() if isinstance(t, dict) and name not in FOREIGN}, sections, env={})


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http", "#", "docs/pictures/")):
            assert (page.parent / target.partition("#")[0]).exists(), target
