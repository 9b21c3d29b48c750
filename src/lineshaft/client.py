"""Talk to a plant from Python: read columns, write samples, watch values, ask about twins.

    from lineshaft.client import Client

    with Client("http://plant:8080", "ls_…") as plant:
        plant.latest("acme/berlin/filler/speed")
        plant.query("acme/berlin/filler/speed", start="-7d", every="1h", aggregate="band", as_="pandas")
        plant.write([("acme/lab/scale/weight", 1.52)])
        for changes in plant.live(subtree="acme/berlin"):
            print(changes)

Needs httpx and pyarrow; pandas and Polars only when asked for. Errors of the plant are raised as
`PlantError`, with its sentence and its hint.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, overload

import httpx
import pyarrow as pa

if TYPE_CHECKING:
    import pandas
    import polars

Moment: TypeAlias = datetime | timedelta | str
"""A time, a span before now, or what the API reads: `now`, `-15m`, `2026-01-31T08:00:00Z`."""
SampleLike: TypeAlias = tuple[Any, ...]
"""(path, value), (path, value, time) or (path, value, time, quality)."""
Paths: TypeAlias = str | Sequence[str]
ARROW = "application/vnd.apache.arrow.stream"
_PIECE = 1 << 20


class PlantError(Exception):
    """The plant refused: `status` of HTTP, stable `code`, the sentence and the `hint`."""

    def __init__(self, status: int, code: str, message: str, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.status = status
        self.code = code
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A newest value; `value` is None where the machine gave none."""

    path: str
    ts: datetime
    value: float | str | None
    quality: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A property of a twin that fits a question; `place` and `name` are empty for a thing without a twin here."""

    thing: str
    place: str
    name: str
    hops: int
    submodel: str
    property: str
    value: float | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """How an import ended."""

    rows: int
    written: int
    bad: int
    problems: tuple[str, ...]
    """The first hundred rows that were left out, each with its line."""


class Client:
    """One plant, as whoever the token acts for."""

    def __init__(self, url: str, token: str, *, timeout_s: float = 60.0) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=url.rstrip("/") + "/api/v1", headers=headers, timeout=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def series(self, *, search: str = "", subtree: str = "", pattern: str = "") -> Iterator[str]:
        """Paths of the series you may see, in order; asks for more as you go on."""
        cursor = ""
        while True:
            wanted = {"search": search, "subtree": subtree, "pattern": pattern, "cursor": cursor, "limit": 1000}
            page = self._get("/series", wanted).json()
            yield from (item["path"] for item in page["items"])
            cursor = page["next"]
            if not cursor:
                return

    def latest(self, paths: Paths = (), *, subtree: str | None = None, pattern: str = "") -> list[Value]:
        """Newest values, ordered by path; series that never spoke are left out."""
        found = self._get("/series/latest", _selection(paths, subtree, pattern) | {"limit": 10_000}).json()
        return [_value(item) for item in found]

    @overload
    def query(self, paths: Paths = ..., *, as_: Literal["arrow"] = ..., **asked: Any) -> pa.Table: ...
    @overload
    def query(self, paths: Paths = ..., *, as_: Literal["pandas"], **asked: Any) -> pandas.DataFrame: ...
    @overload
    def query(self, paths: Paths = ..., *, as_: Literal["polars"], **asked: Any) -> polars.DataFrame: ...
    def query(
        self,
        paths: Paths = (),
        *,
        as_: Literal["arrow", "pandas", "polars"] = "arrow",
        subtree: str | None = None,
        pattern: str = "",
        start: Moment = "-1h",
        end: Moment = "now",
        every: str | timedelta = "",
        aggregate: str | Sequence[str] = (),
        **more: Any,
    ) -> Any:
        """Columns of the past: raw rows (all pages), or buckets when `every` or `aggregate` are given.

        `every` is 10s, 1h, day, month, shift(06:00,14:00,22:00) …; `aggregate` mean, min, max, first, last,
        count, sum, time_weighted, duration, band or lttb. More: fill, max_gap, quality, zone, points.
        One row per series and time, `path` first; pivot for one column per series.
        """
        question = _selection(paths, subtree, pattern) | more
        question |= {"start": _moment(start), "end": _moment(end)}
        if every:
            question["every"] = f"{every // timedelta(microseconds=1)}us" if isinstance(every, timedelta) else every
        question["aggregate"] = [aggregate] if isinstance(aggregate, str) else list(aggregate)
        question["aggregate"] = [name for name in question["aggregate"] if name]
        table = pa.concat_tables(self._pages(question), promote_options="permissive")
        return _as(table, as_)

    def write(self, samples: Iterable[SampleLike] | pa.Table) -> int:
        """Write samples, at most a body at once; returns how many once all are on the plant's disk.

        Rows are (path, value[, time[, quality]]); a table has columns path, ts, value and quality if any.
        """
        if isinstance(samples, pa.Table):
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, samples.schema) as writer:
                writer.write_table(samples)
            answer = self._post("/samples", content=bytes(sink.getvalue()), headers={"Content-Type": ARROW})
        else:
            answer = self._post("/samples", json={"samples": [_sample(*sample) for sample in samples]})
        return int(answer.json()["written"])

    def import_file(
        self,
        file: str | Path,
        *,
        below: str = "",
        columns: Mapping[str, str] | None = None,
        progress: Callable[[int, int], None] | None = None,
        **layout: Any,
    ) -> Imported:
        """Import a CSV or Parquet file and wait until it is done; raises PlantError when it failed.

        Columns are `path,ts,value`, or one per series, put under the path `below` or where `columns` says.
        `progress(done, total)` is called with rows. More: zone, unit, format, delimiter, decimal, shape,
        path_column, ts_column, value_column, quality_column.
        """
        told = {"name": Path(file).name, "prefix": below, "columns": json.dumps(columns) if columns else "", **layout}
        with Path(file).open("rb") as body:
            pieces = iter(lambda: body.read(_PIECE), b"")
            job = self._post("/import", content=pieces, params=told).json()
        return self._wait(job["id"], progress)

    def matches(
        self,
        twin: str,
        compare: str,
        value: float | str,
        *,
        property_: str = "",
        semantic_id: str = "",
        hops: int = 2,
        relations: Sequence[str] = ("part of", "feeds"),
        direction: Literal["forward", "backward", "both"] = "forward",
        type_: str = "",
    ) -> Iterator[Match]:
        """Properties of twins near one that compare to a value now, the nearest first; asks for more as you go on.

        `plant.matches("acme/berlin/line-1", ">", 50, property_="temperature", type_="sensor")`
        """
        where = {"property": property_, "semantic_id": semantic_id, "compare": compare, "value": value}
        question = {"twin": twin, "hops": hops, "relations": list(relations), "direction": direction, "type": type_}
        cursor = ""
        while True:
            asked = {**question, "where": where, "cursor": cursor, "limit": 1000}
            page = self._post("/twins/graph/matches", json=asked).json()
            yield from map(_match, page["items"])
            cursor = page["next"]
            if not cursor:
                return

    def live(self, paths: Paths = (), *, subtree: str | None = None, pattern: str = "") -> Iterator[list[Value]]:
        """The newest values, then for ever those that changed, each list at most 50 ms old; comes back by itself."""
        asked = _selection(paths, subtree, pattern)
        while True:
            try:
                yield from self._events(asked)
            except httpx.TransportError:
                time.sleep(1.0)

    def _events(self, asked: dict[str, Any]) -> Iterator[list[Value]]:
        timeout = httpx.Timeout(10.0, read=45.0)
        with self._http.stream("GET", "/live/events", params=asked, timeout=timeout) as answer:
            if answer.is_error:
                answer.read()
            _check(answer)
            name = ""
            for line in answer.iter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    told = json.loads(line.removeprefix("data: "))
                    if name == "error":
                        raise PlantError(403, told["code"], told["message"], told["hint"])
                    yield [_value(item) for item in told]

    def _pages(self, question: dict[str, Any]) -> Iterator[pa.Table]:
        while True:
            answer = self._post("/query", json=question, headers={"Accept": ARROW})
            yield pa.ipc.open_stream(answer.content).read_all()
            question["cursor"] = json.loads(answer.headers["Lineshaft-Answer"])["next"]
            if not question["cursor"]:
                return

    def _wait(self, job_id: str, progress: Callable[[int, int], None] | None) -> Imported:
        pause = 0.05
        while True:
            job = self._get(f"/jobs/{job_id}", {}).json()
            if progress is not None:
                progress(job["rows"], job["total"])
            if job["state"] in {"done", "cancelled"}:
                problems = tuple(f"line {row['line']}: {row['message']}" for row in job["troubles"])
                return Imported(rows=job["rows"], written=job["written"], bad=job["bad"], problems=problems)
            if job["state"] == "failed":
                raise PlantError(400, "telemetry.import_failed", job["message"])
            time.sleep(pause)
            pause = min(pause * 1.5, 1.0)

    def _get(self, path: str, asked: Mapping[str, Any]) -> httpx.Response:
        return _check(self._http.get(path, params=dict(asked)))

    def _post(self, path: str, **body: Any) -> httpx.Response:
        return _check(self._http.post(path, **body))


def _selection(paths: Paths, subtree: str | None, pattern: str) -> dict[str, Any]:
    asked: dict[str, Any] = {"path": [paths] if isinstance(paths, str) else list(paths)}
    if subtree is not None:
        asked["subtree"] = subtree
    if pattern:
        asked["pattern"] = pattern
    return asked


def _moment(moment: Moment) -> str:
    if isinstance(moment, str):
        return moment
    at = datetime.now(UTC) - moment if isinstance(moment, timedelta) else moment
    return at.isoformat()


def _sample(path: str, value: Any, ts: datetime | float | None = None, quality: str | int = 0) -> dict[str, Any]:
    told = ts.astimezone(UTC).isoformat() if isinstance(ts, datetime) else ts
    return {"path": path, "value": value, "ts": told, "quality": quality}


def _value(item: Mapping[str, Any]) -> Value:
    ts = datetime.fromisoformat(item["ts"])
    return Value(path=item["path"], ts=ts, value=item["value"], quality=item["quality"])


def _match(item: Mapping[str, Any]) -> Match:
    twin = item["twin"] or {"place": "", "name": ""}
    told = {name: item[name] for name in ("thing", "hops", "submodel", "property")}
    value = item["text"] if item["number"] is None else item["number"]
    return Match(place=twin["place"], name=twin["name"], value=value, **told)


def _as(table: pa.Table, kind: str) -> Any:
    match kind:
        case "arrow":
            return table
        case "pandas":
            return table.to_pandas()
        case "polars":
            import polars

            return polars.from_arrow(table)
        case _:
            raise ValueError(f"as_ is 'arrow', 'pandas' or 'polars', not {kind!r}")


def _check(answer: httpx.Response) -> httpx.Response:
    """The answer, or the plant's own words as an error."""
    if answer.is_success:
        return answer
    try:
        told = answer.json()
    except ValueError:
        told = {}
    message = told.get("title") or f"The plant answered {answer.status_code} {answer.reason_phrase}."
    raise PlantError(answer.status_code, told.get("code", "http"), message, told.get("hint", ""))
