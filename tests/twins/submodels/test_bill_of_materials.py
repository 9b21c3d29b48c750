"""IDTA 02011: structures read as edges, written from pieces, and refused when they contradict themselves."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from lineshaft.twins.metamodel import checking as metamodel
from lineshaft.twins.metamodel.forms import value
from lineshaft.twins.submodels import BadSubmodel, check, template
from lineshaft.twins.submodels.bill_of_materials import (
    Archetype,
    PartEdge,
    Piece,
    build,
    edges_of,
    edges_of_all,
    same_things,
)

Json = dict[str, Any]
ID = "https://example.com/sm/bom-1"
PRESS = "https://example.com/asset/press-1"
PUMP = "https://example.com/asset/pump-7"

SCREWS = Piece(name="ScrewM6", count=24)
TREE = [Piece(name="Unit", count=2, parts=(Piece(name="Pump", asset=PUMP, count=3, parts=(SCREWS,)),))]


def press(archetype: Archetype = Archetype.FULL, parts: list[Piece] | None = None) -> Json:
    return build(ID, PRESS, parts or TREE, archetype=archetype)


def test_t60_a_structure_is_read_as_edges_whose_counts_multiply_along_the_path() -> None:
    unit, screws = f"{ID}#EntryNode.Unit", f"{ID}#EntryNode.Unit.Pump.ScrewM6"
    edges = edges_of(press())
    assert edges == [
        PartEdge(whole=PRESS, part=unit, count=2, path="EntryNode.Unit"),
        PartEdge(whole=unit, part=PUMP, count=3, path="EntryNode.Unit.Pump"),
        PartEdge(whole=PUMP, part=screws, count=24, path="EntryNode.Unit.Pump.ScrewM6"),
    ]
    product = 1
    for edge in edges:
        product *= edge.count
    assert product == 144


def test_what_is_built_fits_template_and_metamodel() -> None:
    made = press()
    assert check(made, template("bill_of_materials")) == []
    assert metamodel.check(made) == []
    told = value(made)
    assert told["ArcheType"] == "Full"
    assert told["EntryNode"]["globalAssetId"] == PRESS
    assert told["EntryNode"]["statements"]["Unit"]["statements"]["BulkCount"] == 2


def test_the_published_skeleton_is_read() -> None:
    made = build(ID, PRESS, [Piece(name="Pump", asset=PUMP), SCREWS], archetype=Archetype.ONE_DOWN)
    statements = value(made)["EntryNode"]["statements"]
    assert statements["ScrewM6"] == {"entityType": "CoManagedEntity", "statements": {"BulkCount": 24}}
    assert statements["HasPart_Pump"]["second"]["keys"][-1] == {"type": "Entity", "value": "Pump"}
    assert [(e.part, e.count) for e in edges_of(made)] == [(PUMP, 1), (f"{ID}#EntryNode.ScrewM6", 24)]


def test_one_up_tells_the_wholes_of_a_part() -> None:
    made = build(ID, PUMP, [Piece(name="Press", asset=PRESS)], archetype=Archetype.ONE_UP)
    assert edges_of(made) == [PartEdge(whole=PRESS, part=PUMP, count=1, path="EntryNode.Press")]
    assert "IsPartOf_Press" in value(made)["EntryNode"]["statements"]


def test_full_and_one_down_go_together_and_one_up_does_not() -> None:
    down = build("urn:down", PUMP, [Piece(name="Seal", asset="urn:seal")], archetype=Archetype.ONE_DOWN)
    up = build("urn:up", PUMP, [Piece(name="Press", asset=PRESS)], archetype=Archetype.ONE_UP)
    assert len(edges_of_all([press(), down])) == 4
    with pytest.raises(BadSubmodel) as refused:
        edges_of_all([press(), down, up])
    assert refused.value.message == "Structures of archetype OneUp cannot be mixed with Full and OneDown."
    assert edges_of_all([up]) == edges_of(up)


@pytest.mark.parametrize("archetype", [Archetype.ONE_DOWN, Archetype.ONE_UP])
def test_only_full_tells_more_than_one_level(archetype: Archetype) -> None:
    with pytest.raises(BadSubmodel) as refused:
        press(archetype)
    assert "'EntryNode.Unit.Pump' stands two levels below the entry node" in refused.value.message


def relation(made: Json) -> Json:
    found: Json = made["submodelElements"][0]["statements"][-1]
    return found


def test_both_relations_in_one_submodel_are_refused() -> None:
    made = press()
    other = copy.deepcopy(relation(made)) | {"idShort": "Up"}
    other["semanticId"]["keys"][0]["value"] = "https://admin-shell.io/idta/HierarchicalStructures/IsPartOf/1/0"
    made["submodelElements"][0]["statements"].append(other)
    with pytest.raises(BadSubmodel, match=r"is a HasPart and 'EntryNode\.Up' an IsPartOf"):
        edges_of(made)


def test_a_relation_against_the_nesting_is_refused() -> None:
    made = press()
    said = relation(made)
    said["first"], said["second"] = said["second"], said["first"]
    with pytest.raises(BadSubmodel, match="part and whole of"):
        edges_of(made)


def test_a_relation_to_nowhere_names_what_is_missing() -> None:
    made = press()
    relation(made)["second"]["keys"][-1]["value"] = "Motor"
    with pytest.raises(BadSubmodel, match=r"points at 'EntryNode\.Motor', and there is no such node"):
        edges_of(made)


@pytest.mark.parametrize("count", ["0", "-2", "many", "1.5"])
def test_a_count_that_is_none_is_refused(count: str) -> None:
    made = press()
    made["submodelElements"][0]["statements"][0]["statements"][0]["value"] = count
    with pytest.raises(BadSubmodel, match="BulkCount is"):
        edges_of(made)


def test_an_unknown_archetype_is_refused() -> None:
    made = press()
    made["submodelElements"][1]["value"] = "Sideways"
    with pytest.raises(BadSubmodel, match="its ArcheType is 'Sideways'"):
        edges_of(made)


def test_two_parts_of_one_name_are_refused() -> None:
    with pytest.raises(BadSubmodel, match="Two parts of 'EntryNode' are called 'Pump'"):
        press(parts=[Piece(name="Pump"), Piece(name="Pump")])


def test_a_node_says_it_is_the_same_as_one_elsewhere() -> None:
    made = press()
    same = copy.deepcopy(relation(made)) | {"idShort": "Same"}
    same["semanticId"]["keys"][0]["value"] = "https://admin-shell.io/idta/HierarchicalStructures/SameAs/1/0"
    same["first"] = same["second"]
    same["second"] = {
        "type": "ModelReference",
        "keys": [{"type": "Submodel", "value": "urn:bom-2"}, {"type": "Entity", "value": "EntryNode"}],
    }
    made["submodelElements"][0]["statements"].append(same)
    assert same_things(made) == [(f"{ID}#EntryNode.Unit", "urn:bom-2#EntryNode")]
    assert len(edges_of(made)) == 3


def test_twenty_thousand_parts_of_one_whole_are_read() -> None:
    deep = press(parts=[Piece(name="A0")])
    node = deep["submodelElements"][0]["statements"][0]
    wide = [copy.deepcopy(node) | {"idShort": f"A{i}"} for i in range(20_000)]
    deep["submodelElements"][0]["statements"] = wide
    assert len(edges_of(deep)) == 20_000
