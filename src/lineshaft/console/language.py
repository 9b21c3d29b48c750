"""Speaks the viewer's language: gettext catalogues read straight from `locale/<lang>/LC_MESSAGES/*.po`.

English is the source language and needs no catalogue. Every context keeps its own `locale/` folder
beside its pages; all of them are merged once at start.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po

LANGUAGES: Mapping[str, str] = {"en": "English", "zh": "中文"}
"""Languages of the screens and their names in themselves."""

PACKAGE = Path(__file__).parents[1]


class Catalogue:
    """Messages of one language."""

    def __init__(self, language: str, messages: Mapping[str, str]) -> None:
        self.language = language
        self.messages = dict(messages)

    def text(self, message: str, **values: object) -> str:
        """The message in this language, English when nobody has translated it, with `{names}` filled in."""
        found = self.messages.get(message) or message
        return found.format(**values) if values else found


def load(language: str, folders: Iterable[Path]) -> Catalogue:
    """Merge every `.po` file of a language below the folders; a fuzzy entry counts as missing."""
    messages: dict[str, str] = {}
    for folder in folders:
        for file in sorted(folder.glob(f"**/locale/{language}/LC_MESSAGES/*.po")):
            messages.update(_entries(file))
    return Catalogue(language, messages)


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
