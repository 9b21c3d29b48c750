"""What may be written to a tag: its range, and whether it may be written at all."""

from __future__ import annotations

import math

from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import Value

from .connectors import Tag
from .errors import NotWritable


def writable(tag: Tag) -> Tag:
    """The tag itself; NotWritable when it is only read."""
    if not tag.writable:
        raise NotWritable(f"{tag.path} is not marked writable.", hint="Set writable = true on its tag first.")
    return tag


def checked(tag: Tag, value: Value) -> Value:
    """The value as it may be written, or Invalid saying why not."""
    if isinstance(value, str):
        if tag.low is None and tag.high is None:
            return value
        value = _number_in(tag, value)
    number = float(value)
    if not math.isfinite(number):
        raise Invalid(f"{value!r} is no value for {tag.path}.", hint="Give a finite number.")
    low = tag.low if tag.low is not None else -math.inf
    high = tag.high if tag.high is not None else math.inf
    if not low <= number <= high:
        raise Invalid(
            f"{number:g} {tag.unit} is outside the range of {tag.path}.".replace("  ", " "),
            hint=f"Give a value from {low:g} to {high:g}.",
        )
    return value


def _number_in(tag: Tag, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise Invalid(f"{text!r} is no number, and {tag.path} has a range.", hint="Give a number.") from error
