"""T63: a linked segment points at the historian and holds no records itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pyarrow as pa
import pytest

from lineshaft.kernel.clock import to_us
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import TimeRange, series_id
from lineshaft.security import PLATFORM, Guard
from lineshaft.telemetry import Historian, Selection
from lineshaft.telemetry.store import Catalogue, Engine, LocalStore
from lineshaft.telemetry.store.positions import create_tables
from lineshaft.telemetry.store.series import NewSeries, SeriesBook
from lineshaft.twins.metamodel import checking as metamodel
from lineshaft.twins.metamodel.paths import walk
from lineshaft.twins.submodels import BadSubmodel, check, template
from lineshaft.twins.submodels.time_series import linked_segments, question_of, series_submodel

HERE = "https://plant.example.com"
SPEED = "acme/hamburg/line-1/filler/speed"
FIRST, SECOND, THIRD = (datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3))


def series(**more: Any) -> dict[str, Any]:
    return series_submodel("urn:series", "Filler", {"Speed": SPEED}, address=HERE, **more)


def test_t63_the_submodel_fits_its_template_and_holds_no_record() -> None:
    made = series(start=FIRST, end=THIRD, meanings={"Speed": "0173-1#02-BAA120#008"})
    assert [f.path for f in check(made, template("time_series"))] == ["Metadata.Record.Speed"]  # a note: our own column
    assert metamodel.check(made) == []
    names = [path for path, _ in walk(made)]
    assert not any("InternalSegment" in path or "Records" in path for path in names)
    assert [path for path in names if path.startswith("Metadata.Record.")] == [
        "Metadata.Record.Time",
        "Metadata.Record.Speed",
    ]


def test_t63_endpoint_and_query_ask_the_platform_as_they_stand() -> None:
    (segment,) = linked_segments(series(start=FIRST, end=THIRD))
    said = {one["idShort"]: one["value"] for one in segment["value"]}
    assert said["Endpoint"] == "https://plant.example.com/api/v1/query"
    assert parse_qs(said["Query"]) == {
        "path": [SPEED],
        "start": ["2026-01-01T00:00:00Z"],
        "end": ["2026-01-03T00:00:00Z"],
    }
    assert (said["StartTime"], said["EndTime"], said["State"]) == (
        "2026-01-01T00:00:00Z",
        "2026-01-03T00:00:00Z",
        "completed",
    )


def test_t63_reading_records_becomes_a_question_to_the_historian() -> None:
    (segment,) = linked_segments(series(start=FIRST, end=THIRD))
    asked = question_of(
        segment, address=f"{HERE}/", within=TimeRange(start=SECOND, end=datetime(2026, 2, 1, tzinfo=UTC))
    )
    assert asked.selection == Selection.of(SPEED)
    assert asked.span == TimeRange(start=SECOND, end=THIRD)


def test_a_segment_that_grows_has_no_end() -> None:
    (segment,) = linked_segments(series(start=FIRST))
    assert "EndTime" not in {one["idShort"] for one in segment["value"]}
    asked = question_of(segment, address=HERE, within=TimeRange(start=SECOND, end=THIRD))
    assert asked.span == TimeRange(start=SECOND, end=THIRD)
    assert question_of(segment, address=HERE).span.start == FIRST


def test_time_outside_the_segment_is_an_empty_span() -> None:
    (segment,) = linked_segments(series(start=FIRST, end=SECOND))
    asked = question_of(segment, address=HERE, within=TimeRange(start=THIRD, end=THIRD))
    assert asked.span.span.total_seconds() == 0


@pytest.fixture
async def historian(tmp_path: Path, db: Database) -> AsyncIterator[tuple[Historian, Engine]]:
    """A historian over a real embedded store with one sample an hour of the first three days of 2026."""
    engine = Engine(f"chdb://{tmp_path / 'telemetry'}")
    create_tables(engine)
    await db.open(["lineshaft.security", "lineshaft.telemetry"])
    await SeriesBook(db).add([NewSeries(id=series_id(SPEED), path=SPEED, kind="number")])
    hours = np.arange(72)
    rows = {
        "series": pa.array(np.full(72, series_id(SPEED), np.uint64)),
        "ts": pa.array(to_us(FIRST) + hours * 3_600_000_000).view(pa.timestamp("us", tz="UTC")),
        "number": pa.array(hours.astype(np.float64)),
        "text": [""] * 72,
        "quality": pa.array(np.zeros(72, np.uint8)),
        "seq": pa.array(hours.astype(np.uint64)),
    }
    engine.insert("samples", pa.table(rows))
    yield Historian(LocalStore(engine), Catalogue(db), Guard(db)), engine
    engine.close()


async def test_t63_records_of_a_day_are_the_rows_of_the_historian_and_nothing_is_stored_twice(
    historian: tuple[Historian, Engine],
) -> None:
    asked, engine = historian
    made = series(start=FIRST)
    before = engine.query("SELECT count() AS n FROM samples")["n"][0].as_py()
    (segment,) = linked_segments(made)
    question = question_of(segment, address=HERE, within=TimeRange(start=FIRST, end=SECOND))
    answer = await asked.raw(PLATFORM, question.selection, question.span)
    assert answer.table["number"].to_pylist() == [float(hour) for hour in range(24)]
    assert answer.table["ts"][0].as_py() == FIRST
    assert engine.query("SELECT count() AS n FROM samples")["n"][0].as_py() == before == 72
    assert "23.0" not in str(made)


@pytest.mark.parametrize(
    ("field", "text", "says"),
    [
        ("Endpoint", "https://other.example.com/api/v1/query", "is kept at 'https://other.example.com/api/v1/query'"),
        ("Query", "start=2026-01-01", "names no series"),
        ("Query", "path=a b/c", "is not a plant path"),
        ("Query", "path=a/b&start=yesterday", "'yesterday' is not a time"),
    ],
)
def test_a_segment_that_cannot_be_asked_here_says_why(field: str, text: str, says: str) -> None:
    (segment,) = linked_segments(series(start=FIRST))
    next(one for one in segment["value"] if one["idShort"] == field)["value"] = text
    with pytest.raises((BadSubmodel, Invalid), match=says):
        question_of(segment, address=HERE)
