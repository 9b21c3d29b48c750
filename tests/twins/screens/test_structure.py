"""Structure of a twin on screen: parts with counts, where it is used, all of it, and cycles by name."""

from __future__ import annotations

from lineshaft.console import Table, Tree
from lineshaft.twins import Repository
from lineshaft.twins.pages.naming import twin_address
from lineshaft.twins.submodels.bill_of_materials import Archetype, Piece, build

from .conftest import PUMP, PUMP_ASSET, Visit, part, put, tell_browser, until

MOTOR, MOTOR_ASSET = "urn:acme:shell:motor", "urn:acme:motor-9"
SCREWS = Piece(name="Screw", asset="urn:acme:screw-m8", count=4)
DOWN = Archetype.ONE_DOWN


async def test_parts_are_a_tree_with_counts_and_all_of_them_add_up(repository: Repository, visit: Visit) -> None:
    motor = Piece(name="Motor", asset=MOTOR_ASSET, count=2)
    await put(repository, build("urn:acme:bom", PUMP_ASSET, [motor, SCREWS], archetype=DOWN))
    await put(repository, build("urn:acme:bom-motor", MOTOR_ASSET, [SCREWS], archetype=DOWN),
              shell=MOTOR, asset=MOTOR_ASSET)  # fmt: skip
    async with visit(twin_address(PUMP, "structure")) as user:
        shown = await part(user, Tree, "Parts")
        await until(lambda: shown.state["roots"])
        nodes = shown.state["nodes"]
        assert sorted((node["note"], node["children"]) for node in nodes.values()) == [("× 2", True), ("× 4", False)]
        top = next(one for one in nodes if one.endswith(MOTOR_ASSET))
        assert nodes[top]["href"] == twin_address(MOTOR, "structure")
        tell_browser(user, shown, "open", top)
        await until(lambda: top in shown.state["branches"])
        totals = await part(user, Table, "All parts")
        assert {row["asset"]: row["quantity"] for row in totals.rows} == {MOTOR_ASSET: 2, "urn:acme:screw-m8": 12}
    async with visit(twin_address(MOTOR, "structure")) as user:
        wholes = await part(user, Table, "Used in")
        assert [(row["asset"], row["quantity"]) for row in wholes.rows] == [(PUMP_ASSET, 2)]


async def test_a_thing_that_holds_itself_is_named_with_the_way_around(repository: Repository, visit: Visit) -> None:
    for n, (one, other) in enumerate([(PUMP_ASSET, MOTOR_ASSET), (MOTOR_ASSET, PUMP_ASSET)]):
        made = build(f"urn:acme:bom-{n}", one, [Piece(name="Part", asset=other)], archetype=DOWN)
        await put(repository, made, shell=(PUMP, MOTOR)[n], asset=one)
    async with visit(twin_address(PUMP, "structure")) as user:
        await user.should_see("is a part of itself", retries=50)
        await user.should_see("Take one of these parts out of its whole.")


async def test_a_thing_without_a_bill_says_so(repository: Repository, visit: Visit) -> None:
    await put(repository)
    async with visit(twin_address(PUMP, "structure")) as user:
        await user.should_see("No parts", retries=50)
