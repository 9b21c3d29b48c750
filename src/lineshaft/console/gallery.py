"""Every part on one page, at /gallery when the console is mounted for development.

It is the reference a page author looks at and what the screenshots are taken of.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from pydantic import BaseModel, SecretStr
from pydantic import Field as Described

from lineshaft.kernel.errors import Invalid, Unavailable
from lineshaft.kernel.terms import Quality, TimeRange

from .actions import button, confirm, dialog, download_button, menu, undo
from .display import badge, code, empty, error_panel, facts, notice, paragraph, picture, progress, value
from .filing import Attached
from .form import Field, form
from .inputs import chips, choice, time_range
from .job import Tell, job
from .layout import columns, heading, row, section, split, stack, tabs, tiles
from .match import Source, Target, match
from .network import Arrow, Node, network
from .registry import page
from .scene import Body, scene
from .steps import Step, wizard
from .synoptic import GROUPS, Sign, palette, synoptic
from .table import Ask, Column, Rows, table
from .tile import Tile, bars, gauge, sparkline, tile
from .timeline import Instant, Lane, Stretch, timeline
from .tree import TreeNode, tree
from .trend import Curve, Line, trend
from .view import View

MACHINES = ("Filler", "Capper", "Labeller", "Palletiser", "Compressor", "Tank 3", "Conveyor 1", "Conveyor 2")
STATES = ("running", "good", "uncertain", "alarm", "lost", "stale", "stopped", "unknown", "starting")


@page("/gallery", title="Gallery", section="Development", icon="palette", order=900)
def gallery(view: View) -> None:
    """All parts, live."""
    heading(
        "Gallery",
        subtitle="Every part of the console, as pages use it",
        status="running",
        actions=lambda: _actions(view),
    )
    tabs({
        "Values": lambda: _values(view),
        "Trends": _trends,
        "Tables": lambda: _tables(view),
        "Forms": lambda: _forms(view),
        "Words": lambda: _words(view),
        "3D": lambda: _bodies(view),
    })  # fmt: skip


@page("/gallery/many", title="Two hundred values", section="Development", icon="apps", order=901)
def many(view: View) -> None:
    """Two hundred tiles with sparklines, all changing every half second."""
    heading("Two hundred values", subtitle="Each changes every half second")
    with tiles(size="small"):
        shown = [tile(f"Value {i + 1}", 100.0, unit="bar", spark=[]) for i in range(200)]

    def move() -> None:
        now = datetime.now(UTC)
        for i, one in enumerate(shown):
            one.set(100 + 10 * math.sin(now.timestamp() + i) + random.gauss(0, 0.5), at=now)

    view.every(0.5, move)


@page("/gallery/symbols", title="Symbols", section="Development", icon="schema", order=902)
def symbol_shelf(view: View) -> None:
    """Every symbol in every state."""
    heading("Symbols", subtitle="Running, stopped, out of range, alarm, lost, unknown")
    looks = ("run", "stop", "warn", "alarm", "lost", "unknown")
    for group, members in palette().items():
        shapes = [s for s in members if s.draw]
        items = [
            {"id": f"{s.name}-{look}", "symbol": s.name, "label": s.title.get(view.language) if not x else "",
             "x": 200 * (i % 8) + (100 if x % 2 else 15), "y": 470 * (i // 8) + 155 * (x // 2) + 15,
             "w": s.size[0] * min(70 / s.size[0], 100 / s.size[1], 1),
             "h": s.size[1] * min(70 / s.size[0], 100 / s.size[1], 1)}
            for i, s in enumerate(shapes) for x, look in enumerate(looks)
        ]  # fmt: skip
        if not items:
            continue
        now = {str(item["id"]): {"state": Sign(look := str(item["id"]).rsplit("-", 1)[1]),
                                 "open": Sign(look), "level": Sign("good", "60", 0.6)} for item in items}  # fmt: skip
        height = 470 * ((len(shapes) + 7) // 8)
        with section(GROUPS.get(group, group), flush=True):
            synoptic({"title": group, "width": 1600, "height": height, "items": items}, now=now)


@page("/gallery/picture", title="Three hundred bound items", section="Development", icon="schema", order=903)
def busy_picture(view: View) -> None:
    """A picture whose 300 items all change every half second."""
    heading("Three hundred bound items", subtitle="Each changes every half second")
    kinds = ("value", "tank", "bar-across", "pump", "trend", "gauge")
    items = [
        {"id": f"i{n}", "symbol": kinds[n % 6], "label": f"V{n}", "bindings": {"value": {"path": f"v{n}"}},
         "x": 80 * (n % 20) + 5, "y": 60 * (n // 20) + 12, "w": 66, "h": 24 if n % 6 in (0, 2) else 34}
        for n in range(300)
    ]  # fmt: skip
    slots = {"tank": "level", "pump": "state"}
    drawn = synoptic({"title": "Busy", "width": 1600, "height": 920, "items": items})

    def move() -> None:
        now: dict[str, dict[str, Sign]] = {}
        for item in items:
            number = 50 + 40 * math.sin(datetime.now(UTC).timestamp() / 7 + hash(item["id"])) + random.gauss(0, 1)
            look = "run" if number > 30 else "stop"
            sign = Sign(look if item["symbol"] == "pump" else "good", f"{number:.1f}", round(number / 100, 3), number)
            now[str(item["id"])] = {slots.get(str(item["symbol"]), "value"): sign}
        drawn.show(now)

    view.every(0.5, move)


def _actions(view: View) -> None:
    button("Ask first", lambda: _ask(view), symbol="help_outline")
    button(
        "Remove Filler",
        lambda: undo("Removed Filler", lambda: view.toast("Filler is back", kind="good")),
        kind="danger",
    )
    button("Add a connection", lambda: _window(view), kind="primary", symbol="add")
    menu("More", [("Rename", _nothing), ("Export", _nothing)])


def _nothing() -> None:
    """Stands for what a page would do."""


async def _ask(view: View) -> None:
    if await confirm("Remove 3 connections?", "Their history stays.", do="Remove", danger=True):
        view.toast("Removed 3 connections", kind="good")


def _window(view: View) -> None:
    with dialog("Rename the filler") as box:

        def save(values: dict[str, Any]) -> None:
            view.toast(f"Renamed to {values['name']}", kind="good")
            box.close()

        form([Field(name="name", label="Name", required=True)], on_submit=save, on_cancel=box.close)


# -- values ---------------------------------------------------------------------------------------


def _values(view: View) -> None:
    with row():
        for state in STATES:
            badge(state)
    with section("Filling line 1", subtitle="Two hundred of these may change every half second"), tiles():
        shown = [
            tile("Speed", 412.0, unit="{bottles}/min", spark=[], low=380, high=430, href="/gallery"),
            tile("Product temperature", 4.2, unit="Cel", spark=[], low=3, high=6),
            tile("Filler pressure", 2.94, unit="bar", quality="uncertain", spark=[], at=datetime.now(UTC)),
            tile("Bearing vibration", 9.6, unit="mm/s", status="alarm", spark=[], low=0, high=7.1),
            tile("Capper torque", 1.84, unit="N.m", status="warning", spark=[]),
            tile("Air pressure", None, unit="bar", quality="lost", at=datetime.now(UTC) - timedelta(minutes=12)),
            tile("State", "Execute", note="PackML"),
            tile("Good bottles", 128_403, unit="{bottles}", note="this shift"),
        ]
        view.every(0.5, lambda: _move(shown))
    with columns(1, 1, 1):
        with section("Limits"):
            gauge("Tank level", 71.0, least=0, most=100, unit="%", low=20, high=80, alarm_low=10, alarm_high=95)
            gauge("Oil temperature", 88.0, least=0, most=100, unit="Cel", low=40, high=80, alarm_high=95)
            gauge("Bearing vibration", 9.6, least=0, most=12, unit="mm/s", low=0, high=4.5, alarm_high=7.1)
        with section("Stops today", subtitle="Minutes lost by reason"):
            bars(
                [("Waiting for bottles", 34.5), ("Label roll", 21.0), ("Jam", 12.4), ("Cleaning", 3.1)],
                unit="min",
                digits=1,
            )
        with section("Details"):
            live = value(71.3, unit="Cel", at=datetime.now(UTC))
            facts([("Maker", "KHS"), ("State", lambda: badge("running")), ("Temperature", live),
                   ("Course", lambda: sparkline([math.sin(i / 4) for i in range(50)]))], narrow=True)  # fmt: skip
    _timeline()
    _network()


def _network() -> None:
    names = ("Pump", "Tank", "Filler", "Cooler", "Line 1", "Hall")
    said = [("Pump", "feeds", "Tank"), ("Tank", "feeds", "Filler"), ("Pump", "is cooled by", "Cooler"),
            ("Pump", "is part of", "Line 1"), ("Filler", "is part of", "Line 1"),
            ("Line 1", "is located in", "Hall")]  # fmt: skip
    with section("Network"):
        network(
            [Node(id=name, label=name, href="/gallery", note=f"acme/{name.lower()}") for name in names],
            [Arrow(source=source, kind=kind, target=target) for source, kind, target in said],
            centre="Pump",
            label="Around the pump",
        )


def _timeline() -> None:
    now = datetime.now(UTC)
    past = [now - timedelta(days=days) for days in (900, 700, 400, 90)]
    with section("Life"):
        timeline(
            [
                Lane(name="Phase", stretches=[Stretch(start=past[0], end=past[1], label="engineering"),
                                              Stretch(start=past[1], label="operation", state="running")]),
                Lane(name="Owner", stretches=[Stretch(start=past[2], label="Beta Ltd")]),
                Lane(name="Maintenance", moments=[Instant(at=past[3], label="new seal", state="running")]),
            ],
            start=past[0], end=now, label="Life",
        )  # fmt: skip


def _move(shown: list[Tile]) -> None:
    now = datetime.now(UTC)
    for i, (one, middle) in enumerate(zip(shown[:5], (412.0, 4.2, 2.94, 9.6, 1.84), strict=True)):
        quality = Quality.UNCERTAIN if i == 2 else Quality.GOOD
        one.set(
            middle * (1 + 0.03 * math.sin(now.timestamp() / 3 + i) + random.gauss(0, 0.004)), quality=quality, at=now
        )


# -- trends -----------------------------------------------------------------------------------------


def _trends() -> None:
    lines = [
        Line(id="acme/line-1/filler/speed", name="Speed", unit="{bottles}/min"),
        Line(id="acme/line-1/filler/temperature", name="Temperature", unit="Cel"),
        Line(id="acme/line-1/filler/pressure", name="Pressure", unit="bar"),
    ]
    with section(flush=False):
        with row(spread=True):
            choice({"mean": "Mean", "max": "Maximum", "last": "Last"}, "mean", label="Aggregate")
            picker = time_range(lambda p: chart.show(timedelta(seconds=p.state["last"]) if p.live else p.range))
        chart = trend(lines, load=_course, last=timedelta(hours=1), on_range=picker.set)
    with section("One line with its normal band"):
        trend([lines[1]], load=_course, live=False, height="small")


async def _course(span: TimeRange, points: int) -> Mapping[str, Curve]:
    await asyncio.sleep(0.02)
    ts = np.linspace(span.start.timestamp(), span.end.timestamp(), min(points, 600))
    curves: dict[str, Curve] = {}
    for name, middle, period in (("speed", 410.0, 900), ("temperature", 4.4, 700), ("pressure", 3.0, 400)):
        wave = np.sin(ts / period) + 0.3 * np.sin(ts / 37.0) + 0.1 * np.sin(ts * 1.7)
        mean = middle * (1 + 0.05 * wave)
        phase = (ts % 3600) / 3600
        quality = np.where((phase > 0.55) & (phase < 0.62), 0x40, 0).astype(np.uint8)
        if name == "pressure":
            quality = np.where((phase > 0.2) & (phase < 0.27), 0x80, quality).astype(np.uint8)
            mean = np.where((phase > 0.2) & (phase < 0.27), np.nan, mean)
        if name == "speed":
            mean = np.where((phase > 0.8) & (phase < 0.84), np.nan, mean)
        spread = middle * 0.012 * (1.2 + np.cos(ts / 50))
        curves[f"acme/line-1/filler/{name}"] = Curve(
            ts=(ts * 1e6).astype(np.int64), mean=mean, low=mean - spread, high=mean + spread, quality=quality
        )
    return curves


# -- tables and trees ---------------------------------------------------------------------------------


def _tables(view: View) -> None:
    kinds = [
        Column("name", "Name"),
        Column("state", "State", kind="status"),
        Column("rate", "Rate", unit="1/s", digits=1),
        Column("seen", "Last value", kind="ago"),
        Column("stored", "Stored", kind="bytes", phone=False),
        Column("address", "Address", kind="code", phone=False),
    ]
    rows = [
        {"id": name, "name": name, "state": STATES[i % len(STATES)], "rate": 100.0 + 31 * i, "stored": 10.0**i * 3,
         "seen": datetime.now(UTC) - timedelta(seconds=3**i), "address": f"opc.tcp://10.0.0.{i}:4840"}
        for i, name in enumerate(MACHINES)
    ]  # fmt: skip
    left, right = split(start=0.3)
    with left, section("Plant"):
        plant = tree(_branches, on_select=lambda node: view.toast(node), label="Plant", selected="line-1")
    with right:
        with section("Connections", flush=True):
            shown = table(kinds, rows, href=lambda r: f"/gallery?id={r['id']}", sort="name", selectable=True,
                          actions=[("edit", "Edit", lambda r: view.toast(r["name"]))], label="Connections")  # fmt: skip
        with section("Audit", subtitle="Loaded page by page", flush=True):
            table([Column("when", "When"), Column("who", "Who"), Column("what", "What")], load=_audit)
        with section("Users", flush=True):
            table([Column("name", "Name")], empty=("No users yet", "Invite your first colleague."), filterable=False)

    def change() -> None:
        shown.change_many({name: {"rate": random.uniform(50, 400), "seen": datetime.now(UTC)} for name in MACHINES[:4]})
        plant.change("filler", note=f"{random.uniform(400, 420):.0f} 1/min")

    view.every(0.5, change)


async def _branches(parent: str | None) -> list[TreeNode]:
    await asyncio.sleep(0.05)
    match parent:
        case None:
            return [TreeNode(id="acme", label="Acme", symbol="business", children=True, open=True)]
        case "acme":
            return [TreeNode(id="line-1", label="Filling line 1", symbol="linear_scale", children=True, open=True),
                    TreeNode(id="line-2", label="Filling line 2", children=True, status="lost")]  # fmt: skip
        case "line-1":
            return [TreeNode(id=m.lower(), label=m, symbol="memory", status=STATES[i], note="412 1/min")
                    for i, m in enumerate(MACHINES[:6])]  # fmt: skip
        case _:
            raise Unavailable("The PLC at 10.0.0.7 does not answer.", hint="Check the cable and try again.")


async def _audit(ask: Ask) -> Rows:
    await asyncio.sleep(0.05)
    start = int(ask.after or 0)
    rows = [{"id": i, "when": f"2026-03-04 {i % 24:02}:00:00", "who": "ana", "what": f"changed tag {i}"}
            for i in range(start, min(start + 5, 20)) if ask.filter in f"changed tag {i}"]  # fmt: skip
    return Rows(rows=rows, next=str(start + 5) if start + 5 < 20 else None)


# -- forms ----------------------------------------------------------------------------------------------


class Example(BaseModel):
    """Settings of a Modbus machine."""

    host: str = Described(description="Name or address of the machine.")
    port: int = Described(default=502, ge=1, le=65535)
    transport: str = "tcp"
    password: SecretStr = Described(default=SecretStr(""), description="Leave empty to keep the saved one.")
    timeout_s: float = Described(default=5.0, gt=0)
    every: timedelta = Described(default=timedelta(seconds=1), description="How often values are read.")
    swap_words: bool = False


def _forms(view: View) -> None:
    with columns(1, 1):
        with section("Connection", subtitle="From a pydantic model"):
            form(
                Example, values={"host": ""}, on_submit=_save, advanced=["timeout_s", "swap_words"], on_cancel=_nothing
            )
        with stack():
            with section("Add a machine"):
                host = Field(name="host", label="Host", help="Name or address of the machine.")
                wizard(
                    [
                        Step("Machine", lambda: form([host])),
                        Step("Tags", lambda: tree(_branches, ticks=True)),
                        Step("Check", lambda: paragraph("All values are good.")),
                    ],
                    on_finish=lambda: view.toast("Connection saved", kind="good"),
                )
            with section("Nameplate", subtitle="Dates, and texts in several languages"):
                form(
                    [
                        Field(name="name", label="Name", kind="texts", value={"en": "Pump", "zh": "泵"}, required=True),
                        Field(name="made", label="Made on", kind="date", value="2026-03-04"),
                        Field(name="logo", label="Logo", kind="file", value=Attached(name="logo.svg", load=_logo)),
                    ]
                )
                menu("Add an element", [("Serial number", _nothing), ("Country", _nothing)], symbol="add", named=True)
            with section("Put one onto the other"):
                match(
                    [Source(id="rpm", label="acme/line-1/pump/rpm", note="1480")],
                    [Target(id="Speed", label="Speed"), Target(id="Flow", label="Flow", bound="flow", changed=True)],
                    on_match=lambda source, target: view.toast(f"{source} on {target}"),
                    on_free=view.toast,
                )
            with section("Filters"):
                chips(["running", "stopped", "lost"], ["running"])
                progress(0.42, "4,200 of 10,000 rows")
                progress(None, "Waiting for the machine")
                job("Compute", _compute, symbol="play_arrow")


async def _logo() -> bytes:
    return b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 3"><circle cx="2" cy="1.5" r="1"/></svg>'


async def _compute(tell: Tell) -> None:
    for step in range(1, 51):
        await asyncio.sleep(0.1)
        tell(step / 50)


async def _save(values: dict[str, Any]) -> None:
    await asyncio.sleep(0.3)
    if values["host"] == "plc":
        raise Invalid("There is no machine at plc:502.", hint="Check the address.", field="host")


# -- three dimensions -----------------------------------------------------------------------------------


FORMS = ("tank", "drum", "belt", "carousel", "box", "gate", "robot", "post")


def _bodies(view: View) -> None:
    names = dict(zip(MACHINES, FORMS, strict=True))
    bodies = [Body(id=n, label=n, form=form, x=3.4 * i, width=2.4) for i, (n, form) in enumerate(names.items())]
    with section("Every form", subtitle="Colour is only for what is the matter"):
        pairs = list(itertools.pairwise(MACHINES))
        drawn = scene(bodies, flows=pairs, on_pick=lambda part: view.toast(part), label="Every form")
    drawn.paint(dict(zip(MACHINES, STATES, strict=False)))


# -- words ----------------------------------------------------------------------------------------------


def _words(view: View) -> None:
    notice("info", "The demo plant is made of simulated machines.", hint="Values are computed, not measured.")
    notice(
        "warn",
        "Storage is 91 % full.",
        hint="Shorten the retention of raw samples.",
        actions=lambda: button("Settings"),
    )
    silent = Unavailable("The PLC at 10.0.0.7:502 does not answer.", hint="Check the cable.", cause="Errno 111")
    error_panel(silent, retry=lambda: view.toast("Trying"))
    with columns(1, 1):
        with section():
            empty("No connections yet", "Connect your first machine to see its values here.",
                  action=lambda: button("Connect a machine", kind="primary"), symbol="cable")  # fmt: skip
        with section("Code to scan"):
            squares = "".join(f'<rect x="{i * 7 % 40}" y="{i * 11 % 40}" width="4" height="4"/>' for i in range(30))
            picture(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 44 44">{squares}</svg>', "A drawing")
        with section("Configuration"):
            code('[[edge.modbus]]\nhost = "10.0.0.7"\nport = 502\n', title="plant.toml")
            download_button("Download", lambda: "a,b\n1,2\n", "values.csv")
