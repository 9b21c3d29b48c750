"""Relations: read from bills of materials and references, followed with quantities, cycles named."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Role
from lineshaft.twins.errors import Cyclic, NoDocument
from lineshaft.twins.model.graph import Compare, Condition, Match
from lineshaft.twins.model.repository import Edge, Kind
from lineshaft.twins.service.repository import Repository
from lineshaft.twins.store.relations import Relation, relations_of

from .conftest import ADA, BOB, EVE, OTTO, everything, person, shell

BOM = "https://admin-shell.io/idta/HierarchicalStructures"


def ref(*keys: tuple[str, str]) -> dict[str, Any]:
    return {"type": "ModelReference", "keys": [{"type": kind, "value": value} for kind, value in keys]}


def external(value: str) -> dict[str, Any]:
    return {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": value}]}


def entity(name: str, *inside: dict[str, Any], asset: str = "", bulk: int = 0) -> dict[str, Any]:
    """A node of a bill of materials."""
    count = {
        "modelType": "Property",
        "idShort": "BulkCount",
        "semanticId": external(f"{BOM}/BulkCount/1/0"),
        "valueType": "xs:unsignedLong",
        "value": str(bulk),
    }
    told: dict[str, Any] = {
        "modelType": "Entity",
        "idShort": name,
        "entityType": "SelfManagedEntity" if asset else "CoManagedEntity",
    }
    below = [*inside, *([count] if bulk else [])]
    return told | ({"globalAssetId": asset} if asset else {}) | ({"statements": below} if below else {})


def relation(name: str, first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    return {
        "modelType": "RelationshipElement",
        "idShort": name,
        "semanticId": external(f"{BOM}/{name.split('_', maxsplit=1)[0]}/1/0"),
        "first": first,
        "second": second,
    }


def bom(id_: str, top: dict[str, Any], archetype: str = "Full") -> dict[str, Any]:
    kind = {"modelType": "Property", "idShort": "ArcheType", "valueType": "xs:string", "value": archetype}
    return {"modelType": "Submodel", "id": id_, "idShort": id_.rsplit("/", 1)[-1], "submodelElements": [kind, top]}


def asset(name: str) -> str:
    return f"https://example.com/asset/{name}"


def press() -> dict[str, Any]:
    """2 units of 3 boxes of 24 screws, and a pump by relation."""
    box = entity("Box", entity("Screw", bulk=24), asset=asset("box"), bulk=3)
    unit = entity("Unit", box, asset=asset("unit"), bulk=2)
    keys = [("Submodel", "urn:bom/press"), ("Entity", "EntryNode")]
    has = relation("HasPart_Pump", ref(*keys), ref(*keys, ("Entity", "Pump")))
    return bom(
        "urn:bom/press", entity("EntryNode", unit, entity("Pump", asset=asset("pump")), has, asset=asset("press"))
    )


def test_nesting_and_relations_state_each_edge_once() -> None:
    assert relations_of(Kind.SUBMODEL, press()) == [
        Relation("EntryNode", Edge.SAME, "urn:bom/press#EntryNode", asset("press")),
        Relation("EntryNode.Unit", Edge.PART, asset("press"), asset("unit"), 2.0),
        Relation("EntryNode.Pump", Edge.PART, asset("press"), asset("pump"), None),
        Relation("EntryNode.Unit.Box", Edge.PART, asset("unit"), asset("box"), 3.0),
        Relation("EntryNode.Unit.Box.Screw", Edge.PART, asset("box"), "urn:bom/press#EntryNode.Unit.Box.Screw", 24.0),
    ]


def test_one_up_and_is_part_of_turn_the_edge() -> None:
    up = bom("urn:up", entity("EntryNode", entity("Car", asset=asset("car")), asset=asset("wheel"), bulk=4), "OneUp")
    assert relations_of(Kind.SUBMODEL, up)[1] == Relation("EntryNode.Car", Edge.PART, asset("car"), asset("wheel"), 4.0)
    keys = [("Submodel", "urn:p"), ("Entity", "EntryNode")]
    of = relation("IsPartOf_x", ref(*keys), external(asset("car")))
    part = relations_of(Kind.SUBMODEL, bom("urn:p", entity("EntryNode", of, asset=asset("wheel"))))[1]
    assert part == Relation("EntryNode.IsPartOf_x", Edge.PART, asset("car"), asset("wheel"), None)


def test_references_and_shells_state_edges() -> None:
    assert relations_of(Kind.SHELL, shell() | {"derivedFrom": ref(("AssetAdministrationShell", "urn:type"))}) == [
        Relation("assetInformation", Edge.SAME, shell()["id"], "https://example.com/asset/1"),
        Relation("submodels[0]", Edge.HAS_SUBMODEL, shell()["id"], "https://example.com/sm/all"),
        Relation("submodels[1]", Edge.HAS_SUBMODEL, shell()["id"], "https://example.com/sm/two"),
        Relation("derivedFrom", Edge.DERIVED, shell()["id"], "urn:type"),
    ]
    assert Relation("AllKinds.RefEl", Edge.REFERS, everything()["id"], everything()["id"]) in relations_of(
        Kind.SUBMODEL, everything()
    )


async def test_t60_counts_multiply_along_the_path(repository: Repository) -> None:
    await repository.create(ADA, Kind.SUBMODEL, press())
    bill = await repository.graph.explode(EVE, asset("press"))
    screw = "urn:bom/press#EntryNode.Unit.Box.Screw"
    assert [(one.depth, one.part, one.quantity) for one in bill.lines()] == [
        (1, asset("unit"), 2.0),
        (1, asset("pump"), 1.0),
        (2, asset("box"), 6.0),
        (3, screw, 144.0),
    ]
    assert len(await repository.graph.explode(EVE, asset("press"), 2)) == 3
    used = await repository.graph.where_used(EVE, screw)
    assert [(one.depth, one.whole, one.quantity) for one in used.lines()] == [
        (1, asset("box"), 24.0),
        (2, asset("unit"), 72.0),
        (3, asset("press"), 144.0),
    ]


async def test_t60_a_full_bill_and_those_of_the_parts_name_the_same_parts_once(repository: Repository) -> None:
    await repository.create(ADA, Kind.SUBMODEL, press())
    own = bom(
        "urn:bom/unit", entity("EntryNode", entity("Box", asset=asset("box"), bulk=3), asset=asset("unit")), "OneDown"
    )
    await repository.create(ADA, Kind.SUBMODEL, own)
    await repository.create(
        ADA, Kind.SHELL, shell() | {"assetInformation": {"assetKind": "Instance", "globalAssetId": asset("press")}}
    )
    assert (await repository.graph.explode(EVE, asset("press"))).totals()[asset("box")] == 6.0
    by_shell = await repository.graph.explode(EVE, shell()["id"])
    assert by_shell.totals() == (await repository.graph.explode(EVE, asset("press"))).totals()


async def test_t60_a_cycle_is_named(repository: Repository) -> None:
    for whole, part in (("a", "b"), ("b", "c"), ("c", "b")):
        one = entity("EntryNode", entity("Part", asset=asset(part)), asset=asset(whole))
        await repository.create(ADA, Kind.SUBMODEL, bom(f"urn:bom/{whole}{part}", one, "OneDown"))
    with pytest.raises(Cyclic) as refused:
        await repository.graph.explode(EVE, asset("a"))
    ring = refused.value.details["ring"]
    assert ring in ([asset("b"), asset("c"), asset("b")], [asset("c"), asset("b"), asset("c")])
    assert len(await repository.graph.explode(EVE, asset("a"), 1)) == 1
    await repository.delete(ADA, Kind.SUBMODEL, "urn:bom/cb")
    assert (await repository.graph.explode(EVE, asset("a"))).parts == [asset("b"), asset("c")]


async def test_quantities_are_those_of_walking_every_path(repository: Repository) -> None:
    """Against a plain recursive walk, on random graphs without cycles."""
    dice = random.Random(4)
    edges = {(a, b): dice.randint(1, 3) for a in range(12) for b in range(a + 1, 12) if dice.random() < 0.3}
    for a in range(12):
        below = [entity(f"Pt{b}", asset=asset(str(b)), bulk=n) for (x, b), n in edges.items() if x == a]
        await repository.create(
            ADA, Kind.SUBMODEL, bom(f"urn:bom/r{a}", entity("EntryNode", *below, asset=asset(str(a))), "OneDown")
        )
    wanted: dict[str, float] = {}

    def walk(node: int, quantity: float) -> None:
        for (a, b), n in edges.items():
            if a == node:
                wanted[asset(str(b))] = wanted.get(asset(str(b)), 0) + quantity * n
                walk(b, quantity * n)

    walk(0, 1.0)
    assert (await repository.graph.explode(EVE, asset("0"))).totals() == wanted


async def test_changes_of_a_bill_are_seen_at_once(repository: Repository) -> None:
    await repository.create(ADA, Kind.SUBMODEL, press())
    assert len(await repository.graph.explode(EVE, asset("press"))) == 4
    top = entity("EntryNode", entity("Pump", asset=asset("pump"), bulk=2), asset=asset("press"))
    await repository.change(ADA, Kind.SUBMODEL, "urn:bom/press", lambda d: bom("urn:bom/press", top))
    assert (await repository.graph.explode(EVE, asset("press"))).totals() == {asset("pump"): 2.0}


async def test_what_stands_in_documents_of_others_is_not_told(repository: Repository) -> None:
    await repository.create(ADA, Kind.SUBMODEL, press(), place=PlantPath("acme/berlin"))
    for who in (BOB, person("hal", Role.VIEWER, "acme/hamburg")):
        with pytest.raises(NoDocument):
            await repository.graph.explode(who, asset("press"))
    assert len(await repository.graph.explode(person("ben", Role.VIEWER, "acme/berlin"), asset("press"))) == 4


async def plant(repository: Repository) -> None:
    """A factory with two lines of three sensors, each with a submodel that says a temperature."""
    lines = [
        entity(f"Line{n}", *(entity(f"Sensor{m}", asset=asset(f"s{n}{m}")) for m in range(3)), asset=asset(f"line{n}"))
        for n in range(2)
    ]
    await repository.create(
        ADA, Kind.SUBMODEL, bom("urn:bom/factory", entity("EntryNode", *lines, asset=asset("factory")))
    )
    for n in range(2):
        for m in range(3):
            told = {
                "modelType": "AssetAdministrationShell",
                "id": f"urn:aas:{n}{m}",
                "assetInformation": {"assetKind": "Instance", "globalAssetId": asset(f"s{n}{m}")},
                "submodels": [ref(("Submodel", f"urn:sm:{n}{m}"))],
            }
            await repository.create(ADA, Kind.SHELL, told, place=PlantPath(f"acme/line{n}/s{m}"))
            temperature = {
                "modelType": "Property",
                "idShort": "Temperature",
                "semanticId": external("urn:temperature"),
                "valueType": "xs:double",
                "value": str(40 + 10 * m + n),
            }
            live = {
                "modelType": "Submodel",
                "id": f"urn:sm:{n}{m}",
                "idShort": "Live",
                "submodelElements": [temperature],
            }
            await repository.create(ADA, Kind.SUBMODEL, live)


def warm(value: float, *, by: str = "semantic") -> Condition:
    named = {"semantic": "urn:temperature"} if by == "semantic" else {"path": "Temperature"}
    return Condition(compare=Compare.GT, value=value, **named)


@pytest.mark.parametrize("few", [20_000, 0])
@pytest.mark.parametrize("by", ["semantic", "path"])
async def test_t88_things_below_whose_property_compares(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, few: int, by: str
) -> None:
    monkeypatch.setattr("lineshaft.twins.service.repository.graph.FEW", few)
    await plant(repository)
    found = await repository.graph.below(EVE, asset("factory"), hops=2, condition=warm(50, by=by))
    assert [(one.thing, one.hops, one.number) for one in found] == [
        (asset("s02"), 2, 60.0),
        (asset("s11"), 2, 51.0),
        (asset("s12"), 2, 61.0),
    ]
    assert found[0] == Match(
        thing=asset("s02"), hops=2, submodel="urn:sm:02", path="Temperature", text="60", number=60.0
    )
    assert await repository.graph.below(EVE, asset("factory"), hops=1, condition=warm(50, by=by)) == []
    assert [m.thing for m in await repository.graph.below(EVE, asset("line1"), hops=1, condition=warm(60))] == [
        asset("s12")
    ]
    await repository.write_values(OTTO, "urn:sm:00", {"Temperature": "99"})
    hottest = await repository.graph.below(EVE, asset("factory"), hops=2, condition=warm(90, by=by))
    assert [(one.thing, one.text) for one in hottest] == [(asset("s00"), "99")]


async def test_t82_a_question_tells_only_what_may_be_seen(repository: Repository) -> None:
    await plant(repository)
    half = person("nora", Role.VIEWER, "acme/factory", "acme/line1")
    found = await repository.graph.below(half, asset("factory"), hops=2, condition=warm(0))
    assert [one.thing for one in found] == [asset(f"s1{m}") for m in range(3)]
    with pytest.raises(Invalid):
        await repository.graph.below(EVE, asset("factory"), hops=2, condition=Condition(value=1.0))
