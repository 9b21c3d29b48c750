"""A twin that was only just made: every tab has something true to show, and nothing fails for want of a past."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from lineshaft.console import Match, Table, Timeline
from lineshaft.kernel.clock import now_us
from lineshaft.twins import Repository
from lineshaft.twins.model.record import Entry, Happening
from lineshaft.twins.pages.naming import twin_address
from lineshaft.twins.submodels import new, template

from .conftest import HALL, PUMP, Visit, part, parts, put, until

Tell = Callable[..., Awaitable[int]]


@pytest.fixture(autouse=True)
async def made(repository: Repository) -> None:
    """A pump with a nameplate, of which only its making is known."""
    await put(repository, new(template("nameplate"), "urn:acme:plate", values={"SerialNumber": "4711"}))
    created = Entry(fact="twin:1", kind=Happening.CREATED, at_us=now_us(), by="ada", now=HALL)
    await repository.records.tell(PUMP, HALL, [created])


async def test_its_life_has_lanes_for_what_is_known(visit: Visit) -> None:
    async with visit(f"{twin_address(PUMP)}?tab=life") as user:
        table = await part(user, Table, "Entries")
        await until(lambda: len(table.rows) == 1)
        (drawn,) = parts(user, Timeline)
        assert {row["name"] for row in drawn.state["rows"]} - {"Phase"} == {"Place", "Changes"}
        assert [one["label"] for row in drawn.state["rows"] if row["name"] == "Place" for one in row["stretches"]] == [
            HALL
        ]


async def test_what_the_platform_writes_is_not_bound_and_own_tags_come_first(visit: Visit, tell: Tell) -> None:
    await tell({"acme/attic/fan/speed": 1.0, f"{HALL}/pump/speed": 2.0})
    async with visit(twin_address(PUMP, "binding")) as user:
        shown = await part(user, Match, "Properties")
        assert {one["id"].split("\n")[0] for one in shown.state["targets"]} == {"urn:acme:plate"}
        nearest = [f"{HALL}/pump/speed", "acme/attic/fan/speed"]
        assert [one["id"] for one in shown.state["sources"]] == nearest
