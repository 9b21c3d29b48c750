"""How shells, submodels and their elements are called and their values written on screens."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lineshaft.console import View, mark, unit_text
from lineshaft.twins.metamodel import forms, identifiers
from lineshaft.twins.metamodel.kinds import FILE, MULTI_LANGUAGE, Json, children, kind_of
from lineshaft.twins.submodels import Element, Template

OWN = {
    "OperationalData": mark("Operating data"),
    "HierarchicalStructures": mark("Structure"),
    "LifeCycle": mark("Life cycle"),
}
"""Submodels that the platform writes, by their idShort."""


def twin_address(shell: str, tab: str = "") -> str:
    """The screen of a shell, at one of its tabs."""
    return f"/twins/{identifiers.encode_id(shell)}" + (f"?tab={tab}" if tab else "")


def called(thing: Json, language: str) -> str:
    """What people call a shell, a submodel or an element."""
    names = {one.get("language", ""): one.get("text", "") for one in thing.get("displayName", ())}
    return str(names.get(language) or names.get("en") or thing.get("idShort") or thing.get("id") or "")


def submodel_title(view: View, submodel: Json, template: Template | None) -> str:
    """What people call a submodel: by itself, by its template in Chinese, else its idShort as words."""
    name = str(submodel.get("idShort") or "")
    if submodel.get("displayName") or not name:
        return called(submodel, view.language)
    if name in OWN:
        return view.text(OWN[name])
    title = template.title.get(view.language, "") if template and view.language != "en" else ""
    return title or spaced(name)


def tail_of(thing: str) -> str:
    """What a thing without a shell is called: the end of its path or id."""
    if "#" in thing:
        return thing.rpartition("#")[2].rpartition(".")[2]
    tail = thing.rstrip("/").rpartition("/")[2]
    return f"… {tail[-6:]}" if tail.startswith("urn:uuid:") else tail


def spaced(name: str) -> str:
    """An idShort as words: `YearOfConstruction` is "Year of construction"."""
    words = re.findall(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+", name)
    shown = " ".join(word if word.isupper() else word.lower() for word in words)
    return shown[:1].upper() + shown[1:] or name


def element_title(element: Element, said: Json, language: str) -> str:
    """What an element is called in a form: by itself, by its template in Chinese, else by its idShort."""
    if said.get("displayName"):
        return called(said, language)
    if language != "en" and element.words.get(language):
        return element.words[language]
    return spaced(str(said.get("idShort") or element.name))


def element_help(element: Element, language: str) -> str:
    """What stands below the name: the template's sentence, or the idShort where the sentence is the name."""
    return element.words.get("en", "") if language == "en" else element.name


def value_note(view: View, element: Json) -> str:
    """The value of an element as one short line, with its unit."""
    if children(element):
        return ""
    if kind_of(element) == FILE:
        return str(element.get("value") or "").rpartition("/")[2]
    if kind_of(element) == MULTI_LANGUAGE:
        texts = {str(one["language"]): str(one["text"]) for one in element.get("value") or ()}
        return (texts.get(view.language) or texts.get("en") or next(iter(texts.values()), ""))[:120]
    value = forms.value(element) if kind_of(element) not in ("Capability", "Operation") else ""
    if isinstance(value, bool):
        shown = view.text("yes") if value else view.text("no")
    elif isinstance(value, float):
        shown = f"{value:.6g}"
    elif isinstance(value, Mapping):
        shown = ", ".join(f"{name} {part}" for name, part in value.items() if not isinstance(part, Mapping | list))
    else:
        shown = "" if value is None else view.text(str(value)) if str(value).strip() else ""
    return f"{shown[:120]} {unit_text(unit_of(element))}".strip()


def unit_of(element: Json) -> str:
    """The unit its data specification names; empty without one."""
    for specification in element.get("embeddedDataSpecifications", ()):
        if unit := specification.get("dataSpecificationContent", {}).get("unit"):
            return str(unit)
    return ""
