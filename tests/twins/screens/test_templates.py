"""Templates that users load, on the screen of a twin: offered, made into forms, checked, unloaded."""

from __future__ import annotations

import orjson
from tests.twins.repository.test_templates import CURVE, curve, packed

from lineshaft.console import Table
from lineshaft.security import Role
from lineshaft.twins import Repository
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.pages.naming import twin_address

from .conftest import ADA, PUMP, Visit, drop, eventually, field, labels, part, parts, person, put, tell_browser, undo

AT = twin_address(PUMP)


async def only_submodel(repository: Repository) -> dict[str, object]:
    shell = orjson.loads((await repository.get(ADA, Kind.SHELL, PUMP)).body)
    (reference,) = shell["submodels"]
    return dict(orjson.loads((await repository.get(ADA, Kind.SUBMODEL, reference["keys"][0]["value"])).body))


async def test_a_loaded_template_is_offered_and_gives_the_form_and_the_checks(
    repository: Repository, visit: Visit
) -> None:
    await put(repository)
    async with visit(AT) as user:
        await user.should_see("Nothing to show", retries=50)
        user.find("Add").click()
        await part(user, Table, "Templates")
        await drop(user, "pump.aasx", packed(curve()))
        loaded = await part(user, Table, "Loaded templates")
        assert [(row["title"], row["mandatory"], row["elements"]) for row in loaded.rows] == [("Pump curve", 6, 8)]
        tell_browser(user, loaded, "row", CURVE)
        await user.should_see("Added Pump curve", retries=50)
        await user.should_see("The template wants these too: Speed", retries=50)
        assert field(user, "Speed").value == ""
        field(user, "Speed").value = "fast"
        user.find("Save").click()
        await user.should_see("Nothing was saved: some values do not fit.", retries=50)
        field(user, "Speed").value = "1450"
        user.find("Save").click()
        await user.should_see("Saved PumpCurve", retries=50)
    made = await only_submodel(repository)
    assert made["administration"] == {"templateId": CURVE}
    assert made["submodelElements"][0] == {  # type: ignore[index]
        "modelType": "Property", "idShort": "Speed", "valueType": "xs:double", "value": "1450",
    }  # fmt: skip
    await repository.change(
        ADA, Kind.SUBMODEL, str(made["id"]), lambda m: m | {"submodelElements": m["submodelElements"][1:]}
    )
    async with visit(AT, language="zh") as user:
        await user.should_see("Speed: the template wants a Property here (One).", retries=50)
        assert (await part(user, Table, "子模型")).rows[0]["template"] == "泵曲线"


async def test_a_loaded_template_is_unloaded_and_its_submodels_stay(repository: Repository, visit: Visit) -> None:
    await put(repository)
    await repository.templates.load(ADA, [orjson.loads(packed(curve(), form="json"))["submodels"][0]])
    async with visit(AT) as user:
        await user.should_see("Nothing to show", retries=50)
        user.find("Add").click()
        tell_browser(user, await part(user, Table, "Loaded templates"), "row", CURVE)
        await user.should_see("Added Pump curve", retries=50)
        user.find("Cancel").click()
        before = await only_submodel(repository)
        user.find("Add").click()
        loaded = await part(user, Table, "Loaded templates")
        tell_browser(user, loaded, "act", {"action": 0, "key": CURVE})
        await user.should_see("Unloaded Pump curve", retries=50)
        assert await repository.templates.all(ADA) == []
        assert await only_submodel(repository) == before
        undo(user)

        async def back() -> bool:
            return [one.id for one in await repository.templates.all(ADA)] == [CURVE]

        await eventually(back)


async def test_a_file_that_holds_no_template_is_told_and_nothing_is_offered(
    repository: Repository, visit: Visit
) -> None:
    await put(repository)
    async with visit(AT) as user:
        await user.should_see("Nothing to show", retries=50)
        user.find("Add").click()
        await part(user, Table, "Templates")
        await drop(user, "pump.aasx", packed(curve(kind="Instance")))
        await user.should_see("The file holds no submodel whose kind is Template.", retries=50)
        assert not [one for one in parts(user, Table) if one.state["label"] == "Loaded templates"]
    async with visit(AT, who=person("olga", Role.OPERATOR)) as user:
        await part(user, Table, "Submodels")
        assert labels(user) == ["AASX"]
