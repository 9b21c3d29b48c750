"""The shape of the house: first sentences, sizes, names, the map, subjects and colours in their rooms."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import lineshaft
from lineshaft.cli.map_ import draw

ROOT = Path(lineshaft.__file__).parent
REPOSITORY = ROOT.parents[1]
FILES = sorted(p for p in ROOT.rglob("*.py") if "migrations" not in p.parts)
FORBIDDEN_NAMES = {"utils", "helpers", "common", "misc", "base", "core", "manager", "handler"}
LONGEST_FILE = 460
"""A file past 400 lines becomes a folder; the margin is for formatting."""
LONGEST_FUNCTION = 60


def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_module_opens_with_one_sentence(file: Path) -> None:
    if not file.read_text().strip():
        return
    said = ast.get_docstring(tree_of(file))
    assert said, "no docstring"
    first = said.splitlines()[0]
    assert len(first) <= 120
    assert not first.startswith("This module")


@pytest.mark.parametrize("file", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_and_functions_stay_small(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count("\n") <= LONGEST_FILE, "make it a folder"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name not in {
            "router",
            "_sessions",
            "_own",
        }:
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{node.name} has {length} lines"


def test_no_drawer_modules() -> None:
    assert [p for p in FILES if p.stem in FORBIDDEN_NAMES] == []


def test_colours_and_classes_live_in_the_console() -> None:
    """Outside console/, pages use its parts only."""
    pages = [p for p in FILES if "console" not in p.parts and ("pages" in p.parts or p.stem == "pages")]
    assert pages
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"#[0-9a-fA-F]{6}\b|\.classes\(|\.style\(|<div|\bpx\b", text), page


def test_bus_subjects_are_named_in_few_places() -> None:
    """No string of a fact's subject outside kernel.facts."""
    strays = [p for p in FILES if "lineshaft.facts" in p.read_text(encoding="utf-8") and p.name != "facts.py"]
    assert strays == []


def test_tables_carry_the_name_of_their_context() -> None:
    for file in ROOT.rglob("migrations/*.py"):
        context = file.relative_to(ROOT).parts[0]
        for name in re.findall(r'create_table\(\s*"(\w+)"', file.read_text(encoding="utf-8")):
            assert name.startswith(context + "_"), f"{name} in {file}"


def test_the_readme_shows_the_map() -> None:
    assert draw() in (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_every_decision_is_a_sentence() -> None:
    pages = list((REPOSITORY / "docs" / "decisions").glob("0*.md"))
    assert len(pages) >= 5
    for page in pages:
        assert re.fullmatch(r"\d{4}(-[a-z0-9]+){3,}", page.stem), page
        assert page.read_text(encoding="utf-8").startswith("# "), page


def test_nothing_of_this_machine_is_in_the_project() -> None:
    folders = [REPOSITORY / name for name in ("src", "tests", "bench", "docs")]
    words = re.compile("/" + "work/|/" + "farm/|python" + "hosted|registry.n" + "pmjs")
    for folder in folders:
        for file in folder.rglob("*"):
            if file.suffix in {".py", ".md", ".toml", ".sh"}:
                assert not words.search(file.read_text(encoding="utf-8")), file
