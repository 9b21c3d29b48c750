"""T63: a linked segment points at the historian and holds no records itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import pytest

from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import TimeRange
from lineshaft.telemetry import Selection
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
