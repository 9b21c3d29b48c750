"""The look keeps its promises: readable contrast, and nobody paints outside the console."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lineshaft.console.language import PACKAGE
from lineshaft.console.theme import ASSETS, STYLES

PAIRS = [
    ("ink", "page"), ("ink", "surface"), ("ink", "raised"), ("ink", "sunken"), ("ink", "accent-soft"),
    ("muted", "page"), ("muted", "surface"), ("muted", "raised"), ("muted", "sunken"), ("accent", "surface"),
    ("accent", "raised"), ("accent", "page"), ("on-accent", "accent"), ("warn", "surface"), ("warn", "warn-soft"),
    ("warn", "raised"), ("alarm", "surface"), ("alarm", "alarm-soft"), ("alarm", "raised"), ("lost", "raised"),
    ("lost", "lost-soft"), ("good", "surface"), ("run", "surface"), ("rail-ink", "rail-bg"), ("rail-muted", "rail-bg"),
    ("ink", "warn-soft"), ("ink", "alarm-soft"), ("rail-ink", "rail-now"),
]  # fmt: skip
GRAPHICS = [*((f"line-{i}", "surface") for i in range(1, 9)), ("warn-fill", "surface"), ("alarm-fill", "surface")]


def tokens(theme: str) -> dict[str, str]:
    """Colours of a theme; dark overrides light."""
    light, dark = (ASSETS / "tokens.css").read_text().split('[data-theme="dark"]')
    found = dict(re.findall(r"--ls-([\w-]+): (#[0-9a-f]{6});", light))
    return found | (dict(re.findall(r"--ls-([\w-]+): (#[0-9a-f]{6});", dark)) if theme == "dark" else {})


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_a_contrast_of_at_least_four_and_a_half(theme: str) -> None:
    known = tokens(theme)
    poor = {pair: round(c, 2) for pair in PAIRS if (c := contrast(known[pair[0]], known[pair[1]])) < 4.5}
    assert poor == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_lines_and_shapes_have_a_contrast_of_at_least_two_and_a_half(theme: str) -> None:
    known = tokens(theme)
    poor = {pair: round(c, 2) for pair in GRAPHICS if (c := contrast(known[pair[0]], known[pair[1]])) < 2.5}
    assert poor == {}


def test_colours_are_named_once_in_the_tokens() -> None:
    others = [name for name in STYLES if name != "tokens.css"]
    named = {name: re.findall(r":[^;{]*(#[0-9a-fA-F]{3,8})\b", (ASSETS / name).read_text()) for name in others}
    assert {name: set(colours) - {"#fff"} for name, colours in named.items()} == {name: set() for name in others}


def screens() -> list[Path]:
    return sorted({*PACKAGE.glob("**/pages.py"), *PACKAGE.glob("**/pages/*.py")})


def test_no_page_paints_by_itself() -> None:
    painting = re.compile(r"#[0-9a-fA-F]{6}\b|\.classes\(|\.style\(|\bls-[a-z]|\d+px\b|import nicegui|from nicegui")
    found = {str(p.relative_to(PACKAGE)): painting.findall(p.read_text(encoding="utf-8")) for p in screens()}
    assert {name: hits for name, hits in found.items() if hits} == {}


def test_nicegui_is_known_to_the_console_only() -> None:
    outside = [p for p in PACKAGE.glob("**/*.py") if "console" not in p.relative_to(PACKAGE).parts]
    knows = re.compile(r"^\s*(import|from) nicegui", re.MULTILINE)
    assert [str(p) for p in outside if knows.search(p.read_text(encoding="utf-8"))] == []
