"""Turns what OPC UA knows (values, status codes) into what the platform says."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from asyncua import ua

from lineshaft.edge.connectors import Tag
from lineshaft.kernel.terms import Kind, Quality

from .wire import NAN

_CODES = {
    "GoodLocalOverride": Quality.GOOD_LOCAL_OVERRIDE,
    "UncertainLastUsableValue": Quality.UNCERTAIN_LAST_USABLE,
    "UncertainNoCommunicationLastUsableValue": Quality.UNCERTAIN_LAST_USABLE,
    "UncertainSensorNotAccurate": Quality.UNCERTAIN_SENSOR,
    "UncertainEngineeringUnitsExceeded": Quality.UNCERTAIN_SENSOR,
    "BadNotConnected": Quality.BAD_NOT_CONNECTED,
    "BadNoCommunication": Quality.BAD_NOT_CONNECTED,
    "BadServerNotConnected": Quality.BAD_NOT_CONNECTED,
    "BadConfigurationError": Quality.BAD_CONFIG_ERROR,
    "BadNodeIdUnknown": Quality.BAD_CONFIG_ERROR,
    "BadNodeIdInvalid": Quality.BAD_CONFIG_ERROR,
    "BadAttributeIdInvalid": Quality.BAD_CONFIG_ERROR,
    "BadNotReadable": Quality.BAD_CONFIG_ERROR,
    "BadUserAccessDenied": Quality.BAD_CONFIG_ERROR,
    "BadDeviceFailure": Quality.BAD_DEVICE_FAILURE,
    "BadSensorFailure": Quality.BAD_DEVICE_FAILURE,
    "BadOutOfRange": Quality.BAD_OUT_OF_RANGE,
    "BadNoData": Quality.BAD_NO_DATA,
    "BadNoDataAvailable": Quality.BAD_NO_DATA,
    "BadWaitingForInitialData": Quality.BAD_NO_DATA,
    "BadTypeMismatch": Quality.BAD_TYPE,
}
_QUALITY = {getattr(ua.StatusCodes, name): quality for name, quality in _CODES.items()}
_GRADES = (Quality.GOOD, Quality.UNCERTAIN, Quality.BAD, Quality.BAD)


def quality_of(status: int) -> Quality:
    """The platform's word for an OPC UA status code; unknown reasons keep their class."""
    return _QUALITY.get(status & 0xFFFF0000, _GRADES[status >> 30])


def meaning(status: int) -> str:
    """Name and explanation of a status code."""
    code = ua.StatusCode(status & 0xFFFF0000)
    return f"{code.name} ({code.doc.rstrip('.')})" if code.doc else str(code.name)


class Unfit(Exception):
    """A value that does not fit its tag; the text continues a sentence that begins with the address."""

    def __init__(self, message: str, quality: Quality = Quality.BAD_TYPE) -> None:
        super().__init__(message)
        self.quality = quality


def convert(value: Any, tag: Tag, names: Mapping[int, str]) -> tuple[float, str | None]:
    """The number or the text of a value, as the tag's kind wants it; Unfit when it cannot be had."""
    if value is None:
        return NAN, None
    if tag.kind is Kind.TEXT:
        return NAN, to_text(value)
    if tag.kind is Kind.ENUM:
        return NAN, _word(value, names)
    if isinstance(value, datetime):
        return value.timestamp() * tag.scale + tag.offset, None
    if isinstance(value, int | float):
        return value * tag.scale + tag.offset, None
    if isinstance(value, list):
        raise Unfit("is an array; add [0] for one element, or set kind = 'text' to have all of it as JSON.")
    raise Unfit(f"holds {type(value).__name__}, not a number; set kind = 'text'.")


def element_of(value: Any, element: tuple[int, ...]) -> Any:
    """One element of an array, or the value itself when no element is named."""
    for step in element:
        if not isinstance(value, list):
            raise Unfit("is no array, so it has no elements.", Quality.BAD_CONFIG_ERROR)
        if step >= len(value):
            raise Unfit(f"does not exist: the array has {len(value)} elements, from [0].", Quality.BAD_CONFIG_ERROR)
        value = value[step]
    return value


def _word(value: Any, names: Mapping[int, str]) -> str:
    if isinstance(value, Enum):
        return str(value.name)
    if isinstance(value, int):
        return names.get(int(value), str(int(value)))
    return to_text(value)


def to_text(value: Any) -> str:
    """Text of any value: itself, or JSON for arrays and structures."""
    plain = _plain(value)
    if isinstance(plain, str):
        return plain
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    """What JSON can say."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, int):
        return int(value)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    return _plain_object(value)


def _plain_object(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, ua.LocalizedText):
        return value.Text or ""
    if isinstance(value, ua.QualifiedName):
        return value.Name
    if isinstance(value, ua.StatusCode):
        return value.name
    if isinstance(value, ua.NodeId):
        return value.to_string()
    if isinstance(value, ua.Variant | ua.DataValue):
        return _plain(value.Value)
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value) if each.name != "Encoding"}
    return str(value)
