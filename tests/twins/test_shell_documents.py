"""Twins of the tree as documents of the Asset Administration Shell."""

from __future__ import annotations

import aas_core3_1.jsonization as jsonization
import aas_core3_1.verification as verification
import pytest

from lineshaft.kernel.terms import Kind, PlantPath
from lineshaft.twins.model import Draft, Level, Property, Twin, points_of
from lineshaft.twins.model.shell import asset_id, id_short, operational_data, shell_id, shell_of, structure

FILLER = "0193f2c0a1b24c3d8e9fa0b1c2d3e4f5"
VALVE = "0193f2c0a1b24c3d8e9fa0b1c2d3e4f6"


def twin(path: str, id_: str, *properties: Property, level: Level = Level.ASSET) -> Twin:
    draft = Draft(path=PlantPath(path), level=level, title={"en": "Filler", "zh": "灌装机"}, properties=properties)
    return Twin(id=id_, draft=draft, points=points_of(draft, None))


SPEED = Property(name="speed", unit="{bottles}/min", title={"en": "Speed", "zh": "速度"})
TWIN = twin(
    "acme/hall/filler",
    FILLER,
    SPEED,
    Property(name="bad.cap", kind=Kind.BOOLEAN),
    Property(name="7", kind=Kind.TEXT),
    Property(name="bad cap", kind=Kind.INTEGER),
)


def test_every_document_keeps_the_rules_of_the_metamodel() -> None:
    child = twin("acme/hall/filler/valve", VALVE, level=Level.COMPONENT)
    shell = jsonization.asset_administration_shell_from_jsonable(shell_of(TWIN))
    submodels = [
        jsonization.submodel_from_jsonable(d)
        for d in (operational_data(TWIN), structure(TWIN, [child]), structure(TWIN, []), operational_data(child))
    ]
    for thing in (shell, *submodels):
        assert [str(e.cause) for e in verification.verify(thing)] == []


def test_a_property_says_its_unit_and_where_its_values_come_from() -> None:
    [speed, *_] = operational_data(TWIN)["submodelElements"]
    assert speed["valueType"] == "xs:double"
    assert speed["extensions"] == [{"name": "series", "valueType": "xs:string", "value": "acme/hall/filler/speed"}]
    [unit] = speed["embeddedDataSpecifications"]
    assert unit["dataSpecificationContent"]["unit"] == "{bottles}/min"
    assert "value" not in speed


def test_names_that_become_alike_stay_apart() -> None:
    names = [e["idShort"] for e in operational_data(TWIN)["submodelElements"]]
    assert names == ["speed", "bad_cap", "n7", "bad_cap_2"]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("speed", "speed"), ("line-1", "line-1"), ("x", "x_0"), ("1", "n1"), ("速度", "ne9809fe5baa6"), ("a b", "a_b")],
)
def test_any_name_becomes_an_id_short(name: str, wanted: str) -> None:
    assert id_short(name) == wanted


def test_a_shell_is_found_by_its_place_and_stays_itself_when_it_moves() -> None:
    shell = shell_of(TWIN)
    moved = shell_of(twin("acme/yard/filler", FILLER))
    links = shell["assetInformation"]["specificAssetIds"]
    assert links == [{"name": "plantPath", "value": "acme/hall/filler"}]
    assert shell["id"] == moved["id"] == shell_id(FILLER)
    assert moved["assetInformation"]["globalAssetId"] == asset_id(FILLER)
    assert [s["keys"][0]["value"] for s in shell["submodels"]] == [s["keys"][0]["value"] for s in moved["submodels"]]


def test_the_structure_names_the_assets_right_below() -> None:
    child = twin("acme/hall/filler/valve", VALVE, level=Level.COMPONENT)
    kind, entry = structure(TWIN, [child])["submodelElements"]
    assert kind["value"] == "OneDown"
    assert entry["globalAssetId"] == asset_id(FILLER)
    part, relation = entry["statements"]
    assert (part["idShort"], part["globalAssetId"]) == ("valve", asset_id(VALVE))
    assert [k["value"] for k in relation["second"]["keys"][1:]] == ["EntryNode", "valve"]
