"""What the historian answers: which series, which table it read, pages, thinned points, permission."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from lineshaft.console import Curve
from lineshaft.kernel.clock import MICROS, from_us, now, to_us
from lineshaft.kernel.errors import Forbidden, Invalid
from lineshaft.kernel.terms import Quality, TimeRange
from lineshaft.security import PLATFORM, AuditFilter, Grant, Outcome, Role, Who, WhoKind
from lineshaft.telemetry import (
    Aggregate,
    Calendar,
    Every,
    Fill,
    Grades,
    Selection,
    Unit,
    fitting,
    latest_of,
    parse_bucket,
)
from lineshaft.twins.pages.holding import held

BEGIN = to_us(datetime(2025, 6, 1, tzinfo=UTC))
DAY = 86_400 * MICROS
BERLIN = "Europe/Berlin"
VIEWER = Who(
    id="v", name="Vera", kind=WhoKind.USER, grants=(Grant(role=Role.VIEWER, subtree="acme/hall"),), origin="test"
)


@dataclass(frozen=True)
class Row:
    ts: int
    number: float = 0.0
    quality: int = 0
    seq: int = 1
    text: str = ""


@pytest.fixture(autouse=True)
def no_rollups(plant: Any) -> None:
    """Rollups know nothing until a test computes them."""
    plant.know(dict.fromkeys((1, 60, 3600), 0), seq=0)


def span(first: str, last: str) -> TimeRange:
    return TimeRange(start=datetime.fromisoformat(first), end=datetime.fromisoformat(last))


def seconds(count: int, begin: int = BEGIN) -> list[Row]:
    return [Row(begin + at * MICROS, float(at % 97)) for at in range(count)]


def values(answer: Any, column: str) -> list[Any]:
    return answer.table[column].to_pylist()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("first", "last", "counts"),
    [
        ("2025-03-29T00:00+01:00", "2025-04-01T00:00+02:00", [24, 23, 24]),
        ("2025-10-25T00:00+02:00", "2025-10-28T00:00+01:00", [24, 25, 24]),
    ],
)
def test_a_local_day_is_23_or_25_hours_long_when_clocks_change(
    plant: Any, first: str, last: str, counts: list[int]
) -> None:
    path = plant.new_path()
    whole = span(first, last)
    plant.insert(path, [Row(ts, 1.0) for ts in range(to_us(whole.start), to_us(whole.end), 3600 * MICROS)])
    answer = plant.resample(path, whole, Calendar(unit=Unit.DAY, zone=BERLIN), Aggregate.COUNT)
    assert values(answer, "count") == counts
    assert values(answer, "ts")[0] == whole.start


def test_shifts_begin_at_local_times_and_the_last_one_goes_into_the_next_day(plant: Any) -> None:
    path = plant.new_path()
    whole = span("2025-03-29T22:00+01:00", "2025-03-30T22:00+02:00")
    plant.insert(path, [Row(ts, 1.0) for ts in range(to_us(whole.start), to_us(whole.end), 3600 * MICROS)])
    answer = plant.resample(path, whole, parse_bucket("shift(06:00,14:00,22:00)", zone=BERLIN), Aggregate.COUNT)
    assert values(answer, "count") == [7, 8, 8]
    assert [ts.isoformat() for ts in values(answer, "ts")] == [
        "2025-03-29T21:00:00+00:00",
        "2025-03-30T04:00:00+00:00",
        "2025-03-30T12:00:00+00:00",
    ]


@pytest.mark.parametrize(
    ("bucket", "starts"),
    [
        ("week", ["2025-05-26", "2025-06-02"]),
        ("month", ["2025-06-01"]),
        ("quarter", ["2025-04-01"]),
        ("year", ["2025-01-01"]),
    ],
)
def test_calendar_buckets_begin_where_the_local_calendar_says(plant: Any, bucket: str, starts: list[str]) -> None:
    path = plant.new_path()
    plant.insert(path, [Row(BEGIN + at * DAY, 1.0) for at in range(3)])
    whole = span("2025-06-01T00:00+02:00", "2025-06-05T00:00+02:00")
    answer = plant.resample(path, whole, parse_bucket(bucket, zone=BERLIN), Aggregate.COUNT)
    assert values(answer, "ts") == [datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(BERLIN)) for start in starts]
    assert sum(values(answer, "count")) == 3


def test_wide_buckets_are_read_from_rollups_and_what_edges_cut_from_finer_rows(plant: Any) -> None:
    path = plant.new_path()
    plant.insert(path, seconds(3 * 3600))
    plant.roll(path, dict.fromkeys((1, 60, 3600), BEGIN // MICROS + 3 * 3600), seq=1, begin=BEGIN // MICROS)
    whole = TimeRange(start=from_us(BEGIN + 1_500_000), end=from_us(BEGIN + 2 * 3600 * MICROS + 61_000_000))
    answer = plant.resample(path, whole, Every(span=timedelta(hours=1)), Aggregate.COUNT, Aggregate.SUM)
    assert answer.source == "1h"
    assert values(answer, "count") == [3598, 3600, 61]
    numbers = np.array([row.number for row in seconds(3 * 3600)])
    assert values(answer, "sum") == [numbers[2:3600].sum(), numbers[3600:7200].sum(), numbers[7200:7261].sum()]
    assert plant.resample(path, whole, Every(span=timedelta(minutes=1)), Aggregate.COUNT).source == "1m"
    assert plant.resample(path, whole, Every(span=timedelta(seconds=10)), Aggregate.COUNT).source == "raw"


def test_a_rollup_is_really_used_and_not_recomputed(plant: Any) -> None:
    path = plant.new_path()
    plant.insert(path, seconds(3600))
    plant.roll(path, dict.fromkeys((1, 60, 3600), BEGIN // MICROS + 3600), seq=1, begin=BEGIN // MICROS)
    plant.insert(path, [Row(BEGIN, 1e9)])  # behind the rollups' back: the same seq
    whole = TimeRange(start=from_us(BEGIN), end=from_us(BEGIN + 3600 * MICROS))
    answer = plant.resample(path, whole, Every(span=timedelta(hours=1)), Aggregate.MAX)
    assert values(answer, "max") == [96.0]


def test_a_value_holds_into_the_range_and_up_to_now_but_not_beyond(plant: Any) -> None:
    path = plant.new_path()
    begin = to_us(now()) // MICROS * MICROS - 100 * MICROS
    plant.insert(path, [Row(begin, 5.0)])
    whole = TimeRange(start=from_us(begin + 50 * MICROS), end=from_us(begin + 1000 * MICROS))
    answer = plant.resample(path, whole, Every(span=timedelta(days=400)), Aggregate.TIME_WEIGHTED, Aggregate.DURATION)
    assert values(answer, "time_weighted") == [5.0]
    assert 50 <= values(answer, "duration")[0] < 80


def test_named_paths_without_samples_are_told_and_searches_are_cut_at_their_limit(plant: Any) -> None:
    paths = [plant.new_path() for _ in range(3)]
    for path in paths:
        plant.insert(path, seconds(3))
    whole = TimeRange(start=from_us(BEGIN), end=from_us(BEGIN + DAY))
    asked = Selection(paths=("acme/hall/nothing", paths[0]))
    answer = plant.run(plant.historian.resample(PLATFORM, asked, whole, parse_bucket("1h")))
    assert (values(answer, "path"), answer.unknown, answer.more) == ([paths[0]], ("acme/hall/nothing",), False)
    found = plant.run(plant.historian.raw(PLATFORM, Selection.under("acme/hall", limit=2), whole))
    assert found.more
    assert len(set(values(found, "path"))) <= 2


def test_many_series_are_answered_in_the_order_asked(plant: Any) -> None:
    paths = [plant.new_path() for _ in range(20)][::-1]
    for at, path in enumerate(paths):
        plant.insert(path, [Row(BEGIN + k * MICROS, float(at)) for k in range(3)])
    whole = TimeRange(start=from_us(BEGIN), end=from_us(BEGIN + 10 * MICROS))
    answer = plant.run(
        plant.historian.resample(PLATFORM, Selection.of(*paths), whole, parse_bucket("1m"), (Aggregate.LAST,))
    )
    assert (values(answer, "path"), values(answer, "last")) == (paths, [float(at) for at in range(20)])


def test_a_pattern_stays_within_a_part_unless_doubled() -> None:
    one = Selection(pattern="acme/*/speed")
    assert one.admits("acme/filler/speed")
    assert not one.admits("acme/line/filler/speed")
    assert Selection(pattern="acme/**/speed").admits("acme/line/filler/speed")
    assert Selection(pattern="acme/**/speed").admits("acme/speed")
    assert not Selection(pattern="acme/**", subtree="acme/b").admits("acme/bb/x")


def test_raw_pages_follow_each_other_without_gap_or_repeat(plant: Any) -> None:
    paths = [plant.new_path() for _ in range(3)]
    for path in paths:
        plant.insert(path, seconds(70))
    whole = TimeRange(start=from_us(BEGIN), end=from_us(BEGIN + DAY))
    rows: list[tuple[Any, str]] = []
    after, pages = None, 0
    while True:
        asked = plant.historian.raw(PLATFORM, Selection.of(*paths), whole, limit=50, after=after)
        answer = plant.run(asked)
        rows += zip(values(answer, "ts"), values(answer, "path"), strict=True)
        pages, after = pages + 1, answer.next
        if after is None:
            break
    assert pages == 5
    assert len(rows) == len(set(rows)) == 210
    assert [ts for ts, _ in rows] == sorted(ts for ts, _ in rows)


def test_raw_values_keep_words_and_qualities_and_the_later_sent_counts(plant: Any) -> None:
    path = plant.new_path()
    plant.insert(path, [Row(BEGIN, 1.0), Row(BEGIN + 1, np.nan, text="RUN"), Row(BEGIN + 2, np.nan, int(Quality.BAD))])
    plant.insert(path, [Row(BEGIN, 2.0, 0x40, seq=2)])
    whole = TimeRange(start=from_us(BEGIN), end=from_us(BEGIN + 3))
    answer = plant.run(plant.historian.raw(PLATFORM, Selection.of(path), whole))
    assert (values(answer, "number"), values(answer, "text")) == ([2.0, None, None], [None, "RUN", None])
    assert values(answer, "quality") == [0x40, 0, 0x80]
    good = plant.run(plant.historian.raw(PLATFORM, Selection.of(path), whole, grades=Grades.GOOD))
    assert values(good, "text") == ["RUN"]


def test_newest_values_are_found_however_old(plant: Any) -> None:
    paths = [plant.new_path() for _ in range(3)]
    plant.insert(paths[0], [Row(to_us(now()) - MICROS, 1.0)])
    plant.insert(paths[1], [Row(BEGIN - 20 * 365 * DAY, np.nan, text="OLD")])
    answer = plant.run(plant.historian.latest(PLATFORM, Selection.of(*paths)))
    assert [(one.path, one.value) for one in latest_of(answer.table)] == [(paths[0], 1.0), (paths[1], "OLD")]


def test_what_stood_at_a_moment_is_the_sample_before_it_of_any_quality(plant: Any) -> None:
    path, silent = plant.new_path(), plant.new_path()
    plant.insert(path, [Row(BEGIN, 1.0), Row(BEGIN + DAY, 2.0), Row(BEGIN + 2 * DAY, np.nan, quality=0x80)])
    plant.insert(silent, [Row(BEGIN + 5 * DAY, 9.0)])

    def standing(at: int) -> list[Any]:
        answer = plant.run(plant.historian.standing(PLATFORM, Selection.of(path, silent), from_us(at)))
        return [(row["path"], row["number"], row["quality"]) for row in answer.table.to_pylist()]

    assert standing(BEGIN) == []
    assert standing(BEGIN + DAY) == [(path, 1.0, 0)], "a sample at the moment itself comes after it"
    assert standing(BEGIN + DAY + 1) == [(path, 2.0, 0)]
    assert standing(BEGIN + 3 * DAY) == [(path, None, 0x80)]


def test_a_value_told_only_on_change_is_carried_over_the_edges_of_a_chart(plant: Any) -> None:
    rare, lost, dense, new = (plant.new_path() for _ in range(4))
    hour = 3600 * MICROS
    plant.insert(rare, [Row(BEGIN, 40.0), Row(BEGIN + 9 * hour, 30.0)])
    plant.insert(lost, [Row(BEGIN, 40.0), Row(BEGIN + hour, np.nan, quality=0x80)])
    plant.insert(dense, [Row(BEGIN + n * MICROS, 5.0) for n in range(4 * 3600)])
    plant.insert(new, [Row(BEGIN + 5 * hour, 7.0)])
    around = TimeRange(start=from_us(BEGIN + 2 * hour), end=from_us(BEGIN + 4 * hour))
    own = Curve(ts=[BEGIN + 2 * hour, BEGIN + 4 * hour - MICROS], mean=[5.0, 5.0])
    found = plant.run(held(PLATFORM, plant.historian, {dense: own}, [rare, lost, dense, new], around))
    assert {path: list(zip(c.ts, c.mean, strict=True)) for path, c in found.items()} == {
        rare: [(BEGIN, 40.0), (BEGIN + 4 * hour, 40.0)],
        dense: [(BEGIN + 2 * hour, 5.0), (BEGIN + 4 * hour - MICROS, 5.0)],
    }
    late = TimeRange(start=from_us(BEGIN + 8 * hour), end=from_us(BEGIN + 10 * hour))
    seen = {rare: Curve(ts=[BEGIN + 9 * hour], mean=[30.0], low=[30.0], high=[30.0])}
    [(_, shown)] = plant.run(held(PLATFORM, plant.historian, seen, [rare], late)).items()
    assert (list(shown.mean), list(shown.low)) == ([40.0, 30.0, 30.0], [40.0, 30.0, 30.0])


def test_an_export_is_everything_in_bounded_tables(plant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lineshaft.telemetry.service.historian.BLOCK_ROWS", 40)
    paths = [plant.new_path() for _ in range(2)]
    for path in paths:
        plant.insert(path, seconds(100))
    whole = TimeRange(start=from_us(BEGIN), end=from_us(BEGIN + DAY))

    async def export() -> list[Any]:
        return [table async for table in await plant.historian.export(PLATFORM, Selection.of(*paths), whole)]

    tables = plant.run(export())
    assert [len(table) for table in tables] == [40, 40, 20, 40, 40, 20]
    assert [row["number"] for table in tables for row in table.to_pylist()] == [r.number for r in seconds(100)] * 2


@pytest.mark.parametrize(
    ("length", "points", "width"),
    [
        (timedelta(days=365), 1000, timedelta(hours=9)),
        (timedelta(days=3650), 1000, timedelta(days=4)),
        (timedelta(hours=24), 1000, timedelta(minutes=2)),
        (timedelta(minutes=10), 1000, timedelta(seconds=1)),
        (timedelta(seconds=10), 1000, timedelta(milliseconds=10)),
    ],
)
def test_a_chart_takes_the_narrowest_nice_width(length: timedelta, points: int, width: timedelta) -> None:
    assert fitting(TimeRange.last(length), points).span == width


def test_an_answer_that_would_be_too_large_is_refused(plant: Any) -> None:
    path = plant.new_path()
    whole = TimeRange(start=from_us(BEGIN), end=from_us(BEGIN + DAY))
    with pytest.raises(Invalid, match=r"86,400,000 buckets per series"):
        plant.resample(path, whole, parse_bucket("1ms"))


def test_nobody_reads_outside_their_part_of_the_plant(plant: Any) -> None:
    inside, outside = plant.new_path(), "other/hall/x"
    plant.insert(inside, seconds(2))
    whole = TimeRange(start=from_us(BEGIN), end=from_us(BEGIN + DAY))
    for asked in (Selection.of(inside, outside), Selection.under("other")):
        with pytest.raises(Forbidden):
            plant.run(plant.historian.raw(VIEWER, asked, whole))
    with pytest.raises(Forbidden):
        plant.run(plant.historian.latest(VIEWER, Selection.of(outside)))
    with pytest.raises(Forbidden):
        plant.run(plant.historian.standing(VIEWER, Selection.of(outside), from_us(BEGIN)))
    everything = plant.run(plant.historian.list_series(VIEWER, limit=1000))
    assert everything
    assert all(one.path.startswith("acme/hall/") for one in everything)
    assert plant.run(plant.historian.list_series(VIEWER, subtree="other")) == []
    found = plant.run(plant.historian.raw(VIEWER, Selection(pattern="**"), whole))
    assert all(path.startswith("acme/hall/") for path in values(found, "path"))

    async def refusals() -> list[Any]:
        return await plant.historian._guard.entries(PLATFORM, AuditFilter(outcome=Outcome.DENIED))

    assert {entry.subject for entry in plant.run(refusals())} == {outside, "other"}


def test_previous_fills_only_what_has_begun(plant: Any) -> None:
    path = plant.new_path()
    begin = to_us(now()) // (60 * MICROS) * 60 * MICROS
    plant.insert(path, [Row(begin - 90 * MICROS, 3.0)])
    whole = TimeRange(start=from_us(begin - 120 * MICROS), end=from_us(begin + 180 * MICROS))
    answer = plant.resample(path, whole, parse_bucket("1m"), Aggregate.LAST, fill=Fill.PREVIOUS)
    assert values(answer, "last")[:2] == [3.0, 3.0]
    assert values(answer, "last")[-1] is None


def test_the_tree_of_paths_is_walked_step_by_step(plant: Any) -> None:
    ids = [f"tree/{path}" for path in ("b/x/1", "b/x/2", "b", "b-1/y", "b-10", "B/z", "a_b", "c")]
    plant.name(*ids)
    shown = plant.run(plant.historian.branches(PLATFORM, "tree"))
    assert [(one.path, one.series, one.deeper) for one in shown] == [
        ("tree/B", False, True),
        ("tree/a_b", True, False),
        ("tree/b", True, True),
        ("tree/b-1", False, True),
        ("tree/b-10", True, False),
        ("tree/c", True, False),
    ]
    assert [one.path for one in plant.run(plant.historian.branches(PLATFORM, "tree/b"))] == ["tree/b/x"]
    assert len(plant.run(plant.historian.branches(PLATFORM, "tree", limit=2))) == 2
    deep = Who(id="d", name="Dee", kind=WhoKind.USER, grants=(Grant(role=Role.VIEWER, subtree="tree/b/x"),))
    assert [one.path for one in plant.run(plant.historian.branches(deep))] == ["tree"]
    assert [one.path for one in plant.run(plant.historian.branches(deep, "tree"))] == ["tree/b"]
    assert plant.run(plant.historian.branches(deep, "acme")) == []


def test_ten_thousand_series_fit_into_one_question(plant: Any) -> None:
    paths = [f"wide/hall-{n % 10}/value-{n}" for n in range(10_000)]
    plant.name(*paths)
    plant.insert(paths[77], seconds(7200))
    plant.know(dict.fromkeys((1, 60, 3600), BEGIN // MICROS + 7200), seq=0)
    whole = TimeRange(start=from_us(BEGIN), end=from_us(BEGIN + 7200 * MICROS))
    asked = Selection(subtree="wide", limit=10_000)
    answer = plant.run(
        plant.historian.resample(PLATFORM, asked, whole, parse_bucket("1h"), (Aggregate.COUNT, Aggregate.DURATION))
    )
    assert (values(answer, "path"), values(answer, "count"), answer.more) == ([paths[77]] * 2, [3600, 3600], False)
    assert len(plant.run(plant.historian.latest(PLATFORM, asked)).table) == 1
