"""Series and questions over HTTP."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any

import msgspec
import numpy as np
import pyarrow as pa
from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from lineshaft.kernel.clock import now
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.http import Slice, caller, pack_cursor, unpack_cursor
from lineshaft.kernel.tasks import in_thread
from lineshaft.kernel.terms import TimeRange, nearest
from lineshaft.security import Who
from lineshaft.telemetry.buckets import fitting, parse_bucket, parse_span
from lineshaft.telemetry.files import Format, encoded
from lineshaft.telemetry.model import Aggregate, Answer, Fill, Grades, Latest, Selection, Series
from lineshaft.telemetry.service import Historian, Live

Caller = Annotated[Who, Depends(caller)]
BAND = ("min", "max", "mean")


class LatestShape(BaseModel):
    """A newest value."""

    path: str
    ts: datetime
    value: float | str | None
    quality: str
    age_s: float

    @classmethod
    def of(cls, latest: Latest, moment: datetime) -> LatestShape:
        age = round(latest.age(moment).total_seconds(), 3)
        value = latest.text if latest.number is None else latest.number
        return cls(path=latest.path, ts=latest.ts, value=value, quality=latest.quality.name.lower(), age_s=age)


class Question(BaseModel):
    """What is asked of the past. Without `every`, `points` and `aggregate` the answer is raw rows."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    path: list[str] = []
    """Series by name."""
    subtree: str | None = None
    """And every series at or below a place."""
    pattern: str = ""
    """And those that match: `*` within a part, `**` across parts."""
    series_limit: int = Field(default=1_000, ge=1, le=10_000)
    """Most series found by subtree and pattern."""
    start: str = "-1h"
    """A time (2026-01-31T08:00:00Z; without a zone, in `zone`) or a span before now: -15m, -7d."""
    end: str = "now"
    every: str = ""
    """Width of the buckets: 10s, 5m, 1h, day, week, month, quarter, year, shift(06:00,14:00,22:00)."""
    aggregate: list[str] = []
    """mean min max first last count sum time_weighted duration, band (min, max and mean), or lttb alone."""
    points: int = Field(default=1_000, ge=1, le=100_000)
    """With aggregates but without `every`: the most buckets; with lttb: the most points of a series."""
    fill: Fill = Fill.NONE
    max_gap: str = ""
    """Values hold, and lines go, at most over this: 5m."""
    quality: Grades | None = None
    """Good for aggregates, all for raw rows, unless said otherwise."""
    zone: str = ""
    """IANA zone of calendar buckets and of times without one; empty is the plant's."""
    limit: int = Field(default=100_000, ge=1, le=1_000_000)
    """Most raw rows of a page."""
    cursor: str = ""
    """`next` of the page before."""


def router(historian: Historian, live: Live, *, zone: str) -> APIRouter:
    """Routes below /api/v1."""
    api = APIRouter()

    @api.get("/series")
    async def series(
        who: Caller,
        subtree: str = "",
        pattern: str = "",
        search: str = "",
        cursor: str = "",
        limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    ) -> Slice[Series]:
        """Series you may see, ordered by path; `search` are words that all occur in the path."""
        after = str(unpack_cursor(cursor)[0]) if cursor else ""
        found = await historian.list_series(
            who, subtree=subtree, pattern=pattern, search=search, after=after, limit=limit
        )
        return Slice(items=found, next=pack_cursor(found[-1].path) if len(found) == limit else None)

    @api.get("/series/latest")
    async def latest(
        who: Caller,
        path: Annotated[list[str] | None, Query()] = None,
        subtree: str | None = None,
        pattern: str = "",
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
    ) -> list[LatestShape]:
        """Newest values by path, subtree or pattern; series that never spoke are left out."""
        asked = Selection(paths=tuple(path or ()), subtree=subtree, pattern=pattern, limit=limit)
        moment = now()
        return [LatestShape.of(one, moment) for one in await live.latest(who, asked)]

    @api.get("/query")
    async def query(who: Caller, request: Request, question: Annotated[Question, Query()]) -> Response:
        """Raw rows, buckets or points of a chart; `Accept` chooses JSON, CSV, Arrow or Parquet."""
        return await _respond(await _ask(historian, who, question, zone), request)

    @api.post("/query")
    async def query_by_body(who: Caller, request: Request, question: Question) -> Response:
        """The same with the question as JSON, for many paths."""
        return await _respond(await _ask(historian, who, question, zone), request)

    return api


async def _ask(historian: Historian, who: Who, question: Question, zone: str) -> Answer:
    asked = Selection(
        paths=tuple(question.path), subtree=question.subtree, pattern=question.pattern, limit=question.series_limit
    )
    zone = question.zone or zone
    span = span_of(question.start, question.end, zone)
    if question.aggregate == ["lttb"]:
        grades = question.quality or Grades.GOOD
        return await historian.thinned(who, asked, span, points=question.points, grades=grades)
    if not question.aggregate and not question.every:
        after = _after(question.cursor)
        grades = question.quality or Grades.ALL
        return await historian.raw(who, asked, span, grades=grades, limit=question.limit, after=after)
    return await historian.resample(
        who,
        asked,
        span,
        parse_bucket(question.every, zone=zone) if question.every else fitting(span, question.points),
        _aggregates(question.aggregate or ["mean"]),
        grades=question.quality or Grades.GOOD,
        fill=question.fill,
        max_gap=parse_span(question.max_gap) if question.max_gap else None,
    )


def span_of(start: str, end: str, zone: str) -> TimeRange:
    """A range from texts: times, `now`, or spans before now."""
    moment = now()
    return TimeRange(start=_moment(start, moment, zone), end=_moment(end, moment, zone))


def _moment(text: str, moment: datetime, zone: str) -> datetime:
    from zoneinfo import ZoneInfo

    if text == "now":
        return moment
    if re.fullmatch(r"-\d+[a-z]+", text):
        return moment - parse_span(text[1:])
    try:
        told = datetime.fromisoformat(text.replace(" ", "+") if re.search(r"T.* \d\d:?\d\d$", text) else text)
    except ValueError as error:
        raise Invalid(f"{text!r} is not a time.", hint="Write 2026-01-31T08:00:00Z, now, or -15m.") from error
    return (told if told.tzinfo else told.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def _after(cursor: str) -> tuple[int, int] | None:
    if not cursor:
        return None
    keys = unpack_cursor(cursor)
    if len(keys) != 2 or not all(isinstance(key, int) for key in keys):
        raise Invalid("This is not a cursor of this question.", hint="Pass `next` of the page before, unchanged.")
    return keys[0], keys[1]


def _aggregates(names: list[str]) -> tuple[Aggregate, ...]:
    words = [word for name in names for part in name.split(",") for word in (BAND if part == "band" else (part,))]
    for word in words:
        if word not in {aggregate.value for aggregate in Aggregate}:
            near = nearest(word, [*(a.value for a in Aggregate), "band"])
            hint = (
                f"Did you mean {near!r}?"
                if near
                else f"Use {', '.join(a.value for a in Aggregate)}, band, or lttb alone."
            )
            raise Invalid(f"{word!r} is not an aggregate.", hint=hint)
    return tuple(dict.fromkeys(Aggregate(word) for word in words))


async def _respond(answer: Answer, request: Request) -> Response:
    headers = {"Lineshaft-Answer": msgspec.json.encode(_about(answer, paths=50)).decode()}
    accepted = request.headers.get("accept", "")
    kind = next((kind for kind in Format if kind.media_type.split(";")[0] in accepted), None)
    if kind is not None:
        body = await in_thread(encoded, answer.table, kind)
        return Response(body, media_type=kind.media_type, headers=headers)
    return Response(await in_thread(_json, answer), media_type="application/json")


def _about(answer: Answer, *, paths: int | None = None) -> dict[str, Any]:
    """What there is to know about an answer; of the unknown paths the first ones, where room is scarce."""
    return {
        "unknown": list(answer.unknown[:paths]),
        "more": answer.more,
        "source": answer.source,
        "width_s": answer.width / timedelta(seconds=1) if answer.width else None,
        "next": pack_cursor(*answer.next) if answer.next else None,
    }


def _json(answer: Answer) -> bytes:
    """One object per series with its columns: `{"series": [{"path": …, "ts": […], "mean": […]}], …}`."""
    table = answer.table
    column = table["path"].combine_chunks()
    index, names = column.indices.to_numpy(), column.dictionary.to_pylist()
    order = np.argsort(index, kind="stable")
    table, index = table.take(order), index[order]
    edges = [*np.flatnonzero(np.diff(index, prepend=-1)).tolist(), len(table)]
    columns = {name: _values(table[name]) for name in table.schema.names[1:]}
    series = [
        {"path": names[index[first]], **{name: values[first:last] for name, values in columns.items()}}
        for first, last in pairwise(edges)
    ]
    return msgspec.json.encode({"series": series, **_about(answer)})


def _values(column: pa.ChunkedArray) -> list[Any]:
    """A column for JSON: times as RFC 3339 in UTC, as short as they are exact."""
    if not pa.types.is_timestamp(column.type):
        values: list[Any] = column.to_pylist()
        return values
    micros = column.cast(pa.int64()).to_numpy()
    unit: Any = "s" if not (micros % 1_000_000).any() else "ms" if not (micros % 1_000).any() else "us"
    texts: list[Any] = np.char.add(np.datetime_as_string(micros.astype("datetime64[us]"), unit=unit), "Z").tolist()
    return texts
