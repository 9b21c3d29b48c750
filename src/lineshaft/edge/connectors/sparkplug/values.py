"""Sparkplug values to ours and back: two's complement, times, arrays, tables.

Numbers and booleans become numbers; text, UUIDs and times (as ISO 8601) become text; arrays, data sets,
templates and small byte strings become JSON text. Source: Sparkplug 3.0.0, clause 6.4.16.
"""

from __future__ import annotations

import base64
import math
import struct
from typing import Any

import msgspec

from lineshaft.kernel.clock import from_us
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import Kind, Value

from .schema import DataType

MOST_BYTES = 4096
_SIGNED = {DataType.INT8: 8, DataType.INT16: 16, DataType.INT32: 32, DataType.INT64: 64}
_RANGES = {
    DataType.INT8: (-(2**7), 2**7 - 1),
    DataType.INT16: (-(2**15), 2**15 - 1),
    DataType.INT32: (-(2**31), 2**31 - 1),
    DataType.INT64: (-(2**63), 2**63 - 1),
    DataType.UINT8: (0, 2**8 - 1),
    DataType.UINT16: (0, 2**16 - 1),
    DataType.UINT32: (0, 2**32 - 1),
    DataType.UINT64: (0, 2**64 - 1),
    DataType.DATETIME: (0, 2**64 - 1),
}
_FLOATS = frozenset({DataType.FLOAT, DataType.DOUBLE})
_TEXTS = frozenset({DataType.STRING, DataType.TEXT, DataType.UUID})
_LONGS = frozenset({DataType.INT64, DataType.UINT64, DataType.DATETIME})
_ITEM = {
    DataType.INT8_ARRAY: "b",
    DataType.INT16_ARRAY: "h",
    DataType.INT32_ARRAY: "i",
    DataType.INT64_ARRAY: "q",
    DataType.UINT8_ARRAY: "B",
    DataType.UINT16_ARRAY: "H",
    DataType.UINT32_ARRAY: "I",
    DataType.UINT64_ARRAY: "Q",
    DataType.FLOAT_ARRAY: "f",
    DataType.DOUBLE_ARRAY: "d",
    DataType.DATETIME_ARRAY: "q",
}


class Unreadable(Exception):
    """A value that cannot be shown; says why."""


def scalar_of(holder: Any, datatype: int) -> float | str | None:
    """The value of a metric, property or cell; None when it carries none. Raises Unreadable.

    What is on the wire counts: a float sent for a metric declared as an integer is taken as it is.
    """
    field = holder.WhichOneof("value")
    if field is None:
        return None
    value = getattr(holder, field)
    if field in {"int_value", "long_value"}:
        if datatype in _SIGNED:
            return _signed(value, _SIGNED[DataType(datatype)])
        if datatype == DataType.DATETIME:
            return _moment(value)
        if datatype == DataType.BOOLEAN:
            return 1 if value else 0
        return int(value)
    if field == "bytes_value":
        return _from_bytes(value, datatype)
    if field == "dataset_value":
        return _text(_dataset(value))
    if field == "template_value":
        return _text(_template(value))
    if field in {"propertyset_value", "propertysets_value"}:
        raise Unreadable("a property set is no value")
    found: float | str = value
    return found


def _signed(value: int, bits: int) -> int:
    """Two's complement; some devices send 64 bits for less, so the sign is looked for in both widths."""
    if value >= 1 << 63:
        return value - (1 << 64)
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _moment(value: int) -> str:
    try:
        return from_us(value * 1000).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        raise Unreadable(f"{value} ms is no time") from None


def _from_bytes(data: bytes, datatype: int) -> str:
    try:
        if datatype in _ITEM:
            letter = _ITEM[DataType(datatype)]
            items: list[Any] = [item[0] for item in struct.iter_unpack(f"<{letter}", data)]
            return _text([None if isinstance(i, float) and not math.isfinite(i) else i for i in items])
        if datatype == DataType.BOOLEAN_ARRAY:
            count = int.from_bytes(data[:4], "little")
            bits = "".join(f"{byte:08b}" for byte in data[4 : 4 + (count + 7) // 8])
            return _text([bit == "1" for bit in bits[:count]])
        if datatype == DataType.STRING_ARRAY:
            return _text([item.decode() for item in data.split(b"\0")[:-1]])
    except (struct.error, UnicodeDecodeError) as error:
        raise Unreadable(f"its {len(data)} bytes are no {DataType(datatype).name}: {error}") from None
    if len(data) > MOST_BYTES:
        raise Unreadable(f"{len(data)} bytes are more than the {MOST_BYTES} that are kept")
    return base64.b64encode(data).decode()


def _dataset(table: Any) -> dict[str, Any]:
    types = list(table.types)
    rows = [
        [scalar_of(cell, types[i] if i < len(types) else 0) for i, cell in enumerate(row.elements)]
        for row in table.rows
    ]
    return {"columns": list(table.columns), "rows": rows}


def _template(template: Any) -> dict[str, Any]:
    return {metric.name: scalar_of(metric, metric.datatype) for metric in template.metrics}


def _text(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    if len(text) > 16 * MOST_BYTES:
        raise Unreadable(f"{len(text)} characters are too many")
    return text


def kind_of(datatype: int) -> Kind:
    """The kind of property a metric of this type is."""
    if datatype in _FLOATS:
        return Kind.NUMBER
    if datatype == DataType.BOOLEAN:
        return Kind.BOOLEAN
    return Kind.INTEGER if datatype in _RANGES and datatype != DataType.DATETIME else Kind.TEXT


def put_value(metric: Any, datatype: int, value: Value) -> None:
    """Set a metric's value in its declared type; raises Invalid when it does not fit."""
    try:
        kind = DataType(datatype)
    except ValueError:
        kind = DataType.UNKNOWN
    metric.datatype = int(kind)
    if kind in _TEXTS:
        metric.string_value = str(value)
    elif isinstance(value, str):
        raise Invalid(f"{value!r} is no {kind.name} value.", hint="Give a number.")
    elif kind == DataType.BOOLEAN:
        metric.boolean_value = bool(value)
    elif kind == DataType.FLOAT:
        metric.float_value = float(value)
    elif kind == DataType.DOUBLE:
        metric.double_value = float(value)
    elif kind in _RANGES:
        _put_integer(metric, kind, value)
    else:
        raise Invalid(f"Values of type {kind.name} cannot be written.", hint="Only single values can be written.")


def _put_integer(metric: Any, kind: DataType, value: float) -> None:
    low, high = _RANGES[kind]
    whole = round(value)
    if not low <= whole <= high or abs(whole - value) > 1e-6:
        raise Invalid(f"{value!r} is no {kind.name} value.", hint=f"Give a whole number from {low} to {high}.")
    if kind in _LONGS:
        metric.long_value = whole & (2**64 - 1)
    else:
        metric.int_value = whole & (2**32 - 1)
