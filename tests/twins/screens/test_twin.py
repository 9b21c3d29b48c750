"""The screen of one twin: tabs, submodels with values as they are, and who sees what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from lineshaft.console import Table, Tree
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Role
from lineshaft.twins import Draft, Level, Projection, Repository, Twins
from lineshaft.twins.model.shell import shell_id
from lineshaft.twins.pages.naming import twin_address
from lineshaft.twins.submodels import new, template

from .conftest import ADA, PUMP, Visit, part, person, put, tell_browser, until

FILLER = "acme/berlin/line-1/filler"


async def test_a_machine_shows_its_submodels_with_values_as_they_are(
    twins: Twins, projection: Projection, visit: Visit, tell: Callable[..., Awaitable[int]]
) -> None:
    made = await twins.create(ADA, Draft(path=PlantPath(FILLER), level=Level.ASSET, type="filler"))
    await projection.all()
    await tell({f"{FILLER}/speed": 180.0})
    async with visit(twin_address(shell_id(made.id))) as user:
        shown = await part(user, Tree, "Operating data")
        await until(lambda: shown.state["nodes"].get("speed", {}).get("note") == "180 items/min")
        await tell({f"{FILLER}/speed": 90.0})
        await until(lambda: shown.state["nodes"]["speed"]["note"] == "90 items/min")
        tell_browser(
            user, await part(user, Table, "Submodels"), "row", (await part(user, Table, "Submodels")).rows[1]["id"]
        )
        await part(user, Tree, "Structure")


async def test_submodels_are_named_with_the_template_they_follow(repository: Repository, visit: Visit) -> None:
    await put(repository, new(template("nameplate"), "urn:acme:plate"))
    async with visit(twin_address(PUMP), language="zh") as user:
        [row] = (await part(user, Table, "子模型")).rows
        assert (row["name"], row["template"]) == (template("nameplate").title["zh"],) * 2


async def test_who_may_see_nothing_of_a_twin_is_told_that_there_is_none(repository: Repository, visit: Visit) -> None:
    await put(repository)
    async with visit(twin_address(PUMP), who=person("vic", Role.VIEWER, "other")) as user:
        await user.should_see("There is no shell", retries=50)
