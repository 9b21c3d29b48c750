"""Parts: what they show, what they send when values change, what they call back."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from nicegui.testing import User
from pydantic import BaseModel, SecretStr
from pydantic import Field as Described

from lineshaft.console import (
    Ask,
    Choice,
    Column,
    Field,
    Form,
    Rows,
    Step,
    Table,
    Tile,
    Tree,
    TreeNode,
    View,
    badge,
    button,
    chips,
    choice,
    code,
    confirm,
    empty,
    error_panel,
    facts,
    fields_of,
    form,
    heading,
    notice,
    paragraph,
    progress,
    section,
    table,
    tabs,
    tile,
    tiles,
    tree,
    undo,
    value,
    wizard,
)
from lineshaft.console.live import GATHER_S
from lineshaft.kernel.errors import Conflict, Invalid, Unavailable
from lineshaft.kernel.terms import Quality

from .conftest import Show

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def sent(user: User) -> list[list[Any]]:
    """Collects the live patches a page sends from now on."""
    patches: list[list[Any]] = []
    original = user.client.run_javascript

    def record(script: str, **options: Any) -> Any:
        found = re.fullmatch(r"lineshaft\.live\((.*)\)", script)
        if found:
            patches.append(json.loads(found[1]))
        return original(script, **options)

    user.client.run_javascript = record
    return patches


async def settle() -> None:
    await asyncio.sleep(GATHER_S * 3)


async def test_a_tile_shows_value_unit_quality_and_sends_only_what_differs(show: Show) -> None:
    made: list[Tile] = []
    async with show(lambda view: made.append(tile("Oil", 71.31, unit="Cel", digits=1, at=NOON))) as user:
        await user.should_see("71.3")
        await user.should_see("°C")
        patches = sent(user)
        made[0].set(71.34, at=NOON)
        await settle()
        assert patches == []
        made[0].set(72.0, quality=Quality.UNCERTAIN_SENSOR, at=NOON)
        await settle()
        assert patches == [[[made[0].id, {"value": "72.0", "look": "warn", "label": "Uncertain"}]]]


async def test_two_hundred_tiles_changing_at_once_are_one_message(show: Show) -> None:
    made: list[Tile] = []
    async with show(lambda view: made.extend(tile(f"T{i}", 0.0) for i in range(200))) as user:
        patches = sent(user)
        for i, one in enumerate(made):
            one.set(float(i + 1))
            one.set(float(i + 2))
        await settle()
    assert len(patches) == 1
    assert len(patches[0]) == 200
    assert patches[0][5][1] == {"value": "7.00"}


async def test_a_sparkline_grows_by_points_of_new_times_only(show: Show) -> None:
    made: list[Tile] = []
    async with show(lambda view: made.append(tile("T", spark=[]))) as user:
        patches = sent(user)
        made[0].set(1.0, at=NOON)
        made[0].set(1.0, at=NOON)
        made[0].set(None, quality="bad", at=NOON + timedelta(seconds=1))
        await settle()
    assert made[0].state["spark"] == [1.0, None]
    assert patches[0][0][1]["points"] == [[0, 1.0], [1, None]]


async def test_values_and_badges_change_in_place(show: Show) -> None:
    def draw(view: View) -> None:
        pump = value(False)
        state = badge("stopped")
        facts([("Maker", "KHS"), ("Pump", pump), ("State", state), ("Link", lambda: badge("lost", "Gone"))])
        bar = progress(None, "Waiting")
        pump.set(True)
        state.set("running")
        bar.set(0.5, "5 of 10")

    async with show(draw, language="zh") as user:
        for seen in ("KHS", "开", "运行", "Gone", "5 of 10"):
            await user.should_see(seen)


async def test_words_on_a_page(show: Show) -> None:
    def draw(view: View) -> None:
        heading("Filler", subtitle="Line 1", status="alarm")
        with section("Health", subtitle="of all"), tiles(size="small"):
            paragraph("Fine")
        notice("warn", "Disk is filling.", hint="Remove something.", cause="statvfs")
        error_panel(Unavailable("The PLC does not answer.", hint="Check the cable.", cause="Errno 111"))
        empty("Nothing", "Add something", action=lambda: button("Add"))
        code("a = 1", title="x.toml")

    async with show(draw) as user:
        words = "Filler|Line 1|Alarm|Health|of all|Fine|Disk is filling.|Remove something.|statvfs"
        errors = "The PLC does not answer.|Check the cable.|Errno 111|Add something|a = 1"
        for seen in f"{words}|{errors}".split("|"):
            await user.should_see(seen)


async def test_a_handler_that_fails_tells_sentence_and_hint(show: Show) -> None:
    async def save() -> None:
        raise Conflict("Someone else changed this.", hint="Load it again.")

    async with show(lambda view: button("Save", save)) as user:
        user.find("Save").click()
        await user.should_see("Someone else changed this.")
        await user.should_see("Load it again.")


async def test_a_defaulted_argument_of_a_handler_is_its_own(show: Show) -> None:
    got: list[str] = []

    def draw(view: View) -> None:
        for name in ("a", "b"):
            button(f"Take {name}", lambda name=name: got.append(name))

    async with show(draw) as user:
        user.find("Take b").click()
        await settle()
    assert got == ["b"]


async def test_confirm_answers_and_undo_calls_back(show: Show) -> None:
    done: list[str] = []

    async def remove() -> None:
        if await confirm("Remove it?", "History stays.", do="Remove now", danger=True):
            done.append("removed")
            undo("Removed it", lambda: done.append("restored"))

    async with show(lambda view: button("Remove", remove)) as user:
        user.find("Remove").click()
        await user.should_see("History stays.")
        user.find("Cancel").click()
        await settle()
        assert done == []
        user.find("Remove").click()
        await user.should_see("Remove now")
        user.find("Remove now").click()
        await user.should_see("Removed it")
        user.find("Removed it").trigger("act")
        await settle()
    assert done == ["removed", "restored"]


async def test_tabs_draw_a_panel_when_first_opened(show: Show) -> None:
    drawn: list[str] = []

    async def trend() -> None:
        drawn.append("trend")
        paragraph("The trend")

    async with show(lambda view: tabs({"Now": lambda: paragraph("The present"), "Trend": trend})) as user:
        await user.should_see("The present")
        assert drawn == []
        user.find("Trend").click()
        await user.should_see("The trend")
        await user.should_not_see("The present")
        user.find("Now").click()
        await user.should_see("The present")
        user.find("Trend").click()
        await user.should_see("The trend")
    assert drawn == ["trend"]


# -- tables -------------------------------------------------------------------------------------------

COLUMNS = [
    Column("name", "Name"),
    Column("state", "State", kind="status"),
    Column("rate", "Rate", unit="1/s", digits=1),
    Column("size", "Size", kind="bytes"),
    Column("took", "Took", kind="duration"),
    Column("when", "When"),
    Column("on", "On", kind="bool"),
]
TOOK = timedelta(minutes=3, seconds=20)
ROW = {"id": 7, "name": "PLC", "state": "lost", "rate": 4.25, "size": 3_200_000, "took": TOOK, "when": NOON, "on": True}


def texts(made: Table) -> list[list[str]]:
    return [[cell["t"] for cell in row["cells"].values()] for row in made.state["rows"]]


async def test_a_table_writes_cells_for_people_in_the_viewers_zone(show: Show) -> None:
    made: list[Table] = []
    async with show(lambda view: made.append(table(COLUMNS, [ROW])), timezone="Asia/Shanghai") as user:
        await user.should_see("PLC")
        assert texts(made[0]) == [["PLC", "Lost", "4.2\u00a01/s", "3.2 MB", "3 min 20 s", "2026-03-04 20:00:00", "On"]]


async def test_changing_cells_sends_only_those_that_differ_merged_per_row(show: Show) -> None:
    made: list[Table] = []
    rows = [{"id": str(i), "name": f"M{i}", "state": "good", "rate": 1.0} for i in range(50)]
    async with show(lambda view: made.append(table(COLUMNS[:3], rows))) as user:
        patches = sent(user)
        made[0].change("3", rate=1.0, state="good")
        made[0].change("missing", rate=5.0)
        made[0].change("3", rate=2.0)
        made[0].change_many({"3": {"state": "alarm"}, "4": {"rate": 9.0}})
        await settle()
        assert made[0].rows[3] == {"id": "3", "name": "M3", "state": "alarm", "rate": 2.0}
    three = {"rate": {"t": "2.0\u00a01/s", "s": 2.0}, "state": {"t": "Alarm", "s": "alarm", "l": "alarm"}}
    assert patches == [[[made[0].id, {"cells": {"3": three, "4": {"rate": {"t": "9.0\u00a01/s", "s": 9.0}}}}]]]


async def test_rows_can_be_added_replaced_removed_opened_and_acted_on(show: Show) -> None:
    made: list[Table] = []
    got: list[Any] = []

    def draw(view: View) -> None:
        made.append(
            table(COLUMNS[:1], [{"id": "a", "name": "A"}], on_row=lambda r: got.append(r["id"]),
                  actions=[("edit", "Edit", lambda r: got.append(f"edit {r['id']}"))], selectable=True)
        )  # fmt: skip

    async with show(draw) as user:
        made[0].add([{"id": "b", "name": "B"}, {"id": "a", "name": "A2"}])
        assert texts(made[0]) == [["A2"], ["B"]]
        user.find(kind=Table).trigger("row", "b")
        user.find(kind=Table).trigger("act", {"key": "a", "action": 0})
        user.find(kind=Table).trigger("select", ["b"])
        await settle()
        assert got == ["b", "edit a"]
        assert made[0].selected == ["b"]
        made[0].remove("a")
        assert texts(made[0]) == [["B"]]


async def test_a_loaded_table_asks_for_more_and_for_what_the_viewer_filters(show: Show) -> None:
    asked: list[Ask] = []

    async def load(ask: Ask) -> Rows:
        asked.append(ask)
        start = int(ask.after or 0)
        return Rows(rows=[{"id": i, "name": f"row {ask.filter}{i}"} for i in range(start, start + 2)],
                    next=str(start + 2) if start < 4 else None)  # fmt: skip

    made: list[Table] = []
    async with show(lambda view: made.append(table(COLUMNS[:1], load=load))) as user:
        await user.should_see("row 1")
        user.find(kind=Table).trigger("more")
        await user.should_see("row 3")
        assert texts(made[0]) == [["row 0"], ["row 1"], ["row 2"], ["row 3"]]
        assert made[0].state["more"] is True
        user.find(kind=Table).trigger("want", {"filter": "x", "sort": "name", "descending": True})
        await user.should_see("row x1")
        assert texts(made[0]) == [["row x0"], ["row x1"]]
    assert asked == [Ask(), Ask(after="2"), Ask(filter="x", sort="name", descending=True)]


# -- trees --------------------------------------------------------------------------------------------


async def test_a_tree_loads_branches_when_opened_and_names_one_that_fails(show: Show) -> None:
    asked: list[str | None] = []

    async def load(parent: str | None) -> list[TreeNode]:
        asked.append(parent)
        if parent == "plc":
            raise Unavailable("The PLC does not answer.")
        if parent is None:
            return [TreeNode(id="acme", label="Acme", children=True, open=True)]
        return [
            TreeNode(id="plc", label="PLC", children=True, status="running"),
            TreeNode(id="x", label="X", status="lost"),
        ]

    made: list[Tree] = []
    picked: list[Any] = []
    async with show(
        lambda view: made.append(tree(load, on_select=picked.append, ticks=True, on_tick=picked.append))
    ) as user:
        await user.should_see("PLC")
        assert asked == [None, "acme"]
        assert made[0].state["nodes"]["plc"]["look"] == ""
        assert made[0].state["nodes"]["x"]["look"] == "lost"
        user.find(kind=Tree).trigger("open", "plc")
        await user.should_see("The PLC does not answer.")
        assert "plc" in made[0].state["failed"]
        user.find(kind=Tree).trigger("select", "x")
        user.find(kind=Tree).trigger("tick", ["x"])
        await settle()
        assert (made[0].selected, made[0].ticked, picked) == ("x", ["x"], ["x", ["x"]])
        patches = sent(user)
        made[0].change("x", note="4 bar", status="lost")
        made[0].change("gone", note="?")
        await settle()
        ((identity, changes),) = patches[0]
        assert identity == made[0].id
        assert changes["put"]["x"]["note"] == "4 bar"
        assert len(patches) == 1


# -- forms --------------------------------------------------------------------------------------------


class Machine(BaseModel):
    """A machine."""

    host: str = Described(min_length=2, description="Name or address.")
    port: int = Described(default=502, ge=1, le=65535)
    password: SecretStr = SecretStr("saved")
    every: timedelta = timedelta(seconds=90)
    tags: list[str] = []


async def test_a_form_of_a_model_checks_and_hands_over_plain_values(show: Show) -> None:
    got: list[dict[str, Any]] = []
    made: list[Form] = []

    def draw(view: View) -> None:
        made.append(form(Machine, on_submit=got.append, submit="Keep", advanced=["every"]))

    async with show(draw) as user:
        await user.should_see("Name or address.")
        assert made[0].values["every"] == timedelta(seconds=90)
        user.find("Keep").click()
        await user.should_see("This is needed.")
        user.find(marker="field-host").type("p")
        user.find(marker="field-port").clear()
        user.find(marker="field-port").type("70000")
        user.find("Keep").click()
        await user.should_see("Enter at least 2 characters.")
        await user.should_see("Enter 65535 or less.")
        assert got == []
        user.find(marker="field-host").type("lc")
        made[0].set(port=503, every=timedelta(minutes=2), tags=["a", "b"])
        user.find("Keep").click()
        await settle()
        await user.should_not_see("Enter at least 2 characters.")
    assert got == [{"host": "plc", "port": 503, "every": timedelta(minutes=2), "tags": ["a", "b"]}]


async def test_an_invalid_of_the_service_lands_below_its_field_others_below_the_form(show: Show) -> None:
    def refuse(values: dict[str, Any]) -> None:
        field = "name" if values["name"] == "taken" else "elsewhere"
        raise Invalid("That name is taken.", hint="Choose another.", field=field)

    made: list[Form] = []
    async with show(lambda view: made.append(form([Field(name="name", label="Name")], on_submit=refuse))) as user:
        user.find(marker="field-name").type("taken")
        user.find("Save").click()
        await user.should_see("That name is taken. Choose another.")
        assert not [e for e in user.client.elements.values() if type(e).__name__ == "Toast"]
        user.find(marker="field-name").type("!")
        user.find("Save").click()
        await settle()
        assert (made[0]._problems["name"]._text, made[0]._whole._text) == ("", "That name is taken. Choose another.")
        assert not [e for e in user.client.elements.values() if type(e).__name__ == "Toast"]


@pytest.mark.parametrize(
    ("typed", "span"),
    [("10 s", timedelta(seconds=10)), ("5min", timedelta(minutes=5)), ("250 ms", timedelta(milliseconds=250)),
     ("2", timedelta(seconds=2)), ("1,5 h", timedelta(minutes=90)), ("soon", "soon")],
)  # fmt: skip
async def test_spans_are_read_the_way_people_write_them(show: Show, typed: str, span: object) -> None:
    made: list[Form] = []
    async with show(lambda view: made.append(form([Field(name="every", label="Every", kind="duration")]))) as user:
        user.find(marker="field-every").type(typed)
        assert made[0].values == {"every": span}


async def test_fields_come_from_types_names_and_descriptions(show: Show) -> None:
    got: list[Field] = []
    async with show(lambda view: got.extend(fields_of(Machine, only=["host", "port", "password"]))):
        pass
    assert [(f.name, f.label, f.kind, f.required, f.help) for f in got] == [
        ("host", "Host", "text", True, "Name or address."),
        ("port", "Port", "integer", False, ""),
        ("password", "Password", "secret", False, ""),
    ]


async def test_a_wizard_goes_on_when_a_step_is_right_and_keeps_what_was_entered(show: Show) -> None:
    fine = [False]
    finished: list[str] = []

    async def check() -> bool:
        return fine[0]

    def draw(view: View) -> None:
        steps = [
            Step("One", lambda: paragraph("First"), check=check),
            Step("Two", lambda: paragraph("Second"), again=True),
        ]
        wizard(steps, on_finish=lambda: finished.append("done"), finish="Save all")

    async with show(draw) as user:
        await user.should_see("First")
        user.find("Next").click()
        await settle()
        await user.should_not_see("Second")
        fine[0] = True
        user.find("Next").click()
        await user.should_see("Second")
        await user.should_not_see("First")
        user.find("Back").click()
        await user.should_see("First")
        user.find("Next").click()
        await user.should_see("Save all")
        user.find("Save all").click()
        await settle()
    assert finished == ["done"]


async def test_choices_call_back_with_what_is_chosen(show: Show) -> None:
    got: list[Any] = []
    made: list[Choice] = []

    def draw(view: View) -> None:
        made.append(choice({"mean": "Mean", "max": "Maximum"}, "mean", got.append))
        made.append(chips(["a", "b"], ["a"], got.append))

    async with show(draw) as user:
        await user.should_see("Maximum")
        made[0].set("mean")
        for part, chosen in zip(made, (["max"], ["a", "b"]), strict=True):
            for listener in part._event_listeners.values():
                user.client.handle_event({"id": part.id, "listener_id": listener.id, "args": [json.dumps(chosen)]})
        await settle()
        assert (made[0].value, made[1].value) == ("max", ["a", "b"])
    assert got == ["max", ["a", "b"]]


async def test_the_open_tab_stands_in_the_address_and_is_found_again(show: Show) -> None:
    seen: list[View] = []

    def draw(view: View, tab: str = "", filter: str = "") -> None:  # noqa: A002 (a word of the address)
        seen.append(view)
        panels = {"Now": lambda: paragraph("The present"), "Trend": lambda: paragraph("The course")}
        tabs(panels, names=["now", "trend"], selected=tab)

    async with show(draw) as user:
        await user.open("/part?filter=a/b,c")
        await user.should_see("The present")
        user.find("Trend").click()
        await user.should_see("The course")
        assert seen[-1].address == "/part?filter=a/b,c&tab=trend"
        seen[-1].reload()
        await asyncio.sleep(0.1)
        await user.should_see("The course")
        await user.should_not_see("The present")
        await user.open("/part?tab=nonsense")
        await user.should_see("The present")


async def test_a_deed_is_not_begun_again_while_it_runs_and_its_button_looks_busy(
    show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lineshaft.console.actions.PATIENCE_S", 0.02)
    release, begun = asyncio.Event(), []
    made: list[Any] = []

    async def save() -> None:
        begun.append(1)
        await release.wait()

    async with show(lambda view: made.append(button("Keep", save))) as user:
        user.find("Keep").click()
        user.find("Keep").click()
        await asyncio.sleep(0.1)
        assert (len(begun), made[0].props.get("aria-busy")) == (1, "true")
        release.set()
        await asyncio.sleep(0.05)
        assert "aria-busy" not in made[0].props
        user.find("Keep").click()
        await asyncio.sleep(0.05)
        assert len(begun) == 2


async def test_a_branch_that_stands_alone_opens_by_itself_and_ticks_can_be_set(show: Show) -> None:
    below = {None: ["acme"], "acme": ["berlin"], "berlin": ["line-1", "line-2"]}

    async def load(parent: str | None) -> list[TreeNode]:
        return [TreeNode(id=name, label=name, children=name in below) for name in below[parent]]

    made: list[Tree] = []
    async with show(lambda view: made.append(tree(load, ticks=True, ticked=["line-2"]))) as user:
        await user.should_see("line-1")
        nodes = made[0].state["nodes"]
        assert {name: nodes[name]["open"] for name in nodes} == {
            "acme": True, "berlin": True, "line-1": False, "line-2": False,
        }  # fmt: skip
        assert made[0].ticked == ["line-2"]
        made[0].tick(["line-1"])
        assert made[0].ticked == ["line-1"]


async def test_a_whole_number_is_not_rounded_and_nested_models_are_left_alone(show: Show) -> None:
    class Rule(BaseModel):
        topic: str

    class Link(BaseModel):
        port: int = 502
        rules: tuple[Rule, ...] = ()

    made: list[Form] = []
    names: list[str] = []

    def draw(view: View) -> None:
        names.extend(f.name for f in fields_of(Link))
        made.append(form([Field(name="port", label="Port", kind="integer", value=502)]))

    async with show(draw) as user:
        user.find(marker="field-port").clear()
        user.find(marker="field-port").type("127.001")
        with user:
            assert made[0].check() is None
        await user.should_see("Enter a whole number.")
        user.find(marker="field-port").clear()
        user.find(marker="field-port").type("503")
        with user:
            assert made[0].check() == {"port": 503}
    assert names == ["port"]


async def test_a_model_judges_a_form_of_its_fields_and_of_others_beside_them(show: Show) -> None:
    made: list[Form] = []

    def draw(view: View) -> None:
        fields = [Field(name="name", label="Name"), *fields_of(Machine, only=["host", "port"])]
        made.append(form(fields, values={"host": "plc"}, model=Machine))

    async with show(draw) as user:
        user.find(marker="field-name").type("filler")
        user.find(marker="field-port").clear()
        user.find(marker="field-port").type("70000")
        with user:
            assert made[0].check() is None
        await user.should_see("Enter 65535 or less.")
        with user:
            made[0].set(port=503)
            assert made[0].check() == {"name": "filler", "host": "plc", "port": 503}
            made[0].refuse(Invalid("Two faults.", fields={"host": "There is no such machine.", "": "Nothing fits."}))
        await user.should_see("There is no such machine.")
        await user.should_see("Nothing fits.")


async def test_a_conflict_offers_to_load_again(show: Show) -> None:
    drawn: list[int] = []

    def save() -> None:
        raise Conflict("The filler is at version 4 by now.", hint="Load it again.")

    def draw(view: View) -> None:
        drawn.append(1)
        button("Keep", save)

    async with show(draw) as user:
        user.find("Keep").click()
        await user.should_see("The filler is at version 4 by now.")
        toast = next(e for e in user.client.elements.values() if type(e).__name__ == "Toast")
        assert toast.state["action"] == "Load again"
        fire(toast, "act")
        await asyncio.sleep(0.1)
        assert len(drawn) == 2


def fire(part: Any, name: str) -> None:
    for listener in part._event_listeners.values():
        if listener.type == name:
            part.client.handle_event({"id": part.id, "listener_id": listener.id, "args": [json.dumps(None)]})
