"""The twins screen: found by words, in the tree, and in a picture that can be asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from nicegui.testing.user import User

from lineshaft.console import Choice, Network, Table, Tree
from lineshaft.console.actions import Button
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM, Role
from lineshaft.twins import Projection, Repository, Twins
from lineshaft.twins.model.shell import shell_id
from lineshaft.twins.pages.naming import twin_address
from lineshaft.twins.pages.relating import graph_address

from .conftest import ADA, PUMP, Visit, field, part, parts, person, put, tell_browser, until

LINE = "acme/berlin/line-1"
Tell = Callable[..., Awaitable[int]]


def sensor(number: int) -> str:
    return f"{LINE}/s{number}"


@pytest.fixture
async def shells(twins: Twins, projection: Projection, repository: Repository, tell: Tell) -> dict[str, str]:
    """Three sensors of a line, of which two are warm now and one cools another; by their paths."""
    for n in range(3):
        await twins.from_template(PLATFORM, "sensor", PlantPath(sensor(n)))
    await projection.all()
    await tell({f"{sensor(n)}/temperature": 40.0 + 10 * n for n in range(3)})
    await repository.relations.add(ADA, sensor(0), "cools", sensor(1))
    found = await twins.list_(PLATFORM)
    return {str(one.path): shell_id(one.id) for one in found}


async def test_words_narrow_the_list_to_what_is_called_so(visit: Visit, shells: dict[str, str]) -> None:
    async with visit("/twins") as user:
        table = await part(user, Table, "Shells")
        await until(lambda: len(table.rows) == 6)
        tell_browser(user, table, "want", {"filter": "sensor s1", "sort": "", "descending": False})
        await until(lambda: [row["id"] for row in table.rows] == [shells[sensor(1)]])


async def test_the_tree_leads_to_the_screens_of_twins(visit: Visit, shells: dict[str, str]) -> None:
    async with visit("/twins?tab=tree") as user:
        tree = await part(user, Tree, "Plant")
        await until(lambda: LINE in tree.state["nodes"])
        assert tree.state["nodes"][LINE]["href"] == twin_address(shells[LINE])


def arrows(drawn: Network) -> set[tuple[str, str, str]]:
    names = {node["id"]: node["label"] for node in drawn.state["nodes"]}
    return {(names[one["source"]], one["kind"], names[one["target"]]) for one in drawn.state["arrows"]}


async def picture(user: User, label: str) -> Network:
    found: Network = await part(user, Network, label)
    return found


def ask(user: User) -> None:
    user.find(kind=Button, content="Ask").click()


async def test_a_picture_shows_what_is_around_a_twin_and_leads_there(visit: Visit, shells: dict[str, str]) -> None:
    async with visit(graph_address(shells[sensor(0)])) as user:
        drawn = await picture(user, "Around S0")
        said = {("S0", "cools", "S1"), ("Line 1", "is part of", "Berlin")}
        assert arrows(drawn) == said | {(f"S{n}", "is part of", "Line 1") for n in range(3)}
        first = drawn.state["nodes"][0]
        assert (first["label"], first["note"], first["href"], drawn.state["centre"]) == (
            "S0", sensor(0), twin_address(shells[sensor(0)]), first["id"]
        )  # fmt: skip
        follow = next(one for one in parts(user, Choice) if one.state["label"] == "Follow")
        assert [one["label"] for one in follow.state["options"]] == [
            "feeds", "is part of", "is located in", "was produced by", "cools"
        ]  # fmt: skip
        tell_browser(user, follow, "choose", ["cools"])
        await until(lambda: arrows(newest(user)) == {("S0", "cools", "S1")})


def newest(user: User) -> Network:
    found: Network = parts(user, Network)[-1]
    return found


async def test_a_picture_of_many_is_cut_and_says_so(
    visit: Visit, shells: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lineshaft.twins.pages.graph.DRAWN", 3)
    async with visit(graph_address(shells[LINE])) as user:
        await user.should_see("The nearest 3 are drawn; 3 more are left out.", retries=50)
        assert len(newest(user).state["nodes"]) == 3


async def test_a_question_answers_with_what_machines_say_now(visit: Visit, shells: dict[str, str], tell: Tell) -> None:
    async with visit(graph_address(shells[LINE])) as user:
        await picture(user, "Around Line 1")
        for name, value in {"property": "temperature", "value": "45", "type": "sensor"}.items():
            field(user, name).value = value
        ask(user)
        table = await part(user, Table, "Matches")
        await until(lambda: len(table.rows) == 2)
        assert sorted((row["name"], row["value"], row["hops"]) for row in table.rows) == [
            ("S1", "50", 1),
            ("S2", "60", 1),
        ]
        await tell({f"{sensor(0)}/temperature": 99.0, f"{sensor(2)}/temperature": 20.0})
        ask(user)
        await until(lambda: sorted(row["name"] for row in parts(user, Table)[-1].rows) == ["S0", "S1"])


async def test_nobody_sees_more_in_the_picture_than_elsewhere(visit: Visit, shells: dict[str, str]) -> None:
    hal = person("hal", Role.VIEWER, sensor(0))
    async with visit(graph_address(shells[sensor(0)]), who=hal) as user:
        drawn = await picture(user, "Around S0")
        hidden = [node for node in drawn.state["nodes"] if not node["href"]]
        assert len(drawn.state["nodes"]) == 2
        assert [node["note"] for node in hidden] == ["Not kept here, or not yours to see"]
        assert "S1" not in hidden[0]["label"]


async def test_a_plant_without_twins_says_what_to_do(visit: Visit, repository: Repository) -> None:
    async with visit("/twins?tab=graph", who=person("vic", Role.VIEWER, "nowhere")) as user:
        await user.should_see("No twins yet", retries=50)
    await put(repository)
    async with visit("/twins?tab=graph", who=person("eva", Role.VIEWER, "acme/hall")) as user:
        await until(lambda: parts(user, Network))
        assert [node["href"] for node in newest(user).state["nodes"]] == [twin_address(PUMP)]
