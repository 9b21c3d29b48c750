"""Binding properties to tags on screen: values before saving, saved together, undone, rights kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from lineshaft.console import Match
from lineshaft.twins import Repository
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.pages.naming import twin_address
from lineshaft.twins.submodels import new, template

from .conftest import ADA, EVE, PUMP, Visit, eventually, part, put, tell_browser, undo, until

AT = twin_address(PUMP, "binding")
PLATE = "urn:acme:plate"
KEY = f"{PLATE}\nSerialNumber"
TAG = "acme/hall/pump/serial"
Tell = Callable[..., Awaitable[int]]


async def serial(repository: Repository) -> dict[str, Any]:
    elements = orjson.loads((await repository.get(ADA, Kind.SUBMODEL, PLATE)).body)["submodelElements"]
    return dict(next(one for one in elements if one["idShort"] == "SerialNumber"))


async def plated(repository: Repository) -> None:
    await put(repository, new(template("nameplate"), PLATE, values={"SerialNumber": "4711"}))


def target(shown: Match) -> dict[str, Any]:
    return next(one for one in shown.state["targets"] if one["id"] == KEY)


async def test_a_tag_put_on_a_property_shows_its_value_before_it_is_saved_and_is_undone(
    repository: Repository, visit: Visit, tell: Tell
) -> None:
    await plated(repository)
    await tell({TAG: 12.5})
    async with visit(AT) as user:
        shown = await part(user, Match, "Properties")
        assert [(one["id"], one["note"]) for one in shown.state["sources"]] == [(TAG, "12.50")]
        assert target(shown)["bound"] == ""
        tell_browser(user, shown, "match", {"source": TAG, "target": KEY})
        await until(lambda: target(shown)["bound"] == TAG)
        assert (target(shown)["note"], target(shown)["changed"]) == ("12.50", True)
        assert "extensions" not in await serial(repository), "nothing is written before it is saved"
        await tell({TAG: 13.5})
        await until(lambda: target(shown)["note"] == "13.50")
        user.find("Save").click()
        await user.should_see("Bound 1 properties", retries=50)
        assert (await serial(repository))["value"] == "13.5"
        assert not target(shown)["changed"]
        undo(user)

        async def free() -> bool:
            found = await serial(repository)
            return "extensions" not in found and found["value"] == "4711"

        await eventually(free)


async def test_taking_a_tag_off_leaves_the_value_that_was_entered(
    repository: Repository, visit: Visit, tell: Tell
) -> None:
    await plated(repository)
    await tell({TAG: 12.5})
    async with visit(AT) as user:
        shown = await part(user, Match, "Properties")
        tell_browser(user, shown, "match", {"source": TAG, "target": KEY})
        await until(lambda: target(shown)["changed"])
        tell_browser(user, shown, "free", KEY)
        await until(lambda: target(shown)["bound"] == "")
        assert not target(shown)["changed"], "back to what is saved"


async def test_tags_of_others_are_neither_offered_nor_taken(repository: Repository, visit: Visit, tell: Tell) -> None:
    await plated(repository)
    await tell({TAG: 1.0, "other/hall/secret": 2.0})
    async with visit(AT) as user:
        shown = await part(user, Match, "Properties")
        assert [one["id"] for one in shown.state["sources"]] == [TAG]
        tell_browser(user, shown, "match", {"source": "other/hall/secret", "target": KEY})
        await until(lambda: target(shown)["changed"])
        user.find("Save").click()
        await user.should_see("ada has no role on other/hall/secret", retries=50)
    assert "extensions" not in await serial(repository)


async def test_viewers_have_no_tab_to_bind(repository: Repository, visit: Visit) -> None:
    await plated(repository)
    async with visit(AT, who=EVE) as user:
        await user.should_see("Submodels", retries=50)
        await user.should_not_see("Live values")
