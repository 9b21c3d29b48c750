"""Decides which elements of a submodel somebody may see in a passport; the table is `access.toml`.

Elements are known by their meaning, not by their idShort, so that renaming one does not open it. What a template
does not know, and submodels of no template in the table, are for authorities only.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache
from importlib import resources

from lineshaft.twins.metamodel.kinds import LIST, SLOTS, Json, children, kind_of
from lineshaft.twins.submodels.catalogue import template_for
from lineshaft.twins.submodels.facts import Element, expected_below
from lineshaft.twins.submodels.matching import Likeness, match


class Tier(IntEnum):
    """Who looks; a higher one sees all a lower one sees."""

    PUBLIC = 0
    LEGITIMATE = 1
    AUTHORITY = 2


@lru_cache(maxsize=1)
def _table() -> dict[str, dict[str, Tier]]:
    text = (resources.files("lineshaft.twins.submodels.passport") / "access.toml").read_text(encoding="utf-8")
    return {
        name: {path: Tier[word.upper()] for path, word in rows.items()} for name, rows in tomllib.loads(text).items()
    }


def shown(submodel: Json, tier: Tier) -> Json | None:
    """The submodel with what this tier may see; None when that is nothing. An authority sees it as it is."""
    if tier is Tier.AUTHORITY:
        return submodel
    template = template_for(submodel)
    rules = _table().get(template.name) if template else None
    if template is None or rules is None:
        return None
    kept = _kept(submodel, template.elements, (), "", rules, tier)
    return {**submodel, "submodelElements": kept} if kept else None


def _kept(
    parent: Json,
    expected: Sequence[Element],
    above: tuple[Element, ...],
    path: str,
    rules: dict[str, Tier],
    tier: Tier,
) -> list[Json]:
    found = []
    in_list = kind_of(parent) == LIST
    for one in match(children(parent), expected, in_list=in_list):
        if one.element is None or one.likeness is Likeness.NONE:
            continue
        place = f"{path}[]" if in_list else f"{path}.{one.element.name}".removeprefix(".")
        if _tier(place, rules) > tier:
            continue
        below = expected_below(one.element, above)
        child = _pruned(one.child, below, (*above, one.element), place, rules, tier)
        if child is not None:
            found.append(child)
    return found


def _pruned(
    child: Json,
    below: Sequence[Element],
    above: tuple[Element, ...],
    place: str,
    rules: dict[str, Tier],
    tier: Tier,
) -> Json | None:
    """The element without what is hidden in it; None when nothing is left of what it held."""
    slot = SLOTS.get(kind_of(child))
    if slot is None or not children(child):
        return child
    kept = _kept(child, below, above, place, rules, tier)
    return {**child, slot: kept} if kept else None


def _tier(place: str, rules: dict[str, Tier]) -> Tier:
    """The tier of the nearest rule above; a rule below never opens what one above closes."""
    while place:
        if place in rules:
            return rules[place]
        place = place.removesuffix("[]") if place.endswith("[]") else place.rpartition(".")[0]
    return rules["default"]
