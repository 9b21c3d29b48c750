"""Reads the tables of the shelf: `manifest.toml` says which template, `elements.toml` what is in it.

    elements = [
      { name = "Markings", kind = "SubmodelElementList", of = "SubmodelElementCollection", …, elements = [
        { kind = "SubmodelElementCollection", many = "OneToMany", …, elements = [ … ] },     the entry of a list
      ] },
      "segment",                                  the elements of a block stand here
      { name = "Record", …, elements = "Record" } the elements of a block stand below
    ]
    [blocks]
    segment = [ … ]

The words of each row are the fields of `facts.Element`; `en` and `zh` are its description.
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from typing import Any, TypeAlias

from lineshaft.kernel.plugins import Plugin, Shelf

from .facts import Element, Many, Template

SHELF = Shelf("lineshaft.twins.submodels", what="submodel template")
Rows: TypeAlias = "list[dict[str, Any] | str] | str"
LANGUAGES = ("en", "zh")
_TUPLES = ("also", "accepts", "choices")


@lru_cache(maxsize=256)
def template(name: str) -> Template:
    """The template of a folder of the shelf, or Invalid with the nearest name."""
    plugin = SHELF.get(name)
    table = tomllib.loads(plugin.read("elements.toml"))
    return _head(plugin, _elements(table["elements"], table.get("blocks", {})))


def head(name: str) -> Template:
    """The same without its elements, read from the manifest alone."""
    return _head(SHELF.get(name), ())


def _head(plugin: Plugin, elements: tuple[Element, ...]) -> Template:
    said = plugin.manifest
    return Template(
        name=plugin.name,
        id_short=said["id_short"],
        means=said["means"],
        accepts=tuple(said.get("accepts", ())),
        also=tuple(said.get("also", ())),
        number=said["number"],
        version=said["version"],
        template_id=said["template_id"],
        title={"en": said["title"], "zh": said["title_zh"]},
        summary={"en": said["summary"], "zh": said["summary_zh"]},
        source=said["source"],
        licence=said["licence"],
        elements=elements,
    )


def _elements(rows: Rows, blocks: dict[str, Rows]) -> tuple[Element, ...]:
    if isinstance(rows, str):
        return _elements(blocks[rows], blocks)
    found: list[Element] = []
    for row in rows:
        found += _elements(row, blocks) if isinstance(row, str) else [_element(row, blocks)]
    return tuple(found)


def _element(row: dict[str, Any], blocks: dict[str, Rows]) -> Element:
    said: dict[str, Any] = {name: value for name, value in row.items() if name not in LANGUAGES}
    said |= {name: tuple(said[name]) for name in _TUPLES if name in said}
    said["many"] = Many(said.get("many", ""))
    said["elements"] = _elements(said.get("elements", []), blocks)
    return Element(words={language: row[language] for language in LANGUAGES}, **said)
