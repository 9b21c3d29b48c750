"""What can be wrong with what somebody says about a submodel and its elements.

Invalid      BadIdentifier    an id in an address is not base64url of UTF-8
             BadPath          text is no idShortPath, or leads where no element can stand
             BadValue         a value does not fit its element; `path` and `reason` say where and why
             BadForm          the element has no such form: `$value` of a capability
NotFound     NoElement        there is no element at that path
Conflict     TakenElement     there is one already
"""

from __future__ import annotations

from lineshaft.kernel.errors import Conflict, Invalid, NotFound


class BadIdentifier(Invalid):
    """An id in an address is not base64url of UTF-8."""

    code = "twins.bad_identifier"
    default_hint = "Encode the UTF-8 bytes of the id as base64url without padding."


class BadPath(Invalid):
    """Text is no idShortPath, or leads where no element can stand."""

    code = "twins.bad_path"
    default_hint = "Write idShorts with '.' between and '[0]' for the members of a list, as in Motor.Temperature[0]."


class BadValue(Invalid):
    """A value does not fit its element."""

    code = "twins.bad_value"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"{path or 'The submodel'}: {reason}.", hint="Nothing was written. See `$metadata` for what fits."
        )
        self.path = path
        self.reason = reason


class BadForm(Invalid):
    """The element has no such form."""

    code = "twins.no_such_form"
    default_hint = "Leave the modifier out to get the element itself."


class NoElement(NotFound):
    """There is no element at that path."""

    code = "twins.element_not_found"
    default_hint = "`$path` of the submodel lists its elements."


class TakenElement(Conflict):
    """There is an element of that idShort already."""

    code = "twins.element_taken"
    default_hint = "Replace it with PUT, or choose another idShort."
