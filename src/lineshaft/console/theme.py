"""Brings our look to the browser: style sheets and script, served once and cached by content."""

from __future__ import annotations

import hashlib
from datetime import tzinfo
from functools import cache
from pathlib import Path

from nicegui import app as nicegui_app
from nicegui import json, ui

from .language import catalogue, mark

ASSETS = Path(__file__).with_name("assets")
STYLES = ("tokens.css", "frame.css", "parts.css", "synoptic.css", "scene.css", "quasar.css")
BASE = "/_console"
WORDS = {w: w for w in (mark("now"), mark("s"), mark("min"), mark("h"), mark("d"))} | {"ago": mark("{span} ago")}
"""What the browser needs to say how old something is."""


@cache
def version() -> str:
    """A short name for the present content of all assets."""
    digest = hashlib.sha256()
    for file in sorted(ASSETS.iterdir()):
        if file.is_file():
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def serve() -> None:
    """Let the browser fetch the assets."""
    nicegui_app.remove_route(f"{BASE}/{version()}/{{path:path}}")
    nicegui_app.add_static_files(f"{BASE}/{version()}", ASSETS, max_cache_age=31_536_000)


def head(language: str, zone: tzinfo) -> None:
    """Link them from the page being drawn; the script runs before the first paint, so nothing flashes."""
    place = f"{BASE}/{version()}"
    links = "".join(f'<link rel="stylesheet" href="{place}/{name}">' for name in STYLES)
    speak = catalogue(language).text
    words = json.dumps({key: speak(word) for key, word in WORDS.items()})
    given = f"lineshaftWords = {words}; lineshaftZone = {json.dumps(str(zone))}"
    ui.add_head_html(f'<script>{given}</script><script src="{place}/console.js"></script>{links}')
