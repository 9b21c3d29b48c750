"""Speaks the viewer's language: gettext catalogues read straight from `locale/<lang>/LC_MESSAGES/*.po`.

English is the source language and needs no catalogue. Every context keeps its own `locale/` folder
beside its pages; all of them are merged once at start.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from string import Formatter

from babel.messages.pofile import read_po

LANGUAGES: Mapping[str, str] = {"en": "English", "zh": "中文"}
"""Languages of the screens and their names in themselves."""

PACKAGE = Path(__file__).parents[1]
SENTENCES = "errors"
"""Name of the catalogues with the sentences services write; the others hold what screens say."""


class Catalogue:
    """Messages of one language."""

    def __init__(self, language: str, messages: Mapping[str, str], sentences: Mapping[str, str] | None = None) -> None:
        self.language = language
        self.messages = dict(messages) | dict(sentences or {})
        templates = sorted((m for m in sentences or {} if _names(m)), key=len, reverse=True)
        self._templates = [(_pattern(message), self.messages[message]) for message in templates]

    def text(self, message: str, **values: object) -> str:
        """The message in this language, English when nobody has translated it, with `{names}` filled in."""
        found = self.messages.get(message) or message
        return found.format(**values) if values else found

    def said(self, sentence: str) -> str:
        """A finished sentence in this language: found whole, or by the template it was made from.

        Services say what is wrong in English with names and numbers filled in; `errors.po` holds their templates.
        Of a text of several sentences each is looked up by itself.
        """
        if not sentence or not self._templates:
            return self.messages.get(sentence, sentence)
        parts = re.split(r"(?<=[.!?]) (?=[A-Z`'])|\n", sentence)
        found = [self._found(part) for part in parts]
        whole = "" if all(found) else self._found(sentence)
        return whole or "".join(f or f"{part} " for f, part in zip(found, parts, strict=True)).strip()

    def _found(self, sentence: str) -> str:
        if sentence in self.messages:
            return self.messages[sentence]
        for pattern, translated in self._templates:
            if hit := pattern.fullmatch(sentence):
                return translated.format(**hit.groupdict())
        return ""


def _names(message: str) -> list[str]:
    """What is filled into a template; nothing when its braces mean something else."""
    names = [name for _, name, _, _ in Formatter().parse(message) if name]
    return names if all(name.isidentifier() for name in names) else []


def _pattern(message: str) -> re.Pattern[str]:
    """What matches every sentence made from a template, with its values as named groups."""
    made, seen = "", set[str]()
    for literal, name, _, _ in Formatter().parse(message):
        made += re.escape(literal)
        if name:
            made += f"(?P={name})" if name in seen else f"(?P<{name}>.+?)"
            seen.add(name)
    return re.compile(made, re.DOTALL)


def load(language: str, folders: Iterable[Path]) -> Catalogue:
    """Merge every `.po` file of a language below the folders; a fuzzy entry counts as missing."""
    messages: dict[str, str] = {}
    sentences: dict[str, str] = {}
    for folder in folders:
        for file in sorted(folder.glob(f"**/locale/{language}/LC_MESSAGES/*.po")):
            (sentences if file.stem == SENTENCES else messages).update(_entries(file))
    return Catalogue(language, messages, sentences)


def _entries(file: Path) -> dict[str, str]:
    with file.open("rb") as stream:
        catalogue = read_po(stream)
    return {
        str(entry.id): str(entry.string)
        for entry in catalogue
        if entry.id and entry.string and isinstance(entry.id, str) and not entry.fuzzy
    }


@cache
def catalogue(language: str) -> Catalogue:
    """The platform's catalogue of a language, read once."""
    return load(language, [PACKAGE]) if language in LANGUAGES else Catalogue("en", {})


def preferred(cookie: str | None, accepted: str, default: str) -> str:
    """The language to speak: what was chosen, else what the browser accepts first, else the plant's."""
    if cookie in LANGUAGES:
        return str(cookie)
    for part in accepted.split(","):
        tag = part.split(";")[0].strip().lower().split("-")[0]
        if tag in LANGUAGES:
            return tag
    return default if default in LANGUAGES else "en"


def mark(message: str) -> str:
    """Name a message for the catalogues where it is only shown later: `LABELS = {"ok": mark("Running")}`."""
    return message
