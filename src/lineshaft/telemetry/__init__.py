"""Remembers every sample, and shows what every machine says now.

In     sample batches on the bus
Out    SeriesGrew, UnitsChanged
Holds  samples, rollups and series (ClickHouse), imports (table prefix telemetry_)
Ask    Historian for what was, Live for what is; Intake takes samples
"""

from .buckets import Bucket, Calendar, Every, Unit, fitting, parse_bucket, parse_span
from .events import SeriesGrew, UnitsChanged
from .model import Aggregate, Answer, Branch, Fill, Grades, Latest, Newest, Selection, Series
from .service import Historian, Intake, Live, latest_of
from .settings import TelemetrySettings

__all__ = [
    "Aggregate",
    "Answer",
    "Branch",
    "Bucket",
    "Calendar",
    "Every",
    "Fill",
    "Grades",
    "Historian",
    "Intake",
    "Latest",
    "Live",
    "Newest",
    "Selection",
    "Series",
    "SeriesGrew",
    "TelemetrySettings",
    "Unit",
    "UnitsChanged",
    "fitting",
    "latest_of",
    "parse_bucket",
    "parse_span",
]
