"""Every message a screen can show has a Chinese translation, and translations keep their `{names}`."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineshaft.console.language import PACKAGE, Catalogue, catalogue, load, preferred

SPEAKING = {"text", "mark", "_"}
"""Functions whose first argument is a message: `view.text("…")`, `text("…")`, `mark("…")`."""
TITLES = {"page": ("title", "section")}
"""Decorators whose keywords are messages."""
WITHOUT = {"gallery.py"}
"""Seen by developers only."""


def messages_in(source: str) -> Iterator[tuple[int, str]]:
    """Every literal message of a module with its line; both sides of `"a" if x else "b"` count."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            method = isinstance(node.func, ast.Attribute)
            name = node.func.attr if method else getattr(node.func, "id", "")
            if name in SPEAKING and not (method and name == "mark") and node.args:
                yield from _literals(node.args[0])
            for keyword in node.keywords:
                if keyword.arg in TITLES.get(name, ()):
                    yield from _literals(keyword.value)


def _literals(node: ast.expr) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and any(c.isalpha() for c in node.value):
        yield node.lineno, node.value
    elif isinstance(node, ast.IfExp):
        yield from _literals(node.body)
        yield from _literals(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _literals(value)


def screens() -> list[Path]:
    """Modules that speak: the console and every context's pages."""
    console = PACKAGE.glob("console/*.py")
    pages = [*PACKAGE.glob("**/pages.py"), *PACKAGE.glob("**/pages/*.py")]
    return sorted(p for p in {*console, *pages} if p.name not in WITHOUT)


def fields(message: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(message) if name}


@pytest.mark.parametrize("module", screens(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_every_message_is_translated(module: Path) -> None:
    known = catalogue("zh").messages
    missing = sorted({m for _, m in messages_in(module.read_text(encoding="utf-8")) if m not in known})
    context = module.relative_to(PACKAGE).parts[0]
    paste = "\n\n".join(f'msgid "{m}"\nmsgstr ""'.replace("\n\n", "\\n\\n") for m in missing)
    assert not missing, f"add to {context}/locale/zh/LC_MESSAGES/{context}.po:\n\n{paste}"


def test_translations_keep_the_names_of_what_is_filled_in() -> None:
    wrong = {m: t for m, t in catalogue("zh").messages.items() if fields(m) != fields(t)}
    assert wrong == {}


def test_messages_are_found_in_calls_conditions_and_page_titles() -> None:
    source = (
        '@page("/x", title="Assets", section="Plant")\ndef f(v):\n  v.text("On" if a else "Off"); mark("Bad"); text(b)'
    )
    assert {m for _, m in messages_in(source)} == {"Assets", "Plant", "On", "Off", "Bad"}


def test_an_untranslated_message_falls_back_to_english_and_is_filled_in() -> None:
    assert Catalogue("zh", {}).text("{n} machines", n=3) == "3 machines"
    assert Catalogue("zh", {"{n} machines": "{n} 台设备"}).text("{n} machines", n=3) == "3 台设备"


def test_catalogues_beside_pages_are_merged_and_fuzzy_entries_are_left_out(tmp_path: Path) -> None:
    for context, body in {"a": 'msgid "One"\nmsgstr "一"\n', "b": '#, fuzzy\nmsgid "Two"\nmsgstr "二"\n'}.items():
        file = tmp_path / context / "locale/zh/LC_MESSAGES" / f"{context}.po"
        file.parent.mkdir(parents=True)
        file.write_text(f'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n{body}', encoding="utf-8")
    assert load("zh", [tmp_path]).messages == {"One": "一"}


@pytest.mark.parametrize(
    ("cookie", "accepted", "default", "expected"),
    [
        ("zh", "en-GB,en", "en", "zh"),
        (None, "fr-FR,zh-CN;q=0.8,en;q=0.5", "en", "zh"),
        (None, "fr-FR", "zh", "zh"),
        ("xx", "", "xx", "en"),
    ],
)
def test_language_is_what_was_chosen_then_what_the_browser_accepts(
    cookie: str | None, accepted: str, default: str, expected: str
) -> None:
    assert preferred(cookie, accepted, default) == expected
