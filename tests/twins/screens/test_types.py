"""Types on screen: found, looked at, and made into twins; those of vendors too."""

from __future__ import annotations

import orjson

from lineshaft.console import Table
from lineshaft.twins import Repository, Twins
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.pages.naming import twin_address
from lineshaft.twins.submodels import new, new_shell, template

from .conftest import ADA, EVE, HALL, Visit, eventually, field, labels, part, tell_browser, undo, until

LINE = "acme/berlin/line-1"
VENDOR = "urn:vendor:type:filler-9"


async def vendor_type(repository: Repository) -> None:
    plate = new(template("nameplate"), "urn:vendor:plate", values={"ManufacturerName": "Vendor"})
    shell = new_shell(VENDOR, "urn:vendor:filler-9", submodels=[plate]) | {"idShort": "Filler9"}
    shell["assetInformation"]["assetKind"] = "Type"
    await repository.create(ADA, Kind.SHELL, shell, place=HALL)
    await repository.create(ADA, Kind.SUBMODEL, plate, place=HALL)


async def test_a_filler_is_found_looked_at_and_made_a_twin_of(visit: Visit, twins: Twins) -> None:
    async with visit("/types") as user:
        types = await part(user, Table, "Types")
        await until(lambda: any(row["title"] == "Filler" for row in types.rows))
        tell_browser(user, types, "row", "filler")
        shown = await part(user, Table, "Filler")
        assert "Machine speed" in [row["title"] for row in shown.rows]
        user.find("Make a twin").click()
        await user.should_see("Make a twin of Filler", retries=50)
        field(user, "place").value = LINE
        field(user, "name").value = "filler-2"
        user.find("Make the twin").click()
        await eventually(lambda: twins.find(ADA, f"{LINE}/filler-2"))
        assert (await twins.get(ADA, f"{LINE}/filler-2")).draft.type == "filler"
        await user.should_see("Made Filler 2", retries=50)
        undo(user)

        async def retired() -> bool:
            return await twins.find(ADA, f"{LINE}/filler-2") is None

        await eventually(retired)


async def test_a_vendors_type_becomes_a_twin_with_submodels_of_its_own(visit: Visit, repository: Repository) -> None:
    await vendor_type(repository)
    async with visit("/types?tab=vendors") as user:
        shown = await part(user, Table, "From vendors")
        await until(lambda: [row["name"] for row in shown.rows] == ["Filler9"])
        tell_browser(user, shown, "act", {"action": 0, "key": VENDOR})
        await user.should_see("Make a twin of Filler9", retries=50)
        field(user, "place").value = LINE
        field(user, "name").value = "Filler A"
        field(user, "asset").value = "urn:acme:filler-a"
        user.find("Make the twin").click()
        await user.should_see("Made Filler A", retries=50)
    shells = [one for one in (await repository.page(ADA, Kind.SHELL)).documents if one.id != VENDOR]
    made = orjson.loads(shells[0].body)
    assert made["derivedFrom"]["keys"][0]["value"] == VENDOR
    assert made["assetInformation"] == {"assetKind": "Instance", "globalAssetId": "urn:acme:filler-a"}
    [reference] = made["submodels"]
    plate = await repository.get(ADA, Kind.SUBMODEL, reference["keys"][0]["value"])
    assert (plate.id != "urn:vendor:plate", plate.place) == (True, f"{LINE}/Nameplate")
    assert twin_address(shells[0].id)


async def test_viewers_look_at_types_and_make_none(visit: Visit) -> None:
    async with visit("/types", who=EVE) as user:
        types = await part(user, Table, "Types")
        await until(lambda: types.rows)
        tell_browser(user, types, "row", "filler")
        await part(user, Table, "Filler")
        assert "Make a twin" not in labels(user)
