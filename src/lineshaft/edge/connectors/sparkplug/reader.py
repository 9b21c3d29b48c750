"""Reads the metrics of a payload into columns: value, source time, quality."""

from __future__ import annotations

import math
from typing import Any

from lineshaft.edge.broker import Troubles, believable
from lineshaft.kernel.terms import Kind, Quality, Value

from .columns import Columns
from .metrics import Metric, Unit
from .values import Unreadable, scalar_of

_NUMBERS = frozenset({"float_value", "double_value", "boolean_value", "int_value", "long_value"})
_TEXTS = frozenset({Kind.TEXT, Kind.ENUM})
_QUALITIES: dict[object, Quality] = {192: Quality.GOOD, 0: Quality.BAD, 500: Quality.BAD_STALE}


class Reader:
    """Appends rows to columns and names what cannot be read."""

    def __init__(self, columns: Columns, troubles: Troubles, *, max_ahead_us: int) -> None:
        self._columns = columns
        self._troubles = troubles
        self._ahead_us = max_ahead_us

    def read(self, unit: Unit, payload: Any, received_us: int) -> bool:
        """Take every metric that is known; False when one is unknown or has changed its type."""
        by_name, by_alias = unit.by_name, unit.by_alias
        payload_ms = payload.timestamp
        complete = True
        for wire in payload.metrics:
            name = wire.name
            metric = by_name.get(name) if name else by_alias.get(wire.alias)
            if metric is None:
                complete = complete and not (name or wire.HasField("alias"))
                continue
            if wire.datatype and wire.datatype != metric.datatype:
                complete = False
            if metric.index >= 0:
                self._value(metric, wire, payload_ms, received_us)
        return complete

    def _value(self, metric: Metric, wire: Any, payload_ms: int, received_us: int) -> None:
        ts, quality = self._when(metric, wire, payload_ms, received_us)
        if wire.HasField("properties"):
            quality = max(quality, _quality(wire))
        if wire.is_null:
            self._columns.add(metric.index, math.nan, ts, max(quality, Quality.BAD_NO_DATA))
            return
        if metric.plain:
            field = wire.WhichOneof("value")
            if field in _NUMBERS:
                number = float(getattr(wire, field))
                if math.isfinite(number):
                    self._columns.add(metric.index, number, ts, quality)
                    if not wire.is_historical:
                        metric.last = number
                    return
        self._other(metric, wire, ts, quality)

    def _when(self, metric: Metric, wire: Any, payload_ms: int, received_us: int) -> tuple[int, int]:
        """The source time of a value and what is to be thought of it.

        A live value whose time lies before the moment its metric was marked stale is told with its
        arrival: the node's clock may be behind ours, and the stale mark must not stay the latest word.
        """
        ts = (wire.timestamp or payload_ms) * 1000
        quality = Quality.GOOD
        if ts == 0:
            ts = received_us
        elif not believable(ts, received_us, self._ahead_us):
            node = "/".join(metric.address[:2])
            message = f"The node {node} sends the time {ts // 1000} ms; the arrival time is used."
            self._troubles.name(("time", node), node, message, "Set its clock.")
            ts, quality = received_us, Quality.UNCERTAIN_TIME
        if wire.is_historical:
            return ts, quality if wire.timestamp else Quality.UNCERTAIN_TIME
        if metric.stale_us:
            ts = ts if ts > metric.stale_us else max(received_us, metric.stale_us + 1)
            metric.stale_us = 0
        return ts, quality

    def _other(self, metric: Metric, wire: Any, ts: int, quality: int) -> None:
        """A value that is no plain number."""
        try:
            value = scalar_of(wire, wire.datatype or metric.datatype)
        except Unreadable as error:
            message = f"{metric.address} cannot be shown: {error}."
            self._troubles.name(("value", metric.address), "", message, "It is left out.")
            return
        if not wire.is_historical:
            metric.last = value
        if metric.kind in _TEXTS and value is not None:
            value = str(value)
        elif metric.kind is not None and isinstance(value, str):
            value = self._number(metric, value, wire)
            quality = Quality.BAD_TYPE if math.isnan(value) else quality
        if isinstance(value, str):
            self._columns.add_text(metric.index, value, ts, quality)
        elif value is None:
            self._columns.add(metric.index, math.nan, ts, Quality.BAD_NO_DATA)
        elif math.isfinite(value) or quality == Quality.BAD_TYPE:
            self._columns.add(metric.index, float(value), ts, quality)
        else:
            message = f"{metric.address} sent NaN or infinity."
            self._troubles.name(("odd", metric.address), "", message, "Look at its sensor.")
            self._columns.add(metric.index, math.nan, ts, Quality.BAD_OUT_OF_RANGE)

    def _number(self, metric: Metric, text: str, wire: Any) -> float:
        """What a text is to a tag that asks for a number; a time is its milliseconds since 1970."""
        if wire.WhichOneof("value") == "long_value":
            return float(wire.long_value)
        try:
            return float(text)
        except ValueError:
            message = f"{metric.address} sent {text[:60]!r}, which is no number."
            self._troubles.name(("type", metric.address), "", message, "Set the tag's kind to text.")
            return math.nan


def property_of(wire: Any, name: str) -> Value | None:
    """A property of a metric, None when it has none of that name."""
    keys = list(wire.properties.keys)
    if name not in keys or keys.index(name) >= len(wire.properties.values):
        return None
    held = wire.properties.values[keys.index(name)]
    field = held.WhichOneof("value")
    value: Value | None = getattr(held, field) if field and not held.is_null else None
    return value


def _quality(wire: Any) -> int:
    """The property `Quality`: 192 is good, 500 stale, 0 bad."""
    said = property_of(wire, "Quality")
    return Quality.GOOD if said is None else _QUALITIES.get(said, Quality.UNCERTAIN)
