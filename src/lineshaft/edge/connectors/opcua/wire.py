"""Reads values off the wire straight into columns, without an object per value.

What takes the time in a busy subscription is the data change, so only that is decoded here; everything
else goes through asyncua. OPC UA part 6, clauses 5.2.2.16 (Variant) and 5.2.2.17 (DataValue):

    MonitoredItemNotification = handle u32 · DataValue
    DataValue                 = mask u8 [· Variant] [· status u32] [· source time i64] [· picos u16]
                                [· server time i64] [· picos u16]
    Variant                   = type u8 · body          (bit 7 array, bit 6 dimensions)

The common scalars have one `struct` layout per pair of mask and type: one unpack per value.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua import ua_binary

_HEAD = struct.Struct("<IBB")
_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")
_I64 = struct.Struct("<q")
_SCALARS = {1: "?", 2: "b", 3: "B", 4: "h", 5: "H", 6: "i", 7: "I", 8: "q", 9: "Q", 10: "f", 11: "d"}
_STRING = 12
_EXTENSION = 22
_VALUE, _STATUS, _SOURCE, _SERVER, _SOURCE_PICOS, _SERVER_PICOS = 1, 2, 4, 8, 16, 32
_DATA_CHANGE = ua.ObjectIds.DataChangeNotification_Encoding_DefaultBinary
_STATUS_CHANGE = ua.ObjectIds.StatusChangeNotification_Encoding_DefaultBinary
NAN = float("nan")


class Raw:
    """Rows as they came. `number` holds NaN where `objects`, by row, has something that is no number."""

    __slots__ = ("filetime", "handle", "number", "objects", "status")

    def __init__(self) -> None:
        self.handle: list[int] = []
        self.status: list[int] = []
        self.filetime: list[int] = []
        self.number: list[float] = []
        self.objects: dict[int, Any] = {}

    def __len__(self) -> int:
        return len(self.handle)

    def add(self, handle: int, *, status: int = 0, filetime: int = 0, value: Any = None) -> None:
        """Append one row; the slow way."""
        if isinstance(value, int | float):
            self.number.append(value)
        else:
            self.number.append(NAN)
            self.objects[len(self.handle)] = value
        self.handle.append(handle)
        self.status.append(status)
        self.filetime.append(filetime)


@dataclass(slots=True)
class Published:
    """What one publish response said besides values."""

    subscription: int
    sequence: int
    changes: int = 0
    status: int | None = None
    """The new status of the subscription, when it changed."""
    notified: bool = False
    """Whether there was anything to acknowledge: an empty response only says that the server lives."""


class _Layout:
    """Where the parts of one kind of row lie."""

    __slots__ = ("size", "status", "time", "unpack")

    def __init__(self, mask: int, scalar: str) -> None:
        parts = "<" + scalar
        self.status = self.time = 0
        if mask & _STATUS:
            self.status = len(parts) - 1
            parts += "I"
        times = ((_SOURCE, "q"), (_SOURCE_PICOS, "H"), (_SERVER, "q"), (_SERVER_PICOS, "H"))
        for bit, code in times:
            if mask & bit:
                if code == "q" and not self.time:
                    self.time = len(parts) - 1
                parts += code
        compiled = struct.Struct(parts)
        self.size = compiled.size
        self.unpack = compiled.unpack_from


_LAYOUTS = {mask << 8 | kind: _Layout(mask, scalar) for mask in range(1, 64, 2) for kind, scalar in _SCALARS.items()}


def published(answer: Buffer, raw: Raw) -> Published:
    """Read a PublishResponse: data changes become rows of `raw`, whose handles are client handles."""
    data = _body(answer)
    subscription, available = struct.unpack_from("<Ii", data, 0)
    at = 8 + 4 * max(available, 0) + 1
    sequence, _time, parts = struct.unpack_from("<Iqi", data, at)
    at += 16
    said = Published(subscription, sequence, notified=parts > 0)
    for _ in range(parts):
        kind, start, at = _extension(data, at)
        if kind == _DATA_CHANGE:
            said.changes += _changes(data, start, raw)
        elif kind == _STATUS_CHANGE:
            said.status = _U32.unpack_from(data, start)[0]
    return said


def read(answer: Buffer, handles: Sequence[int], raw: Raw) -> None:
    """Read a ReadResponse: its values become rows of `raw` with these handles, in order."""
    data = _body(answer)
    (count,) = _I32.unpack_from(data, 0)
    if count != len(handles):
        raise ValueError(f"{len(handles)} values were asked for and {count} came")
    at = 4
    for handle in handles:
        at = _slow(data, at, handle, raw)


def _body(answer: Buffer) -> bytes:
    """What follows the response header; raises when the header tells of a failure."""
    ua_binary.nodeid_from_binary(answer)
    header = ua_binary.struct_from_binary(ua.ResponseHeader, answer)
    header.ServiceResult.check()
    return bytes(answer)


def _extension(data: bytes, at: int) -> tuple[int, int, int]:
    """Type, begin and end of the extension object at a place."""
    buffer = Buffer(data, at)
    kind = ua_binary.nodeid_from_binary(buffer)
    start = buffer.cur_pos
    if not data[start]:
        return 0, start + 1, start + 1
    (size,) = _I32.unpack_from(data, start + 1)
    number = kind.Identifier if kind.NamespaceIndex == 0 and isinstance(kind.Identifier, int) else 0
    return number, start + 5, start + 5 + max(size, 0)


def _changes(data: bytes, at: int, raw: Raw) -> int:
    """Read the items of a DataChangeNotification; this loop is the hot path."""
    count = int(_I32.unpack_from(data, at)[0])
    at += 4
    head, layouts = _HEAD.unpack_from, _LAYOUTS
    add_handle, add_status = raw.handle.append, raw.status.append
    add_time, add_number = raw.filetime.append, raw.number.append
    for _ in range(count):
        handle, mask, kind = head(data, at)
        layout = layouts.get(mask << 8 | kind)
        if layout is None:
            at = _slow(data, at + 4, handle, raw)
            continue
        fields = layout.unpack(data, at + 6)
        at += 6 + layout.size
        add_handle(handle)
        add_number(fields[0])
        add_status(fields[layout.status] if layout.status else 0)
        add_time(fields[layout.time] if layout.time else 0)
    return max(count, 0)


def _slow(data: bytes, at: int, handle: int, raw: Raw) -> int:
    """Read one DataValue of any shape; returns where the next one begins."""
    mask = data[at]
    at += 1
    value: Any = None
    if mask & _VALUE:
        value, at = variant(data, at)
    status = filetime = 0
    if mask & _STATUS:
        (status,) = _U32.unpack_from(data, at)
        at += 4
    for bit, size in ((_SOURCE, 8), (_SOURCE_PICOS, 2), (_SERVER, 8), (_SERVER_PICOS, 2)):
        if mask & bit:
            if size == 8 and not filetime:
                (filetime,) = _I64.unpack_from(data, at)
            at += size
    raw.add(handle, status=status, filetime=filetime, value=value)
    return at


def variant(data: bytes, at: int) -> tuple[Any, int]:
    """The Python value of a Variant and where it ends; a structure nobody can read comes as its bytes."""
    kind = data[at]
    if kind == _STRING:
        (size,) = _I32.unpack_from(data, at + 1)
        end = at + 5 + max(size, 0)
        return (None if size < 0 else data[at + 5 : end].decode("utf-8", "replace")), end
    if kind == _EXTENSION:
        return _structure(data, at + 1)
    if kind == _EXTENSION | 0x80:
        return _structures(data, at + 1)
    buffer = Buffer(data, at)
    value = ua_binary.variant_from_binary(buffer).Value
    return value, buffer.cur_pos


def _structures(data: bytes, at: int) -> tuple[list[Any], int]:
    (count,) = _I32.unpack_from(data, at)
    at += 4
    values = []
    for _ in range(count):
        value, at = _structure(data, at)
        values.append(value)
    return values, at


def _structure(data: bytes, at: int) -> tuple[Any, int]:
    _, start, end = _extension(data, at)
    try:
        return ua_binary.extensionobject_from_binary(Buffer(data, at, end - at)), end
    except Exception:  # a type definition that does not fit its value must not cost the other values
        return {"bytes": base64.b64encode(data[start:end]).decode()}, end
