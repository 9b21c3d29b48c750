"""Turns columns of text or numbers into times, values and qualities; what cannot be turned becomes null.

Whole columns are cast at once. Only when a cast fails is the column halved, again and again, until the
cells that cannot be read stand alone: a few bad cells in a million cost next to nothing.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lineshaft.kernel.terms import Quality

from .layout import Layout

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_ZONED = r"([Zz]|[+-]\d\d:?\d\d)$"
_TS = pa.timestamp("us", "UTC")
_NOTHING = pa.array(["", "null", "NULL", "NaN", "nan", "NA", "N/A", "None"])
_TRUE, _FALSE = pa.array(["true", "True", "TRUE"]), pa.array(["false", "False", "FALSE"])


def times(column: pa.Array, layout: Layout) -> pa.Array:
    """A column as timestamp[us, UTC]."""
    column = _plain(column)
    kind = column.type
    if pa.types.is_timestamp(kind):
        return _in_utc(column, layout.zone)
    if pa.types.is_date(kind):
        return _in_utc(column.cast(pa.timestamp("us")), layout.zone)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _since_1970(column.cast(pa.float64() if not pa.types.is_integer(kind) else pa.int64()), layout.unit)
    return _written(pc.utf8_trim_whitespace(column.cast(pa.utf8())), layout)


def values(column: pa.Array, *, decimal: str = ".") -> tuple[NDArray[np.float64], pa.Array]:
    """A column as numbers (NaN where there is none) and texts (null where there is none)."""
    column = _plain(column)
    kind = column.type
    if pa.types.is_boolean(kind):
        column = column.cast(pa.uint8())
        kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _floats(column.cast(pa.float64(), safe=False)), pa.nulls(len(column), pa.utf8())
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan), pa.nulls(len(column), pa.utf8())
    return _from_text(column.cast(pa.utf8()), decimal)


def qualities(column: pa.Array) -> NDArray[np.int64]:
    """A column as quality bytes; -1 where it is none, good where it is empty."""
    texts = _plain(column).cast(pa.utf8()).to_pylist()
    known: dict[str | None, int] = {None: 0, "": 0, "good": 0, "uncertain": 0x40, "bad": 0x80}
    known |= {quality.name.lower(): int(quality) for quality in Quality}
    return np.array([_quality(text, known) for text in texts], dtype=np.int64)


def _quality(text: str | None, known: dict[str | None, int]) -> int:
    word = text.strip().lower() if text else text
    if word in known:
        return known[word]
    known[word] = int(word) if word and word.isdecimal() and int(word) < 256 else -1
    return known[word]


def _plain(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _from_text(column: pa.Array, decimal: str) -> tuple[NDArray[np.float64], pa.Array]:
    trimmed = pc.utf8_trim_whitespace(column)
    told = pc.if_else(pc.is_in(trimmed, _NOTHING), None, column)
    plain = pc.replace_substring(trimmed, ",", ".") if decimal == "," else trimmed
    is_number = pc.and_(pc.match_substring_regex(plain, _NUMBER), pc.is_valid(told))
    number = _floats(pc.if_else(is_number, plain, None).cast(pa.float64()))
    is_true, is_false = pc.is_in(trimmed, _TRUE).to_numpy(False), pc.is_in(trimmed, _FALSE).to_numpy(False)
    number[is_true], number[is_false] = 1.0, 0.0
    return number, pc.if_else(pa.array(np.isnan(number)), told, None)


def _floats(column: pa.Array) -> NDArray[np.float64]:
    number = np.array(column.to_numpy(zero_copy_only=False), dtype=np.float64)
    number[~np.isfinite(number)] = np.nan
    return number


def _since_1970(column: pa.Array, unit: str) -> pa.Array:
    """Numbers since 1970; with the unit `auto` each tells its own by its size (right from 1973 on)."""
    number = column.fill_null(0).to_numpy(zero_copy_only=False)
    size = np.abs(number)
    units = [size < 1e11, size < 1e14, size < 1e17] if unit == "auto" else [unit == "s", unit == "ms", unit == "us"]
    seconds, millis, micros = (np.broadcast_to(is_it, number.shape) for is_it in units)
    if number.dtype.kind == "i":
        safe = np.where(size < 9e15, number, 0)
        found = np.select(
            [seconds, millis, micros], [safe * 1_000_000 if unit != "ns" else safe, safe * 1000, number], number // 1000
        )
    else:
        found = np.select([seconds, millis, micros], [number * 1e6, number * 1e3, number], number / 1e3)
        found = np.round(np.nan_to_num(np.clip(found, -9e18, 9e18))).astype(np.int64)
    return pa.array(found, mask=np.asarray(column.is_null())).cast(_TS)


def _written(column: pa.Array, layout: Layout) -> pa.Array:
    if layout.format:
        return _in_utc(_tolerant(column, layout.format), layout.zone)
    number = pc.match_substring_regex(column, _NUMBER)
    plain = pc.replace_substring(column, ",", ".")
    zoned = pc.match_substring_regex(plain, _ZONED)
    as_number = _cast(pc.if_else(number, column, None), pa.int64())
    as_fraction = _cast(pc.if_else(pc.and_(number, pc.is_null(as_number)), column, None), pa.float64())
    with_zone = _cast(pc.if_else(pc.and_(zoned, pc.invert(number)), plain, None), pa.timestamp("ns", "UTC"))
    without = _cast(pc.if_else(pc.or_(zoned, number), None, plain), pa.timestamp("ns"))
    return pc.coalesce(
        _since_1970(as_number, layout.unit),
        _since_1970(as_fraction, layout.unit),
        with_zone.cast(_TS, safe=False),
        _in_utc(without, layout.zone),
    )


def _in_utc(column: pa.Array, zone: str) -> pa.Array:
    if column.type.tz is None:
        column = pc.assume_timezone(column, zone, ambiguous="earliest", nonexistent="earliest")
    return column.cast(_TS, safe=False)


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Cast, with null for each cell that cannot be."""
    try:
        return column.cast(kind)
    except pa.ArrowInvalid:
        if len(column) == 1:
            return pa.nulls(1, kind)
        half = len(column) // 2
        return pa.concat_arrays([_cast(column.slice(0, half), kind), _cast(column.slice(half), kind)])


def _tolerant(column: pa.Array, pattern: str) -> pa.Array:
    """Times in a pattern of their own; strptime of Python, because Arrow's knows no fractions of a second."""
    return pa.array([_parsed(text, pattern) for text in column.to_pylist()], pa.timestamp("us"))


def _parsed(text: str | None, pattern: str) -> datetime | None:
    try:
        return datetime.strptime(text, pattern) if text else None  # noqa: DTZ007  the zone is added to the whole column
    except ValueError:
        return None
