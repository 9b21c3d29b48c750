"""What can go wrong between us and a Modbus device.

LinkLost     503  the socket or serial line is gone: nobody behind it can answer
UnitFailed   504  the link stands, but one unit behind it
├── UnitSilent    does not answer
└── UnitGarbled   answers nonsense
Refused      400  the unit answered with an exception code (Modbus application protocol 1.1b3, §7)
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar

from lineshaft.kernel.errors import Invalid, Timeout, Unavailable
from lineshaft.kernel.terms import Quality


class LinkLost(Unavailable):
    """The link itself is down."""

    code = "edge.modbus_link_lost"


class UnitFailed(Timeout):
    """One unit failed; the link and its other units go on."""

    code = "edge.modbus_unit_failed"
    quality: ClassVar[Quality] = Quality.BAD_NOT_CONNECTED


class UnitSilent(UnitFailed):
    """No answer in time."""

    default_hint = "Check that the unit is powered and that its unit id, baud rate and parity are right."


class UnitGarbled(UnitFailed):
    """An answer that cannot be the answer."""

    quality = Quality.BAD_DEVICE_FAILURE
    default_hint = "Check the wiring and that this is a Modbus device speaking the configured mode."


class ExceptionCode(IntEnum):
    """Why a unit refuses."""

    ILLEGAL_FUNCTION = 1
    ILLEGAL_ADDRESS = 2
    ILLEGAL_VALUE = 3
    DEVICE_FAILURE = 4
    ACKNOWLEDGE = 5
    BUSY = 6
    NEGATIVE_ACKNOWLEDGE = 7
    PARITY_ERROR = 8
    NO_GATEWAY_PATH = 10
    NO_GATEWAY_ANSWER = 11


_HINTS = {
    1: "The device does not offer this function: use another table.",
    2: "The device has no such register: compare the address with its manual, and mind one-based numbering.",
    3: "The device does not take this value or this many registers.",
    4: "The device reports a failure of its own.",
    6: "The device is busy; try again.",
    10: "The gateway has no way to this unit: check its routing table and the unit id.",
    11: "The gateway hears nothing from this unit: check its power, wiring, unit id and baud rate.",
}


class Refused(Invalid):
    """The unit answered with an exception code."""

    code = "edge.modbus_refused"

    def __init__(self, unit: int, what: str, reason: int) -> None:
        self.unit = unit
        self.reason = reason
        name = (
            ExceptionCode(reason).name.replace("_", " ").lower() if reason in set(ExceptionCode) else "unknown reason"
        )
        super().__init__(f"Unit {unit} refuses {what}: {name} (exception {reason}).", hint=_HINTS.get(reason, ""))

    @property
    def from_gateway(self) -> bool:
        """Whether a gateway speaks for a unit that does not answer."""
        return self.reason in (ExceptionCode.NO_GATEWAY_PATH, ExceptionCode.NO_GATEWAY_ANSWER)

    @property
    def of_address(self) -> bool:
        """Whether fewer or other registers might have been granted."""
        return self.reason in (
            ExceptionCode.ILLEGAL_FUNCTION,
            ExceptionCode.ILLEGAL_ADDRESS,
            ExceptionCode.ILLEGAL_VALUE,
        )
