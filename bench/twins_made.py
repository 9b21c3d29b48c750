"""Environments for `bench/twins.py`, made up but shaped like real ones."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
BOM = "https://admin-shell.io/idta/HierarchicalStructures"
SPEED, TEMPERATURE, RARE = "0173-1#02-BAA120#008", "https://example.com/temperature", "https://example.com/rare"


def external(value: str) -> Json:
    return {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": value}]}


def reference(kind: str, value: str) -> Json:
    return {"type": "ModelReference", "keys": [{"type": kind, "value": value}]}


def number(name: str, value: float, semantic: str = SPEED) -> Json:
    """A property of type xs:double."""
    return {
        "modelType": "Property",
        "idShort": name,
        "semanticId": external(semantic),
        "valueType": "xs:double",
        "value": f"{value:g}",
    }


def reading(element: Json, series: str) -> Json:
    """The element without a value of its own: it reads a series."""
    rest = {name: value for name, value in element.items() if name != "value"}
    return rest | {"extensions": [{"name": "series", "valueType": "xs:string", "value": series}]}


def submodel(n: int, elements: int = 1, *, live: bool = False) -> Json:
    """A submodel of some numbers; one in a hundred has an element with a rare meaning.

    With `live` the first one is read from the series `acme/live/<n>`.
    """
    dice = random.Random(n)
    held = [number(f"Value{m}", round(dice.uniform(0, 100), 2), f"https://example.com/p/{m}") for m in range(elements)]
    if elements > 1 and n % 100 == 0:
        held[0]["semanticId"] = external(RARE)
    if live:
        held[0] = reading(held[0], f"acme/live/{n}")
    return {
        "modelType": "Submodel",
        "id": f"https://example.com/ids/sm/{n}",
        "idShort": f"TechnicalData{n}",
        "semanticId": external("https://example.com/st/technical-data/1/0"),
        "submodelElements": held,
    }


def shell(n: int, asset: str = "", links: int = 0, submodels: tuple[str, ...] = ()) -> Json:
    """A shell with its global asset id and so many specific ones."""
    about: Json = {"assetKind": "Instance", "globalAssetId": asset or f"https://example.com/ids/asset/{n}"}
    named = [{"name": ("serialNumber", "batch")[m], "value": f"{('SN', 'B')[m]}{n}"} for m in range(links)]
    made: Json = {
        "modelType": "AssetAdministrationShell",
        "id": f"https://example.com/ids/aas/{n}",
        "assetInformation": about | ({"specificAssetIds": named} if named else {}),
    }
    return made | ({"submodels": [reference("Submodel", one) for one in submodels]} if submodels else {})


def descriptor(n: int) -> Json:
    """A registered shell with its address and one submodel."""
    about = {"href": f"https://example.com/api/v3.1/shells/{n}", "endpointProtocol": "HTTP"}
    reached = [{"interface": "AAS-3.1", "protocolInformation": about}]
    submodel = {"id": f"https://example.com/ids/reg/sm/{n}", "endpoints": reached}
    return {
        "id": f"https://example.com/ids/reg/aas/{n}",
        "assetKind": "Instance",
        "globalAssetId": f"https://example.com/ids/reg/asset/{n}",
        "endpoints": reached,
        "submodelDescriptors": [submodel],
    }


def in_parts(section: str, items: Iterator[Json], size: int = 10_000) -> Iterator[Json]:
    """Environments of so many documents."""
    some: list[Json] = []
    for item in items:
        some.append(item)
        if len(some) == size:
            yield {section: some}
            some = []
    if some:
        yield {section: some}


# ---- bills of materials ----


def node(name: str, asset: str, inside: list[Json], bulk: int = 0) -> Json:
    """An entity of a bill of materials."""
    count = {"modelType": "Property", "idShort": "BulkCount", "valueType": "xs:unsignedLong", "value": str(bulk)}
    below = [*inside, *([count] if bulk else [])]
    made: Json = {
        "modelType": "Entity",
        "idShort": name,
        "entityType": "SelfManagedEntity",
        "globalAssetId": asset,
        "semanticId": external(f"{BOM}/Node/1/0"),
    }
    return made | ({"statements": below} if below else {})


def bom(n: int, top: Json, archetype: str) -> Json:
    kind = {"modelType": "Property", "idShort": "ArcheType", "valueType": "xs:string", "value": archetype}
    return {
        "modelType": "Submodel",
        "id": f"https://example.com/ids/bom/{n}",
        "idShort": f"Bom{n}",
        "semanticId": external(f"{BOM}/1/1/Submodel"),
        "submodelElements": [kind, top],
    }


def tree(levels: int, wide: int) -> Iterator[Json]:
    """A bill of `wide ** levels` leaves: the top names its parts (OneDown), each of these all of its own (Full)."""
    top = "https://example.com/ids/part/0"

    def full(asset: str, depth: int) -> list[Json]:
        if depth == levels:
            return []
        parts = [f"{asset}-{n}" for n in range(wide)]
        return [node(f"Part{n}", part, full(part, depth + 1), bulk=2) for n, part in enumerate(parts)]

    parts = [f"{top}-{n}" for n in range(wide)]
    below = [node(f"Part{n}", part, [], bulk=3) for n, part in enumerate(parts)]
    yield bom(0, node("EntryNode", top, below), "OneDown")
    for n, part in enumerate(parts, 1):
        yield bom(n, node("EntryNode", part, full(part, 1)), "Full")


def factories(count: int, lines: int, sensors: int, *, live: bool = False) -> Iterator[Json]:
    """Factories of lines of sensors; each sensor has a shell with a submodel that says a temperature.

    With `live` it is read from the series `acme/live/<factory>-<sensor>`.
    """
    dice = random.Random(1)
    for f in range(count):
        names = [[f"https://example.com/ids/sensor/{f}-{n}-{m}" for m in range(sensors)] for n in range(lines)]
        inside = [
            node(
                f"Line{n}", f"https://example.com/ids/line/{f}-{n}", [node(f"S{m:03}", s, []) for m, s in enumerate(ss)]
            )
            for n, ss in enumerate(names)
        ]
        feeds = [
            {
                "modelType": "RelationshipElement",
                "idShort": f"Feeds_{k}",
                "first": external(dice.choice(dice.choice(names))),
                "second": external(dice.choice(dice.choice(names))),
            }
            for k in range(lines * sensors + lines * 10)
        ]
        document = bom(f, node("EntryNode", f"https://example.com/ids/factory/{f}", inside), "Full")
        document["submodelElements"] += feeds
        yield {"submodels": [document]}
        shells, submodels = [], []
        for n, asset in enumerate(one for line in names for one in line):
            id_ = f"https://example.com/ids/live/{f}-{n}"
            shells.append(shell(f * lines * sensors + n, asset, submodels=(id_,)))
            value = number("Temperature", round(dice.uniform(0, 60), 1), TEMPERATURE)
            value = reading(value, f"acme/live/{f}-{n}") if live else value
            submodels.append({"modelType": "Submodel", "id": id_, "idShort": "Live", "submodelElements": [value]})
        yield {"assetAdministrationShells": shells}
        yield {"submodels": submodels}
