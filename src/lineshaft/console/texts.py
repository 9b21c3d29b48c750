"""One text in several languages: a field for each, and more languages on demand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nicegui import ui

from .layout import element
from .view import text

ALWAYS = ("en", "zh")
MORE = ("de", "fr", "es", "ru", "it", "pt", "ja", "ko", "nl", "pl", "tr", "ar")
"""Languages offered besides, by ISO 639-1."""


class Texts:
    """`value` is the text by language, without those left empty; `Field(kind="texts")` makes one."""

    def __init__(self, name: str, label: str, value: Mapping[str, str]) -> None:
        self._name = name
        self._label = label
        self._fields: dict[str, Any] = {}
        with element("div", "ls-texts") as self._place:
            for language in dict.fromkeys((*ALWAYS, *value)):
                self._add(language, value.get(language, ""))
            self._more = ui.select({code: code for code in self._others()}, label=text("Language"), clearable=True)
            self._more.props("outlined dense options-dense hide-bottom-space").classes("ls-input ls-texts-more")
            self._more.on_value_change(lambda event: self._chosen(event.value))

    @property
    def value(self) -> dict[str, str]:
        return {language: said for language, field in self._fields.items() if (said := (field.value or "").strip())}

    @value.setter
    def value(self, said: Mapping[str, str] | None) -> None:
        for language in said or {}:
            if language not in self._fields:
                self._add(language, "")
        for language, field in self._fields.items():
            field.value = (said or {}).get(language, "")

    def _others(self) -> list[str]:
        return [code for code in MORE if code not in self._fields]

    def _add(self, language: str, said: str) -> None:
        props = f'outlined dense autogrow hide-bottom-space prefix="{language}" aria-label="{self._label} ({language})"'
        made = ui.textarea(value=said).props(props).classes("ls-input").mark(f"field-{self._name}-{language}")
        self._fields[language] = made

    def _chosen(self, language: str | None) -> None:
        if not language or language in self._fields:
            return
        with self._place:
            self._add(language, "")
        self._more.move(self._place)
        self._more.set_options(self._others(), value=None)
