"""What a tag of this connector must be, found without touching the network, and its scale undone."""

from __future__ import annotations

import codecs
import math

from lineshaft.edge.connectors import Problem, Tag
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import Kind, Value, nearest

from .address import Address, parse
from .settings import ModbusSettings

OPTIONS = ("order", "encoding")
"""`order`: byte order, as in the address. `encoding`: of strings, utf-8 by default."""


def address_of(tag: Tag, settings: ModbusSettings) -> Address:
    """Where the tag's value lies; Invalid when it cannot be read at all."""
    address = parse(tag.address, settings, order=str(tag.options.get("order", "")))
    if not address.table.bits and address.count > settings.max_registers:
        raise Invalid(
            f"{tag.address!r} takes {address.count} registers and one request carries {settings.max_registers}.",
            hint="Shorten the string or raise max_registers.",
        )
    try:
        codecs.lookup(encoding_of(tag))
    except LookupError as error:
        raise Invalid(f"There is no text encoding {encoding_of(tag)!r}.", hint="Try utf-8 or gb18030.") from error
    return address


def encoding_of(tag: Tag) -> str:
    """How the tag's strings are written."""
    return str(tag.options.get("encoding", "utf-8"))


def problems_of(tag: Tag, settings: ModbusSettings) -> list[Problem]:
    """Everything wrong with one tag."""
    try:
        address = address_of(tag, settings)
    except Invalid as error:
        return [Problem(path=tag.path, message=error.message, hint=error.hint)]
    found = [*_unknown_options(tag), *_misfits(tag, address)]
    if tag.writable and (refusal := never_writable(address)):
        found.append((refusal.message, refusal.hint))
    return [Problem(path=tag.path, message=message, hint=hint) for message, hint in found]


def never_writable(address: Address) -> Invalid | None:
    """Why no value can be written there, or None."""
    if address.table.writable:
        return None
    return Invalid(
        f"{address} cannot be written: {address.table} is read only.", hint="Write coils or holding registers."
    )


def unscaled(tag: Tag, address: Address, value: Value) -> Value:
    """The raw value to write; Invalid when the value has the wrong kind or lies outside low..high."""
    if address.type == "string":
        if isinstance(value, str):
            return value
        raise Invalid(f"{tag.path} holds text, but {value!r} was given.")
    if isinstance(value, str) or not math.isfinite(value):
        raise Invalid(f"{tag.path} holds a number, but {value!r} was given.")
    _check_range(tag, value)
    raw = value if (tag.scale, tag.offset) == (1.0, 0.0) else (value - tag.offset) / tag.scale
    if address.table.bits and raw not in (0, 1):
        raise Invalid(f"{tag.path} is on or off, but {value!r} was given.", hint="Write true or false.")
    return raw if address.bits is None else _field_value(tag, address.bits, raw)


def _field_value(tag: Tag, bits: tuple[int, int], raw: float) -> int:
    most = (1 << (bits[1] - bits[0] + 1)) - 1
    whole = round(raw)
    if not 0 <= whole <= most:
        raise Invalid(f"{tag.path} takes 0 to {most} in its bits, but {whole} was given.")
    return whole


def _check_range(tag: Tag, value: float) -> None:
    low = -math.inf if tag.low is None else tag.low
    high = math.inf if tag.high is None else tag.high
    if not low <= value <= high:
        raise Invalid(
            f"{value:g} is outside {low:g} to {high:g} of {tag.path}.",
            hint="Write a value inside the limits, or let an engineer change them.",
            low=tag.low,
            high=tag.high,
        )


def _unknown_options(tag: Tag) -> list[tuple[str, str]]:
    found = []
    for key in tag.options:
        if key not in OPTIONS:
            near = nearest(key, OPTIONS)
            hint = f"Did you mean {near!r}?" if near else f"There are {' and '.join(OPTIONS)}."
            found.append((f"Option {key!r} is not known here.", hint))
    return found


def _misfits(tag: Tag, address: Address) -> list[tuple[str, str]]:
    found = []
    if (tag.kind is Kind.TEXT) != (address.type == "string"):
        found.append(
            (f"{tag.address!r} does not hold a value of kind {tag.kind}.", "Set kind = 'text' with string[n] only.")
        )
    if tag.scale == 0 or not math.isfinite(tag.scale) or not math.isfinite(tag.offset):
        found.append((f"Scale {tag.scale:g} and offset {tag.offset:g} leave no value.", "Use a finite scale, not 0."))
    if tag.low is not None and tag.high is not None and tag.low > tag.high:
        found.append((f"low ({tag.low:g}) is above high ({tag.high:g}).", "Swap them."))
    return found
