"""Trends: what is fetched for which range, what reaches the browser, when the present moves in."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from nicegui.testing import User

from lineshaft.console import Curve, Line, RangePicker, Trend, View, time_range, trend
from lineshaft.kernel.terms import Quality, TimeRange

from .conftest import Show

START = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR = TimeRange(start=START, end=START + timedelta(hours=1))
MICROS = int(START.timestamp() * 1e6)


def calls(user: User) -> list[tuple[str, Any]]:
    """Methods run in the browser from now on, with their arguments."""
    found: list[tuple[str, Any]] = []
    original = user.client.run_javascript

    def record(script: str, **options: Any) -> Any:
        call = re.fullmatch(r'return runMethod\(\d+, "(\w+)", (.*)\)', script)
        if call:
            found.append((call[1], json.loads(call[2])))
        return original(script, **options)

    user.client.run_javascript = record
    return found


def fire(user: User, part: Any, name: str, value: Any) -> None:
    for listener in part._event_listeners.values():
        if listener.type == name:
            user.client.handle_event({"id": part.id, "listener_id": listener.id, "args": [json.dumps(value)]})


def curve() -> Curve:
    return Curve(
        ts=np.array([MICROS, MICROS + 1_000_000, MICROS + 2_000_000]),
        mean=np.array([1.0, np.nan, 3.0]),
        low=[0.5, np.nan, 2.5],
        high=[1.5, np.nan, 3.5],
        quality=np.array([Quality.GOOD, Quality.BAD_NO_DATA, Quality.UNCERTAIN_TIME], dtype=np.uint8),
    )


async def test_columns_reach_the_browser_in_milliseconds_with_gaps_and_grades(show: Show) -> None:
    made: list[Trend] = []
    async with show(lambda view: made.append(trend([Line(id="a", name="A", unit="Cel")]))) as user:
        ran = calls(user)
        made[0].put({"a": curve()})
        await asyncio.sleep(0.05)
        times = [MICROS / 1000, MICROS / 1000 + 1000, MICROS / 1000 + 2000]
        columns = {"t": times, "v": [1.0, None, 3.0], "lo": [0.5, None, 2.5], "hi": [1.5, None, 3.5], "q": [0, 2, 1]}
        assert ran == [("put", [{"a": columns}])]
        assert made[0].state["lines"][0]["unit"] == "°C"


async def test_times_may_be_arrow_or_numpy_timestamps_and_good_quality_is_not_sent(show: Show) -> None:
    made: list[Trend] = []
    async with show(lambda view: made.append(trend([Line(id="a", name="A")]))) as user:
        ran = calls(user)
        ts = np.array(["2026-03-04T12:00:00"], dtype="datetime64[ns]")
        made[0].append({"a": Curve(ts=ts, mean=[2], quality=np.zeros(1, dtype=np.uint8))})
        await asyncio.sleep(0.05)
        assert ran == [("append", [{"a": {"t": [MICROS / 1000], "v": [2.0]}}])]


async def test_zooming_fetches_the_visible_range_and_tells_the_page(show: Show) -> None:
    asked: list[tuple[TimeRange, int]] = []
    seen: list[TimeRange] = []

    async def load(span: TimeRange, points: int) -> Mapping[str, Curve]:
        asked.append((span, points))
        return {"a": curve()}

    made: list[Trend] = []

    def draw(view: View) -> None:
        made.append(trend([Line(id="a", name="A")], load=load, live=False, on_range=seen.append))

    async with show(draw) as user:
        await asyncio.sleep(0.1)
        assert len(asked) == 1
        assert asked[0][0].span == timedelta(hours=1)
        ran = calls(user)
        span = {"start": START.timestamp() * 1000, "end": HOUR.end.timestamp() * 1000, "live": False}
        fire(user, made[0], "zoom", span)
        await asyncio.sleep(0.1)
    assert asked[1] == (HOUR, 1000)
    assert seen == [HOUR]
    assert made[0].range == HOUR
    assert [name for name, _ in ran] == ["put"]


async def test_an_answer_that_comes_after_a_newer_question_is_dropped(show: Show) -> None:
    release = asyncio.Event()
    turn = 0

    async def load(span: TimeRange, points: int) -> Mapping[str, Curve]:
        nonlocal turn
        turn += 1
        mine = turn
        if mine == 1:
            await release.wait()
        return {"a": Curve(ts=[MICROS], mean=[mine])}

    made: list[Trend] = []
    async with show(lambda view: made.append(trend([Line(id="a", name="A")], load=load, live=False))) as user:
        ran = calls(user)
        await made[0].show(HOUR)
        release.set()
        await asyncio.sleep(0.1)
    assert [arguments[0]["a"]["v"] for name, arguments in ran if name == "put"] == [[2.0]]


async def test_the_present_moves_in_only_while_the_viewer_follows_it(show: Show) -> None:
    asked: list[TimeRange] = []

    async def load(span: TimeRange, points: int) -> Mapping[str, Curve]:
        asked.append(span)
        return {"a": Curve(ts=[MICROS], mean=[1])}

    made: list[Trend] = []

    seen: list[object] = []

    def draw(view: View) -> None:
        minute = timedelta(minutes=1)
        made.append(trend([Line(id="a", name="A")], load=load, last=minute, refresh_s=0.2, on_range=seen.append))

    async with show(draw) as user:
        await asyncio.sleep(1.5)
        assert len(asked) >= 2
        assert asked[-1].end > asked[0].end
        fire(user, made[0], "live", False)
        await asyncio.sleep(0.1)
        stopped = len(asked)
        await asyncio.sleep(1.2)
        assert len(asked) == stopped
        fire(user, made[0], "live", True)
        await asyncio.sleep(0.2)
        assert len(asked) > stopped
        assert asked[-1].span == timedelta(minutes=1)
        assert seen == [timedelta(minutes=1)], "the page learns that the present is followed again"


async def test_a_failing_load_tells_it_once_and_stops_looking_busy(show: Show) -> None:
    async def load(span: TimeRange, points: int) -> Mapping[str, Curve]:
        raise ConnectionError("gone")

    made: list[Trend] = []
    async with show(lambda view: made.append(trend([Line(id="a", name="A")], load=load, live=False))) as user:
        await user.should_see("Something went wrong on our side.")
        assert made[0].state["loading"] is False


async def test_the_range_picker_gives_a_moving_or_a_fixed_span(show: Show) -> None:
    got: list[tuple[bool, timedelta]] = []
    made: list[RangePicker] = []

    def draw(view: View) -> None:
        made.append(time_range(lambda p: got.append((p.live, p.range.span)), last=timedelta(hours=8)))

    async with show(draw, language="zh") as user:
        await user.should_see("15 分钟")
        assert made[0].live
        fire(user, made[0], "choose", {"last": 900, "start": None, "end": None})
        start = START.timestamp() * 1000
        fire(user, made[0], "choose", {"last": None, "start": start, "end": start + 60_000})
        await asyncio.sleep(0.1)
        assert got == [(True, timedelta(minutes=15)), (False, timedelta(minutes=1))]
        assert made[0].range.start == START
        made[0].set(timedelta(days=1))
        assert made[0].range.span == timedelta(days=1)
        assert len(got) == 2
