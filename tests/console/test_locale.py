"""Every message a screen can show has a Chinese translation, and translations keep their `{names}`."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineshaft.console.form import _label
from lineshaft.console.language import PACKAGE, Catalogue, catalogue, load, preferred
from lineshaft.edge import SHELF

SPEAKING = {"text", "mark", "_"}
"""Functions whose first argument is a message: `view.text("…")`, `text("…")`, `mark("…")`, and what they are called."""
TITLES = {"page": ("title", "section"), "tab": ("title",)}
"""Decorators whose keywords are messages."""
WITHOUT = {"gallery.py"}
"""Seen by developers only."""


def messages_in(source: str) -> Iterator[tuple[int, str]]:
    """Every literal message of a module with its line; both sides of `"a" if x else "b"` count."""
    tree = ast.parse(source)
    speaking = SPEAKING | aliases_in(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            method = isinstance(node.func, ast.Attribute)
            name = node.func.attr if method else getattr(node.func, "id", "")
            if name in speaking and not (method and name == "mark") and node.args:
                yield from _literals(node.args[0])
            for keyword in node.keywords:
                if keyword.arg in TITLES.get(name, ()):
                    yield from _literals(keyword.value)


def aliases_in(tree: ast.Module) -> set[str]:
    """Other names of `text`, as in `words = view.text` and `words, counts = view.text, seen.counts`."""
    found = set()
    for node in (n for n in ast.walk(tree) if isinstance(n, ast.Assign)):
        targets, values = node.targets[0], node.value
        pairs = zip(targets.elts, values.elts, strict=False) if isinstance(values, ast.Tuple) and isinstance(
            targets, ast.Tuple) else [(targets, values)]  # fmt: skip
        found |= {t.id for t, v in pairs if isinstance(t, ast.Name) and getattr(v, "attr", "") == "text"}
    return found


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
    pages = [*PACKAGE.glob("**/pages.py"), *PACKAGE.glob("**/pages/**/*.py")]
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
        '@page("/x", title="Assets", section="Plant")\ndef f(v):\n  v.text("On" if a else "Off"); mark("Bad")\n'
        '  text(b); say, n = v.text, 1; say("Aliased")'
    )
    assert {m for _, m in messages_in(source)} == {"Assets", "Plant", "On", "Off", "Bad", "Aliased"}


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


SPOKEN = ("edge/service.py", "edge/commands.py", "edge/settings.py", "edge/worker", "edge/connectors", "edge/broker",
          "edge/errors.py", "twins/service", "twins/model", "twins/files", "twins/errors.py",
          "security/service", "security/errors.py")  # fmt: skip
"""Where sentences are written that reach people on screens: what is wrong, and the next step."""
UNSEEN = {"fake.py", "replay.py", "line.py", "machines.py", "responder.py", "stand.py", "serving.py", "edge.py"}
"""Machines for tests and the demo; they speak to nobody."""


LOGGED = {"connection lost"}
"""What only the log says."""


def said_in(source: str) -> Iterator[tuple[int, str]]:
    """Every sentence of an error, problem or complaint, with x1, x2 … for what is filled in."""
    tree = ast.parse(source)
    raised = {id(node.exc) for node in ast.walk(tree) if isinstance(node, ast.Raise)}
    for node in ast.walk(tree):
        named = [k for k in getattr(node, "keywords", ()) if k.arg in ("hint", "message")]
        if isinstance(node, ast.Call) and (named or id(node) in raised):
            for part in [*node.args[:1], *(k.value for k in named)]:
                yield from (found for found in _sentences(part) if named or found[1].endswith("."))
        elif isinstance(node, ast.AnnAssign | ast.Assign) and node.value is not None:
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if getattr(target, "id", "") == "default_hint":
                yield from _sentences(node.value)


def _sentences(node: ast.expr) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.JoinedStr):
        parts = [p.value if isinstance(p, ast.Constant) else f"x{i}" for i, p in enumerate(node.values)]
        said = "".join(str(part) for part in parts)
    else:
        said = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    if len(re.sub(r"\bx\d+|\W", "", said)) > 3 and " " in said:
        yield node.lineno, said


def speaking() -> list[Path]:
    files = [
        f for place in SPOKEN for f in ((PACKAGE / place).rglob("*.py") if "." not in place else [PACKAGE / place])
    ]
    return sorted(f for f in files if f.name not in UNSEEN)


@pytest.mark.parametrize("module", speaking(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_what_services_say_is_known_in_chinese(module: Path) -> None:
    said = catalogue("zh").said
    missing = [m for _, m in said_in(module.read_text(encoding="utf-8")) if said(m) == m and m not in LOGGED]
    assert missing == [], f"add them to {module.relative_to(PACKAGE).parts[0]}/locale/zh/LC_MESSAGES/errors.po"


def test_what_connectors_ask_for_is_known_in_chinese() -> None:
    known, missing = catalogue("zh").messages, []
    for name, plugin in SHELF.plugins.items():
        asked = [plugin.title and str(plugin.manifest["summary"]), plugin.tier]
        for field, info in plugin.load().CONNECTOR.Settings.model_fields.items():
            asked += [info.title or _label(field)[0], " ".join((info.description or "").split())]
        missing += [f"{name}: {word}" for word in asked if word and word not in known]
    assert missing == []


def test_a_finished_sentence_is_found_by_the_template_it_was_made_from() -> None:
    sentences = {
        "There is no {a} at {b}.": "{b} 处没有{a}。",
        "There is no pump at {a}.": "{a} 处没有泵。",
        "Try {a} again.": "请重试 {a}。",
        "Write { x = 1 }.": "请写 { x = 1 }。",
    }
    said = Catalogue("zh", {"Done": "完成"}, sentences).said
    assert said("There is no valve at acme/line.1.") == "acme/line.1 处没有valve。"
    assert said("There is no pump at hall.") == "hall 处没有泵。", "the longest template wins"
    assert said("There is no pump at hall. Try it again.") == "hall 处没有泵。请重试 it。"
    assert said("Write { x = 1 }.") == "请写 { x = 1 }。"
    assert (said("Done"), said(""), said("Nobody knows this. Nor that.")) == (
        "完成",
        "",
        "Nobody knows this. Nor that.",
    )
    assert Catalogue("en", {}).said("There is no pump at hall. Try it.") == "There is no pump at hall. Try it."
