"""What the guides tell people to write is right, and what they link to is there."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import tomllib
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

import lineshaft
from lineshaft.app import load_config
from lineshaft.app.trial import platform
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


AAS_GUIDE = REPOSITORY / "docs" / "guides" / "aas.md"


def steps(page: Path) -> list[tuple[str, str]]:
    """Commands of a page, each with the JSON that is shown right after it ('' without)."""
    found = re.findall(r"```(sh|json)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    pairs = zip(found, [*found[1:], ("", "")], strict=True)
    return [(text, after if kind == "json" else "") for (of, text), (kind, after) in pairs if of == "sh"]


def last_of(text: str) -> object:
    """The last of several JSON texts in a row."""
    found: object = None
    while text := text.strip():
        found, end = json.JSONDecoder().raw_decode(text)
        text = text[end:]
    return found


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="needs curl and bash")
async def test_the_commands_of_the_aas_guide_answer_what_it_shows(tmp_path: Path) -> None:
    known = "set -euo pipefail\n"
    async with platform() as plant:
        environment = {**os.environ, "TOKEN": plant.token, "AAS": f"{plant.address}/api/v3.1"}
        for command, shown in steps(AAS_GUIDE):
            run = await asyncio.create_subprocess_exec(
                "bash", "-c", known + command, env=environment, cwd=tmp_path, stdout=PIPE, stderr=PIPE
            )
            told, wrong = await asyncio.wait_for(run.communicate(), 60)
            assert run.returncode == 0, f"{command}\n{told.decode()}\n{wrong.decode()}"
            if shown:
                assert last_of(told.decode()) == json.loads(shown), command
            known += "".join(f"{line}\n" for line in command.splitlines() if re.match(r"\w+(\(\) \{|=\$\()", line))
    assert (tmp_path / "pump-7.aasx").read_bytes()[:2] == b"PK"
