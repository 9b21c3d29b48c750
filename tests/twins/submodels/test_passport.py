"""T67: a passport is its metadata and the values of its submodels, for three sorts of people, and a code to scan."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from lineshaft.twins.metamodel import checking as metamodel
from lineshaft.twins.metamodel.forms import value
from lineshaft.twins.submodels import SHELF, BadSubmodel, check, new, template
from lineshaft.twins.submodels.passport import (
    Passport,
    Tier,
    granularity_of,
    metadata_submodel,
    passport_of,
    product_code,
    product_of,
    shown,
)
from lineshaft.twins.submodels.passport.access import _table

Json = dict[str, Any]
PRODUCT = "https://id.example.com/01/04012345678901/21/SN-7"
PASSPORT = Passport(
    id="https://example.com/dpp/7",
    product=PRODUCT,
    operator="BPNL0123456789ZZ",
    updated=datetime(2026, 3, 1, 12, tzinfo=UTC),
)
META = {
    "digitalProductPassportId", "uniqueProductIdentifier", "granularity", "dppSchemaVersion", "dppStatus", "lastUpdate",
    "economicOperatorId", "contentSpecificationIds",
}  # fmt: skip


def battery() -> list[Json]:
    plate = new(
        template("battery_nameplate"),
        "urn:plate",
        values={"SerialNumber": "SN-7", "LifeCycleStage": "original", "ResultsOfTestReportsProvingCompliance[0]": "R1"},
    )
    condition = new(template("battery_condition"), "urn:now", values={"StateOfCharge.StateOfChargeValue": 81.5})
    materials = new(
        template("battery_materials"),
        "urn:stuff",
        values={
            "BatteryMaterials[0].BatteryMaterialName": "Cobalt",
            "BatteryMaterials[0].BatteryMaterialMass": 1200.0,
            "BatteryMaterials[0].IsCriticalRawMaterial": True,
        },
    )
    return [plate, condition, materials]


def seen(tier: Tier) -> Json:
    parts = battery()
    return passport_of(metadata_submodel("urn:dpp", PASSPORT, parts), parts, tier)


PLATE, NOW, STUFF = (template(n).means for n in ("battery_nameplate", "battery_condition", "battery_materials"))


def test_t67_the_passport_is_its_metadata_and_one_member_per_content_equal_to_its_value() -> None:
    parts = battery()
    made = seen(Tier.AUTHORITY)
    assert set(made) == META | {PLATE, NOW, STUFF}
    assert [made[id_] for id_ in made["contentSpecificationIds"]] == [value(one) for one in parts]
    assert (made["granularity"], made["lastUpdate"], made["dppSchemaVersion"]) == (
        "Item",
        "2026-03-01T12:00:00Z",
        "EN18223:2026",
    )


def test_t67_the_metadata_fits_its_template() -> None:
    made = metadata_submodel("urn:dpp", PASSPORT, battery())
    assert check(made, template("passport")) == []
    assert metamodel.check(made) == []
    assert product_of(made) == PRODUCT


def test_t67_three_tiers_see_three_sets_of_members() -> None:
    public, legitimate, authority = (seen(tier) for tier in Tier)
    assert set(public) == META | {PLATE, STUFF}
    assert set(legitimate) == set(authority) == META | {PLATE, NOW, STUFF}
    assert public["contentSpecificationIds"] == [PLATE, STUFF]
    stage, reports = "LifeCycleStage", "ResultsOfTestReportsProvingCompliance"
    assert [stage in one[PLATE] for one in (public, legitimate, authority)] == [False, True, True]
    assert [reports in one[PLATE] for one in (public, legitimate, authority)] == [False, False, True]
    assert public[STUFF]["BatteryMaterials"] == [{"BatteryMaterialName": "Cobalt", "IsCriticalRawMaterial": True}]
    assert legitimate[STUFF]["BatteryMaterials"][0]["BatteryMaterialMass"] == 1200.0


def test_renaming_an_element_does_not_open_it() -> None:
    plate = battery()[0]
    stage = next(one for one in plate["submodelElements"] if one["idShort"] == "LifeCycleStage")
    stage["idShort"] = "Harmless"
    public = shown(plate, Tier.PUBLIC)
    assert public is not None
    assert "Harmless" not in value(public)


def test_what_nobody_decided_on_is_for_authorities_only() -> None:
    plate = battery()[0]
    plate["submodelElements"].append(
        {"modelType": "Property", "idShort": "Margin", "valueType": "xs:double", "value": "0.4"}
    )
    public = shown(plate, Tier.PUBLIC)
    assert public is not None
    assert "Margin" not in value(public)
    assert value(shown(plate, Tier.AUTHORITY) or {})["Margin"] == 0.4
    unknown = {"modelType": "Submodel", "id": "urn:own", "submodelElements": [plate["submodelElements"][0]]}
    assert shown(unknown, Tier.LEGITIMATE) is None


def test_looking_changes_nothing() -> None:
    parts, again = battery(), battery()
    for one in parts:
        shown(one, Tier.PUBLIC)
    assert parts == again


def test_every_rule_names_an_element_that_exists() -> None:
    for name, rules in _table().items():
        assert name in SHELF.plugins
        known = {path.replace("[0]", "[]") for path, _ in template(name).walk()}
        assert set(rules) - {"default"} <= known, name
        assert "default" in rules


def test_a_promised_content_that_is_not_there_is_named() -> None:
    parts = battery()
    with pytest.raises(BadSubmodel, match="promises"):
        passport_of(metadata_submodel("urn:dpp", PASSPORT, parts), parts[:1])


@pytest.mark.parametrize(("kind", "word"), [("Instance", "Item"), ("Type", "Model")])
def test_the_granularity_follows_the_kind_of_the_asset(kind: str, word: str) -> None:
    assert granularity_of({"assetInformation": {"assetKind": kind}}) == word


def test_a_role_has_no_passport() -> None:
    with pytest.raises(BadSubmodel, match="An asset of kind Role has no passport"):
        granularity_of({"assetInformation": {"assetKind": "Role"}})


def modules(svg: str) -> list[list[bool]]:
    """The dark modules of a drawn code, without its quiet zone of four."""
    drawn = ET.fromstring(svg)
    path = drawn.find("{http://www.w3.org/2000/svg}path")
    assert path is not None
    dark, x, y = set(), 0, 0
    for word, one, other in re.findall(r"([Mmh])(-?[\d.]+)(?:[ ,](-?[\d.]+))?", path.get("d", "")):
        if word == "h":
            dark |= {(x + i - 4, y - 4) for i in range(int(one))}
            x += int(one)
        else:
            x = int(float(one)) + (x if word == "m" else 0)
            y = int(float(other)) + (y if word == "m" else 0)
    size = max(column for column, _ in dark) + 1
    return [[(column, row) in dark for column in range(size)] for row in range(size)]


MASKS: list[Callable[[int, int], bool]] = [
    lambda r, c: (r + c) % 2 == 0,
    lambda r, c: r % 2 == 0,
    lambda r, c: c % 3 == 0,
    lambda r, c: (r + c) % 3 == 0,
    lambda r, c: (r // 2 + c // 3) % 2 == 0,
    lambda r, c: r * c % 2 + r * c % 3 == 0,
    lambda r, c: (r * c % 2 + r * c % 3) % 2 == 0,
    lambda r, c: ((r + c) % 2 + r * c % 3) % 2 == 0,
]


def scanned(dark: list[list[bool]]) -> str:
    """What a code of version 4, level M says in byte mode (ISO/IEC 18004, clause 12), without repairing damage."""
    size = 33
    assert len(dark) == size
    mask = MASKS[int("".join(str(int(dark[8][c])) for c in (2, 3, 4)), 2) ^ 0b101]

    def is_pattern(row: int, column: int) -> bool:
        finder = (row < 9 and column < 9) or (row < 9 and column >= size - 8) or (row >= size - 8 and column < 9)
        return finder or 6 in (row, column) or (24 <= row <= 28 and 24 <= column <= 28)

    bits, up = [], True
    for right in (*range(size - 1, 6, -2), *range(5, 0, -2)):
        for row in range(size - 1, -1, -1) if up else range(size):
            pair = [column for column in (right, right - 1) if not is_pattern(row, column)]
            bits += [dark[row][column] ^ mask(row, column) for column in pair]
        up = not up
    words = [int("".join(str(int(bit)) for bit in bits[i : i + 8]), 2) for i in range(0, 64 * 8, 8)]
    stream = "".join(f"{word:08b}" for word in (*words[0::2], *words[1::2]))  # two blocks, interleaved
    assert stream[:4] == "0100"
    length = int(stream[4:12], 2)
    return bytes(int(stream[12 + 8 * i : 20 + 8 * i], 2) for i in range(length)).decode()


def test_t67_the_code_holds_the_identifier_of_the_product() -> None:
    assert scanned(modules(product_code(PRODUCT))) == PRODUCT


@pytest.mark.parametrize("text", ["", "SN-7", "javascript:alert(1)", "https://", "https://e.com/" + "x" * 2000])
def test_an_identifier_nobody_could_open_makes_no_code(text: str) -> None:
    with pytest.raises(BadSubmodel, match="is not a web address"):
        product_code(text)
