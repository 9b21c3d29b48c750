"""Editing a submodel on screen: fields of the template, both of two engineers, what is missing, undo."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest
from nicegui.testing.user import User

from lineshaft.console import Table, Tree
from lineshaft.security import Role
from lineshaft.twins import Repository
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.pages.naming import twin_address
from lineshaft.twins.submodels import catalogue, check, grave, new, template

from .conftest import (
    ADA,
    EVE,
    HALL,
    LIN,
    PUMP,
    Visit,
    eventually,
    field,
    labels,
    part,
    person,
    press_entry,
    put,
    tell_browser,
    undo,
    until,
)

PLATE = "urn:acme:plate"
AT = twin_address(PUMP)
Tell = Callable[..., Awaitable[int]]


@pytest.fixture
async def plate(repository: Repository) -> None:
    values = {"ManufacturerName": {"en": "Acme", "zh": "安可美"}, "SerialNumber": "4711"}
    await put(repository, new(template("nameplate"), PLATE, values=values, include=["DateOfManufacture"]))


async def content(repository: Repository, id_: str = PLATE) -> dict[str, Any]:
    return dict(orjson.loads((await repository.get(ADA, Kind.SUBMODEL, id_)).body))


async def said(repository: Repository, name: str) -> Any:
    elements = (await content(repository))["submodelElements"]
    return next((one.get("value") for one in elements if one["idShort"] == name), None)


async def edit(user: User) -> None:
    await user.should_see("Edit", retries=50)
    user.find("Edit").click()
    await until(lambda: any("field-SerialNumber" in e._markers for e in user.client.elements.values()))


async def test_a_form_shows_the_elements_of_the_template_in_the_language_of_the_viewer(
    plate: None, visit: Visit
) -> None:
    async with visit(AT) as user:
        await edit(user)
        await user.should_see("Serial number")
        await user.should_see("Number of this one piece, unique at its maker")
        assert field(user, "SerialNumber").value == "4711"
        assert (field(user, "ManufacturerName-en").value, field(user, "ManufacturerName-zh").value) == (
            "Acme",
            "安可美",
        )
        await user.should_see("The template wants these too: URI of the product", retries=5)
    async with visit(AT, language="zh") as user:
        await user.should_see("编辑", retries=50)
        user.find("编辑").click()
        await user.should_see("该件产品在制造商处的唯一序列号", retries=50)


async def test_what_is_entered_is_saved_with_its_types_and_can_be_taken_back(
    plate: None, visit: Visit, repository: Repository
) -> None:
    before = await content(repository)
    async with visit(AT) as user:
        await edit(user)
        field(user, "SerialNumber").value = "4712"
        field(user, "ManufacturerName-zh").value = "安可美公司"
        field(user, "DateOfManufacture").value = "2026-03-04"
        user.find("Save").click()
        await user.should_see("Saved Nameplate", retries=50)
        assert await said(repository, "SerialNumber") == "4712"
        assert await said(repository, "DateOfManufacture") == "2026-03-04"
        assert await said(repository, "ManufacturerName") == [
            {"language": "en", "text": "Acme"}, {"language": "zh", "text": "安可美公司"}
        ]  # fmt: skip
        undo(user)

        async def as_before() -> bool:
            return await content(repository) == before

        await eventually(as_before)


async def test_a_value_that_does_not_fit_is_told_below_its_field_and_nothing_is_written(
    plate: None, visit: Visit, repository: Repository
) -> None:
    before = (await repository.get(ADA, Kind.SUBMODEL, PLATE)).version
    async with visit(AT) as user:
        await edit(user)
        field(user, "DateOfManufacture").value = "yesterday"
        field(user, "SerialNumber").value = "9"
        user.find("Save").click()
        await user.should_see("Enter a date such as 2026-05-01.", retries=50)
        assert field(user, "SerialNumber").value == "9"
    assert (await repository.get(ADA, Kind.SUBMODEL, PLATE)).version == before


async def test_two_engineers_who_change_different_elements_both_get_what_they_wrote(
    plate: None, visit: Visit, repository: Repository
) -> None:
    def by_lin(document: dict[str, Any]) -> dict[str, Any]:
        next(e for e in document["submodelElements"] if e["idShort"] == "DateOfManufacture")["value"] = "2026-01-02"
        return document

    async with visit(AT) as user:
        await edit(user)
        await repository.change(LIN, Kind.SUBMODEL, PLATE, by_lin)
        field(user, "SerialNumber").value = "4712"
        user.find("Save").click()
        await user.should_see("what others changed meanwhile is kept too", retries=50)
    assert (await said(repository, "SerialNumber"), await said(repository, "DateOfManufacture")) == (
        "4712",
        "2026-01-02",
    )


async def test_the_second_of_two_engineers_is_told_loses_nothing_and_may_overrule(
    plate: None, visit: Visit, repository: Repository
) -> None:
    def by_lin(document: dict[str, Any]) -> dict[str, Any]:
        for name, value in (("SerialNumber", "L-1"), ("DateOfManufacture", "2026-01-02")):
            next(e for e in document["submodelElements"] if e["idShort"] == name)["value"] = value
        return document

    async with visit(AT) as user:
        await edit(user)
        await repository.change(LIN, Kind.SUBMODEL, PLATE, by_lin)
        field(user, "SerialNumber").value = "A-1"
        field(user, "ManufacturerName-en").value = "Acme Ltd"
        user.find("Save").click()
        await user.should_see("lin changed the same meanwhile; nothing was saved.", retries=50)
        await user.should_see("lin wrote here: L-1")
        assert await said(repository, "SerialNumber") == "L-1"
        assert (field(user, "SerialNumber").value, field(user, "ManufacturerName-en").value) == ("A-1", "Acme Ltd")
        assert field(user, "DateOfManufacture").value == "2026-01-02", "what only lin changed is hers"
        user.find("Save").click()

        async def overruled() -> bool:
            return await said(repository, "SerialNumber") == "A-1"

        await eventually(overruled)
    assert await said(repository, "DateOfManufacture") == "2026-01-02"


async def test_elements_are_added_as_the_template_allows_and_taken_out_unless_it_needs_them(
    plate: None, visit: Visit, repository: Repository
) -> None:
    async with visit(AT) as user:
        await edit(user)
        press_entry(user, "Markings")
        await until(lambda: any("field-Markings[0].MarkingName" in e._markers for e in user.client.elements.values()))
        field(user, "Markings[0].MarkingName").value = "CE"
        user.find("Save").click()
        await user.should_see("Saved Nameplate", retries=50)
    made = await content(repository)
    marks = next(e for e in made["submodelElements"] if e["idShort"] == "Markings")
    assert [one["value"] for one in marks["value"][0]["value"] if one["idShort"] == "MarkingName"] == ["CE"]
    assert grave(check(made, template("nameplate"))) == []


async def test_a_submodel_is_added_from_each_template_and_the_twin_carries_it(
    repository: Repository, visit: Visit
) -> None:
    await put(repository)
    assert len(catalogue()) == 18
    async with visit(AT) as user:
        await user.should_see("Nothing to show", retries=50)
        user.find("Add").click()
        templates = await part(user, Table, "Templates")
        assert len(templates.rows) == 18
        tell_browser(user, templates, "row", "technical_data")
        await user.should_see("Added", retries=50)
        shell = orjson.loads((await repository.get(ADA, Kind.SHELL, PUMP)).body)
        [reference] = shell["submodels"]
        made = await content(repository, reference["keys"][0]["value"])
        assert (made["idShort"], made["kind"]) == (template("technical_data").id_short, "Instance")
        assert (await repository.get(ADA, Kind.SUBMODEL, made["id"])).place == HALL.child(made["idShort"])
        undo(user)

        async def gone() -> bool:
            return "submodels" not in orjson.loads((await repository.get(ADA, Kind.SHELL, PUMP)).body)

        await eventually(gone)
        assert (await repository.page(ADA, Kind.SUBMODEL)).documents == ()


async def test_viewers_are_offered_nothing_to_change(plate: None, visit: Visit) -> None:
    async with visit(AT, who=EVE) as user:
        await part(user, Table, "Submodels")
        await part(user, Tree, "Nameplate")
        assert labels(user) == ["AASX"]


async def test_a_live_value_does_not_stand_in_the_way_of_saving_nor_is_it_written(
    repository: Repository, visit: Visit, tell: Tell
) -> None:
    made = new(template("nameplate"), PLATE, values={"SerialNumber": "1", "HardwareVersion": "1"})
    bound = next(e for e in made["submodelElements"] if e["idShort"] == "HardwareVersion")
    bound.pop("value")
    bound["extensions"] = [{"name": "series", "valueType": "xs:string", "value": "acme/hall/version"}]
    await put(repository, made)
    await tell({"acme/hall/version": "2"})
    async with visit(AT) as user:
        await edit(user)
        await tell({"acme/hall/version": "3"})
        field(user, "SerialNumber").value = "2"
        user.find("Save").click()
        await user.should_see("Saved Nameplate", retries=50)
        await user.should_not_see("what others changed meanwhile")
    assert await said(repository, "HardwareVersion") == "3"
    feed = await repository.feed(person("root", Role.ADMIN))
    stored = orjson.loads(feed[-1].body or b"{}")
    assert "value" not in next(e for e in stored["submodelElements"] if e["idShort"] == "HardwareVersion")
