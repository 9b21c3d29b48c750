"""Sets values on a server: typed as the node holds them, unscaled, and only what fits."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from asyncua import ua
from asyncua.common.ua_utils import data_type_to_variant_type

from lineshaft.edge.connectors import Tag
from lineshaft.kernel.errors import Forbidden, Invalid, NotFound, PlatformError, Unavailable
from lineshaft.kernel.terms import Value, nearest

from .link import Codes, Link
from .table import Item
from .values import Unfit, element_of, meaning, to_text

Type = ua.VariantType

_WHOLE = {
    Type.SByte: (-(2**7), 2**7 - 1),
    Type.Byte: (0, 2**8 - 1),
    Type.Int16: (-(2**15), 2**15 - 1),
    Type.UInt16: (0, 2**16 - 1),
    Type.Int32: (-(2**31), 2**31 - 1),
    Type.UInt32: (0, 2**32 - 1),
    Type.Int64: (-(2**63), 2**63 - 1),
    Type.UInt64: (0, 2**64 - 1),
}
_TRUE, _FALSE = {"true", "1", "on"}, {"false", "0", "off"}
_SHUT = {Codes.BadNotWritable, Codes.BadUserAccessDenied, Codes.BadWriteNotSupported}
_WRONG = {Codes.BadTypeMismatch, Codes.BadOutOfRange, Codes.BadIndexRangeInvalid, Codes.BadIndexRangeNoData}


async def write(link: Link, tag: Tag, item: Item, value: Value) -> None:
    """Write one tag and return when the server has taken it."""
    (current,) = await link.attributes([item.node])
    if current.StatusCode is not None and current.StatusCode.value == Codes.BadNodeIdUnknown:
        raise NotFound(f"The server has no {tag.address}.", hint="Browse it for the node as it is called now.")
    now = current.Value.Value if current.Value is not None else None
    kind = await _type(link, item.node, current)
    element = item.picks[0].element
    if element:
        _ensure_element(now, tag, element)
        await _write_element(link, tag, item, kind, raw_of(value, tag, kind, item.names), now)
    elif isinstance(now, list):
        await _send(link, tag, item.node, ua.Variant(_list_of(value, tag, kind, item.names), kind))
    else:
        await _send(link, tag, item.node, ua.Variant(raw_of(value, tag, kind, item.names), kind))


def raw_of(value: Value, tag: Tag, kind: ua.VariantType, names: Mapping[int, str]) -> Any:
    """The value as the server wants it; Invalid when it does not fit."""
    if isinstance(value, str) and names:
        value = _number_of(value, tag, names)
    if kind is Type.Boolean:
        return _truth(value, tag)
    if kind in _WHOLE or kind in {Type.Float, Type.Double}:
        return _unscaled(value, tag, kind)
    if kind is Type.String:
        return value if isinstance(value, str) else to_text(value)
    if kind is Type.LocalizedText:
        return ua.LocalizedText(str(value))
    if kind is Type.DateTime:
        return _moment(value, tag)
    raise Invalid(f"{tag.path} holds {kind.name}, which cannot be written from here.")


def _ensure_element(now: Any, tag: Tag, element: tuple[int, ...]) -> None:
    try:
        element_of(now, element)
    except Unfit as unfit:
        raise Invalid(f"{tag.address} {unfit}") from unfit


async def _type(link: Link, node: ua.NodeId, current: ua.DataValue) -> ua.VariantType:
    """The built-in type of a node: that of its value, or, while it has none, that of its data type."""
    if current.Value is not None and current.Value.VariantType is not Type.Null:
        return current.Value.VariantType
    data_type = await link.client.get_node(node).read_data_type()
    return await data_type_to_variant_type(link.client.get_node(data_type))


async def _write_element(link: Link, tag: Tag, item: Item, kind: ua.VariantType, raw: Any, now: Any) -> None:
    """Write one element; as an index range, where the server proves on reading that it knows them."""
    element = item.picks[0].element
    span = ",".join(str(step) for step in element)
    asked = ua.ReadValueId(NodeId=item.node, AttributeId=ua.AttributeIds.Value, IndexRange=span)
    (part,) = await link.session.read(ua.ReadParameters(NodesToRead=[asked]))
    only = part.Value.Value if part.Value is not None else None
    if part.StatusCode.is_good() and isinstance(only, list) and len(only) == 1 and len(now) > 1:
        nested: Any = raw
        for _ in element:
            nested = [nested]
        await _send(link, tag, item.node, ua.Variant(nested, kind), span)
        return
    element_of(now, element[:-1])[element[-1]] = raw
    await _send(link, tag, item.node, ua.Variant(now, kind))


async def _send(link: Link, tag: Tag, node: ua.NodeId, value: ua.Variant, span: str | None = None) -> None:
    # Value only: many PLCs refuse a status or a time with it.
    data = ua.DataValue(Value=value, StatusCode=None)
    params = ua.WriteParameters()
    params.NodesToWrite = [ua.WriteValue(NodeId=node, AttributeId=ua.AttributeIds.Value, IndexRange=span, Value=data)]
    (status,) = await link.session.write(params)
    if status.is_bad():
        raise _refusal(tag, status.value)


def _refusal(tag: Tag, status: int) -> PlatformError:
    why = f"The machine does not take a value for {tag.path}: {meaning(status)}."
    if status in _SHUT:
        return Forbidden(why, hint="Allow writing on the server, for the user the connection signs in with.")
    if status in _WRONG:
        return Invalid(why)
    if status in {Codes.BadNodeIdUnknown, Codes.BadNodeIdInvalid}:
        return NotFound(why, hint="Browse the server for the node as it is called now.")
    return Unavailable(why)


def _unscaled(value: Value, tag: Tag, kind: ua.VariantType) -> float | int:
    try:
        number = float(value)
    except ValueError as error:
        raise Invalid(f"{tag.path} takes a number, not {value!r}.") from error
    if not math.isfinite(number):
        raise Invalid(f"{tag.path} takes a number, not {value!r}.")
    low, high = tag.low, tag.high
    if (low is not None and number < low) or (high is not None and number > high):
        raise Invalid(f"{number:g} is outside what {tag.path} may be: {_range(tag)}.")
    if kind not in _WHOLE:
        return (number - tag.offset) / tag.scale
    exact = isinstance(value, int) and (tag.scale, tag.offset) == (1.0, 0.0)
    whole = int(value) if exact else round((number - tag.offset) / tag.scale)
    least, most = _WHOLE[kind]
    if not least <= whole <= most:
        raise Invalid(f"{value} does not fit {tag.path}: the machine holds {kind.name}, {least} to {most}.")
    return whole


def _range(tag: Tag) -> str:
    low = "any" if tag.low is None else f"{tag.low:g}"
    high = "any" if tag.high is None else f"{tag.high:g}"
    return f"{low} to {high} {tag.unit}".rstrip()


def _truth(value: Value, tag: Tag) -> bool:
    word = str(value).strip().lower().removesuffix(".0")
    if word not in _TRUE | _FALSE:
        raise Invalid(f"{tag.path} takes true or false, not {value!r}.")
    return word in _TRUE


def _number_of(word: str, tag: Tag, names: Mapping[int, str]) -> int:
    numbers = {name: number for number, name in names.items()}
    if word in numbers:
        return numbers[word]
    near = nearest(word, numbers)
    hint = f"Did you mean {near!r}?" if near else f"It knows: {', '.join(numbers)}."
    raise Invalid(f"{tag.path} has no state {word!r}.", hint=hint)


def _moment(value: Value, tag: Tag) -> datetime:
    try:
        if not isinstance(value, str):
            return datetime.fromtimestamp(float(value), UTC)
        moment = datetime.fromisoformat(value)
    except (ValueError, OverflowError) as error:
        raise Invalid(f"{tag.path} takes a time like 2026-01-31T08:00:00Z, not {value!r}.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _list_of(value: Value, tag: Tag, kind: ua.VariantType, names: Mapping[int, str]) -> list[Any]:
    try:
        values = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        values = None
    if not isinstance(values, list):
        raise Invalid(f"{tag.path} is an array and takes a JSON list, such as [1, 2, 3].")
    return [raw_of(each, tag, kind, names) for each in values]
