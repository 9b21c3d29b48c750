"""Writes the things, reads them back and tells each difference as a loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from lineshaft.twins.exports.contract import Exported, Losses
from lineshaft.twins.metamodel import references
from lineshaft.twins.metamodel.kinds import SLOTS, Json, children

from .rebuilding import submodels_of
from .terms import SUBMODEL
from .writing import thing

_WHY = "It does not come back from a Thing Description."


def export(shells: Sequence[Json], submodels: Sequence[Json]) -> Exported:
    """A JSON array with one Thing Description for each interface of the interface descriptions among the submodels."""
    losses = Losses("A Thing Description")
    for shell in shells:
        losses.add(shell["id"], "AssetAdministrationShell", "A Thing Description holds interfaces only.")
    things: list[Json] = []
    for submodel in submodels:
        if references.semantic(submodel.get("semanticId")) != SUBMODEL:
            losses.add(submodel["id"], "Submodel", "Only interface descriptions (IDTA 02017) make Thing Descriptions.")
            continue
        made = [thing(submodel["id"], interface) for interface in children(submodel)]
        things += made
        back = submodels_of(made) or [{"modelType": "Submodel", "id": submodel["id"]}]
        for path, what in differences(submodel, back[0], submodel["id"]):
            losses.add(path, what, _WHY)
    data = orjson.dumps(things, option=orjson.OPT_INDENT_2)
    return Exported(data=data, content_type="application/td+json", suffix=".td.json", losses=losses.done())


def differences(before: Json, after: Json | None, path: str) -> Iterator[tuple[str, str]]:
    """What `after` says differently: path and member. Members of collections have no order, items of lists do."""
    if after is None:
        yield path, before["modelType"]
        return
    slot = SLOTS.get(before["modelType"], "")
    yield from ((path, name) for name in before if name != slot and before[name] != after.get(name))
    yield from ((path, name) for name in after if name != slot and name not in before)
    others: list[Any] = list(children(after))
    ordered = before["modelType"] == "SubmodelElementList"
    known = {other.get("idShort"): other for other in others}
    for index, child in enumerate(children(before)):
        if ordered:
            other, place = (others[index] if index < len(others) else None), f"{path}[{index}]"
        else:
            name = child.get("idShort", "")
            other, place = known.pop(name, None), f"{path}{'.' if ' › ' in path else ' › '}{name}"
        yield from differences(child, other, place)
    added = others[len(children(before)) :] if ordered else known.values()
    yield from ((path, f"{other.get('idShort', 'an item')} (added)") for other in added)
