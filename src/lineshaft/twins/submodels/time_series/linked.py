"""LinkedSegments that point at the historian: where to ask and what, never the records.

    Endpoint   <address of the platform>/api/v1/query
    Query      path=acme/hamburg/filler/speed&start=2026-01-01T00:00:00Z&end=2026-01-02T00:00:00Z

Any client may send the query to the endpoint as it stands; the platform itself turns it into a question to its own
historian. A segment that still grows has no end and no EndTime.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode

from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import PlantPath, TimeRange
from lineshaft.telemetry import Selection
from lineshaft.twins.metamodel.kinds import PROPERTY, Json, children
from lineshaft.twins.metamodel.references import semantics
from lineshaft.twins.submodels.building import new, reference
from lineshaft.twins.submodels.errors import BadSubmodel
from lineshaft.twins.submodels.tables import template

LINKED = "https://admin-shell.io/idta/TimeSeries/Segments/LinkedSegment/1/1"
UTC_TIME = "https://admin-shell.io/idta/TimeSeries/UtcTime/1/1"
ROUTE = "/api/v1/query"
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a segment asks of the historian: these series, over this time."""

    selection: Selection
    span: TimeRange


def series_submodel(
    id_: str,
    name: str,
    series: Mapping[str, str],
    *,
    address: str,
    start: datetime | None = None,
    end: datetime | None = None,
    meanings: Mapping[str, str] | None = None,
) -> Json:
    """A time series submodel of columns (idShort -> plant path) that stay where they are, at the historian."""
    segment = "Segments.LinkedSegment"
    ends = {"StartTime": start, "EndTime": end}
    values: dict[str, Any] = {
        "Metadata.Name": {"en": name},
        f"{segment}.Endpoint": address.rstrip("/") + ROUTE,
        f"{segment}.Query": _query(series.values(), start, end),
        f"{segment}.State": "completed" if end else "in progress",
    }
    values |= {f"{segment}.{word}": _z(moment) for word, moment in ends.items() if moment}
    made = new(template("time_series"), id_, values=values)
    record = made["submodelElements"][0]["value"][-1]
    record["value"] = [_column("Time", "xs:dateTime", UTC_TIME)] + [
        _column(column, "xs:double", (meanings or {}).get(column, "")) for column in series
    ]
    return made


def linked_segments(submodel: Json) -> list[Json]:
    """The segments of a time series submodel whose records are elsewhere."""
    return [one for part in children(submodel) for one in children(part) if LINKED in semantics(one)]


def question_of(segment: Json, *, address: str, within: TimeRange | None = None) -> Question:
    """The question to our own historian; BadSubmodel when the segment points elsewhere or asks for no series.

    `within` is the time the reader wants (ReadRecords): the answer is what both it and the segment hold.
    """
    said = {str(one.get("idShort")): str(one.get("value") or "") for one in children(segment)}
    if said.get("Endpoint", "").rstrip("/") != address.rstrip("/") + ROUTE:
        raise BadSubmodel(
            f"The segment {segment.get('idShort')!r} is kept at {said.get('Endpoint')!r}.",
            hint="Only segments of this platform can be read here.",
        )
    asked = parse_qs(said.get("Query", ""))
    if not asked.get("path"):
        raise BadSubmodel(f"The query {said.get('Query')!r} names no series.", hint="Write path=<plant path>.")
    paths = tuple(PlantPath.parse(path) for path in asked["path"])
    return Question(selection=Selection(paths=paths), span=_span(asked, within))


def _span(asked: Mapping[str, list[str]], within: TimeRange | None) -> TimeRange:
    start = _moment(asked, "start", within.start if within else _BEGINNING)
    end = _moment(asked, "end", within.end if within else datetime.now(UTC))
    if within:
        start, end = max(start, within.start), min(end, within.end)
    return TimeRange(start=start, end=max(start, end))


def _moment(asked: Mapping[str, list[str]], word: str, otherwise: datetime) -> datetime:
    if word not in asked:
        return otherwise
    try:
        told = datetime.fromisoformat(asked[word][0])
    except ValueError as error:
        raise Invalid(f"{asked[word][0]!r} is not a time.", hint="Write 2026-01-31T08:00:00Z.") from error
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def _query(paths: Iterable[str], start: datetime | None, end: datetime | None) -> str:
    words = [("path", path) for path in paths]
    words += [(word, _z(moment)) for word, moment in (("start", start), ("end", end)) if moment]
    return urlencode(words, safe="/:")


def _z(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _column(name: str, type_: str, means: str) -> Json:
    made: Json = {"modelType": PROPERTY, "idShort": name, "valueType": type_}
    return made | ({"semanticId": reference(means)} if means else {})
