"""How things are now: values, quality, age, ranges, and a plant in numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lineshaft.kernel.terms import Grade, Kind, PlantPath, Quality
from lineshaft.security import NotAllowed, Role
from lineshaft.twins import (
    Activity,
    Condition,
    Counts,
    Level,
    NoTwin,
    Point,
    Property,
    Running,
    Trouble,
    Twins,
)
from lineshaft.twins.model import Sample, activity_of, judge_point

from .conftest import ADA, BOB, at, person

LINE = "acme/berlin/line-1"
FILLER = f"{LINE}/filler"
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
Tell = Callable[..., Awaitable[int]]
PROPS = (
    Property(name="state", kind=Kind.ENUM, values=("Stopped", "Execute", "Aborted")),
    Property(name="temperature", unit="Cel", low=0.0, high=80.0),
    Property(name="guard", kind=Kind.BOOLEAN),
)
RULE = Running(property="state", among=("Execute",), faults=("Aborted",))


def point(**said: object) -> Point:
    path = PlantPath(f"{FILLER}/x")
    return Point(property=Property(name="x", **said), path=path, series=path)


def sample(value: object, quality: Quality = Quality.GOOD, age_s: float = 1.0) -> Sample:
    return Sample(ts=NOW - timedelta(seconds=age_s), value=value, quality=quality)


@pytest.mark.parametrize(
    ("value", "quality", "age_s", "trouble"),
    [
        (50.0, Quality.GOOD, 1, None),
        (80.0, Quality.GOOD, 1, None),
        (80.1, Quality.GOOD, 1, Trouble.RANGE),
        (-1.0, Quality.UNCERTAIN, 1, Trouble.RANGE),
        (50.0, Quality.UNCERTAIN, 1, Trouble.UNCERTAIN),
        (50.0, Quality.GOOD, 59, None),
        (50.0, Quality.GOOD, 61, Trouble.STALE),
        (50.0, Quality.BAD_STALE, 1, Trouble.STALE),
        (99.0, Quality.BAD_DEVICE_FAILURE, 1, Trouble.BAD),
        (None, Quality.BAD_NOT_CONNECTED, 999, Trouble.LOST),
        (None, Quality.BAD_OUT_OF_SERVICE, 1, Trouble.STALE),
        (50.0, Quality.BAD_OUT_OF_RANGE, 1, Trouble.RANGE),
    ],
)
def test_the_worst_of_a_value_is_named(
    value: float | None, quality: Quality, age_s: float, trouble: Trouble | None
) -> None:
    assert judge_point(point(low=0.0, high=80.0), sample(value, quality, age_s), NOW, 60).trouble is trouble


def test_a_property_may_have_its_own_patience() -> None:
    assert judge_point(point(stale_after_s=5.0), sample(1.0, age_s=6), NOW, 60).stale
    assert not judge_point(point(stale_after_s=500.0), sample(1.0, age_s=400), NOW, 60).stale


def test_a_value_is_not_stale_while_its_machine_still_speaks() -> None:
    heard = NOW - timedelta(seconds=2)
    assert not judge_point(point(), sample(1.0, age_s=7200), NOW, 60, heard=heard).stale
    assert judge_point(point(stale_after_s=5.0), sample(1.0, age_s=7200), NOW, 60, heard=heard).stale
    silent = NOW - timedelta(seconds=61)
    assert judge_point(point(), sample(1.0, age_s=61), NOW, 60, heard=silent).stale


def test_a_clock_ahead_of_ours_gives_no_negative_age() -> None:
    assert judge_point(point(), sample(1.0, age_s=-30), NOW, 60).age_s == 0.0


def test_an_alarm_that_is_true_calls() -> None:
    alarm = point(kind=Kind.BOOLEAN, alarm=True)
    assert judge_point(alarm, sample(1.0), NOW, 60).trouble is Trouble.ALARM
    assert judge_point(alarm, sample(0.0), NOW, 60).trouble is None


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        (Kind.ENUM, 1.0, "Execute"),
        (Kind.ENUM, 7.0, 7),
        (Kind.ENUM, "Held", "Held"),
        (Kind.BOOLEAN, 1.0, True),
        (Kind.INTEGER, 12.0, 12),
        (Kind.NUMBER, 12.0, 12.0),
        (Kind.NUMBER, None, None),
    ],
)
def test_values_are_shown_as_people_read_them(kind: Kind, value: object, shown: object) -> None:
    prop = Property(name="x", kind=kind, values=("Stopped", "Execute") if kind is Kind.ENUM else ())
    label = prop.label(value)  # type: ignore[arg-type]
    assert (label, type(label)) == (shown, type(shown))


@pytest.mark.parametrize(
    ("rule", "value", "activity"),
    [
        (RULE, "execute", Activity.RUNNING),
        (RULE, "Aborted", Activity.FAULTED),
        (RULE, "Held", Activity.STOPPED),
        (Running(property="x", above=10.0), 10.5, Activity.RUNNING),
        (Running(property="x", above=10.0), 10.0, Activity.STOPPED),
        (Running(property="x"), True, Activity.RUNNING),
        (Running(property="x"), "text", Activity.UNKNOWN),
        (Running(property="x"), None, Activity.UNKNOWN),
    ],
)
def test_a_machine_runs_by_its_rule(rule: Running, value: object, activity: Activity) -> None:
    assert rule.judge(value) is activity  # type: ignore[arg-type]


def test_nobody_knows_whether_a_machine_runs_whose_state_is_stale() -> None:
    rule = Running(property="x", above=1.0)
    for quality, age_s in ((Quality.GOOD, 61.0), (Quality.BAD, 1.0)):
        judged = judge_point(point(), sample(5.0, quality, age_s), NOW, 60)
        assert activity_of(rule, [judged])[0] is Activity.UNKNOWN


async def test_state_tells_value_quality_age_and_range(twins: Twins, tell: Tell) -> None:
    await twins.create(ADA, at(FILLER, properties=PROPS, running=RULE))
    await tell({f"{FILLER}/state": 1.0, f"{FILLER}/temperature": 81.5})
    state = await twins.now.state(ADA, FILLER)
    by_name = {p.point.property.name: p for p in state.points}
    hot = by_name["temperature"]
    assert (hot.value, hot.number, hot.grade, hot.out_of_range, hot.stale) == (81.5, 81.5, Grade.GOOD, True, False)
    assert hot.age_s is not None
    assert 0 <= hot.age_s < 5
    assert (by_name["state"].value, by_name["state"].number) == ("Execute", 1.0)
    empty = by_name["guard"]
    assert (empty.value, empty.quality, empty.age_s, empty.trouble) == (None, None, None, None)
    assert (state.activity, state.trouble, state.condition) == (Activity.RUNNING, Trouble.RANGE, Condition.ATTENTION)


async def test_a_silent_machine_is_stale_altogether(twins: Twins, tell: Tell) -> None:
    await twins.create(ADA, at(FILLER, properties=PROPS))
    old = datetime.now(UTC) - timedelta(hours=2)
    await tell({f"{FILLER}/temperature": 20.0, f"{FILLER}/guard": 1.0}, ts=old)
    assert [p.stale for p in (await twins.now.state(ADA, FILLER)).points] == [False, True, True]
    await tell({f"{FILLER}/state": 1.0})
    assert [p.stale for p in (await twins.now.state(ADA, FILLER)).points] == [False, False, False]


async def test_a_fault_the_machine_tells_calls_for_attention(twins: Twins, tell: Tell) -> None:
    await twins.create(ADA, at(FILLER, properties=PROPS, running=RULE))
    await tell({f"{FILLER}/state": "Aborted", f"{FILLER}/temperature": 20.0})
    state = await twins.now.state(ADA, FILLER)
    assert (state.activity, state.trouble, state.condition) == (Activity.FAULTED, Trouble.ALARM, Condition.ATTENTION)
    [reason] = (await twins.now.overview(ADA)).attention
    assert (reason.path, reason.trouble, reason.properties) == (FILLER, Trouble.ALARM, ("state",))


async def test_values_come_from_where_they_are_bound(twins: Twins, tell: Tell) -> None:
    await twins.create(ADA, at(FILLER, properties=PROPS[1:2], bindings={"temperature": "acme/elsewhere/t"}))
    await tell({"acme/elsewhere/t": 12.5})
    lena = person("lena", Role.VIEWER, LINE)
    [only] = (await twins.now.state(lena, FILLER)).points
    assert (only.value, only.point.path) == (12.5, f"{FILLER}/temperature")


async def test_state_is_for_those_who_may_see_the_twin(twins: Twins) -> None:
    await twins.create(ADA, at(FILLER, properties=PROPS))
    with pytest.raises(NotAllowed):
        await twins.now.state(BOB, FILLER)
    with pytest.raises(NotAllowed):
        await twins.now.overview(BOB, "acme")
    with pytest.raises(NotAllowed):
        await anext(twins.now.watch(BOB, FILLER))
    assert (await twins.now.overview(BOB)).twins == 0
    with pytest.raises(NoTwin):
        await twins.now.state(ADA, f"{LINE}/nothing")


async def test_watching_a_subtree_tells_what_changed(twins: Twins, tell: Tell) -> None:
    await twins.create(ADA, at(FILLER, properties=PROPS))
    await twins.create(ADA, at(f"{LINE}/capper", properties=PROPS))
    await tell({f"{FILLER}/temperature": 20.0})
    watcher = twins.now.watch(ADA, LINE, every_s=0.01)
    first = await asyncio.wait_for(anext(watcher), 5)
    assert [(p.point.path, p.value) for p in first] == [(f"{FILLER}/temperature", 20.0)]
    await tell({f"{LINE}/capper/state": 2.0})
    second = await asyncio.wait_for(anext(watcher), 5)
    assert [(p.point.path, p.value) for p in second] == [(f"{LINE}/capper/state", "Aborted")]
    await watcher.aclose()


async def test_an_overview_counts_each_value_once_and_names_the_worst_first(twins: Twins, tell: Tell) -> None:
    for name in ("filler", "capper", "labeller"):
        await twins.create(ADA, at(f"{LINE}/{name}", properties=PROPS, running=RULE, title={"en": name.title()}))
    await twins.create(ADA, at("acme/paris/tank", properties=PROPS[1:2]), with_parents=True)
    old = datetime.now(UTC) - timedelta(hours=1)
    await tell({f"{LINE}/filler/state": 1.0, f"{LINE}/filler/temperature": 20.0})
    await tell({f"{LINE}/capper/state": 1.0, f"{LINE}/capper/temperature": 99.0, f"{LINE}/capper/guard": 1.0})
    await tell({f"{LINE}/labeller/state": None, f"{LINE}/labeller/guard": None}, quality=Quality.BAD_NOT_CONNECTED)
    await tell({"acme/paris/tank/temperature": 4.0}, ts=old)
    seen = await twins.now.overview(ADA)
    assert seen.twins == 4
    assert seen.conditions == {
        Condition.ATTENTION: 3, Condition.RUNNING: 1, Condition.STOPPED: 0, Condition.UNKNOWN: 0
    }  # fmt: skip
    assert seen.counts == Counts(good=5, bad=2, stale=1, waiting=2, out_of_range=1)
    assert [(a.title.get("en", a.path), a.trouble, a.properties) for a in seen.attention] == [
        ("Labeller", Trouble.LOST, ("state", "guard")),
        ("Capper", Trouble.RANGE, ("temperature",)),
        ("acme/paris/tank", Trouble.STALE, ("temperature",)),
    ]
    [acme] = seen.groups
    assert (acme.path, acme.twins, acme.trouble) == ("acme", 4, Trouble.LOST)
    below = await twins.now.overview(ADA, "acme", attention=1)
    assert [(g.path, g.level, g.twins) for g in below.groups] == [
        ("acme/berlin", Level.SITE, 3),
        ("acme/paris", Level.SITE, 1),
    ]
    assert (len(below.attention), below.attention_all) == (1, 3)
    assert (await twins.now.overview(ADA, "acme/paris")).counts == Counts(stale=1)


async def test_an_overview_shows_only_what_the_viewer_may_see(twins: Twins, tell: Tell) -> None:
    await twins.create(ADA, at(FILLER, properties=PROPS))
    await twins.create(ADA, at("acme/paris/tank", properties=PROPS), with_parents=True)
    lena = person("lena", Role.VIEWER, LINE)
    seen = await twins.now.overview(lena)
    assert (seen.twins, [g.path for g in seen.groups]) == (1, [LINE])
    assert [b.path for b in await twins.now.briefs(lena)] == [FILLER]
    assert [b.path for b in await twins.now.briefs(ADA, limit=1)] == [FILLER]
    assert [b.path for b in await twins.now.briefs(ADA, after=FILLER)] == ["acme/paris/tank"]
    assert await twins.now.briefs(ADA, condition=Condition.RUNNING) == []


async def test_the_overview_follows_the_tree(twins: Twins) -> None:
    made = await twins.create(ADA, at(FILLER, properties=PROPS))
    assert (await twins.now.overview(ADA)).counts.waiting == 3
    await twins.change(ADA, replace(made.draft, properties=PROPS[:1]), version=1)
    async with asyncio.timeout(5):
        while (await twins.now.overview(ADA)).counts.waiting != 1:
            await asyncio.sleep(0.1)
