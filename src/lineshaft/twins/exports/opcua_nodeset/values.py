"""Lexical values as OPC UA values: data type, and the XML of the value.

Lists begin with a line break: readers in use take an element that begins with another element for null.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from xml.sax.saxutils import escape

from lineshaft.twins.metamodel.kinds import Json


@dataclass(frozen=True, slots=True)
class Value:
    """A data type by its number in the base namespace, the XML of a value ('' for none), 1 for an array."""

    data_type: int
    xml: str = ""
    array: bool = False


STRING, BYTES, TEXT, ARGUMENT = 12, 15, 21, 296
_TYPES: Final = {
    "xs:boolean": (1, "Boolean"), "xs:byte": (2, "SByte"), "xs:unsignedByte": (3, "Byte"), "xs:short": (4, "Int16"),
    "xs:unsignedShort": (5, "UInt16"), "xs:int": (6, "Int32"), "xs:unsignedInt": (7, "UInt32"),
    "xs:long": (8, "Int64"), "xs:unsignedLong": (9, "UInt64"), "xs:float": (10, "Float"), "xs:double": (11, "Double"),
    "xs:string": (12, "String"), "xs:dateTime": (13, "DateTime"),
}  # fmt: skip
_TRUTH: Final = {"true": "true", "1": "true", "false": "false", "0": "false"}


def known(value_type: str) -> bool:
    """Whether OPC UA has the type."""
    return value_type in _TYPES


def data_type(value_type: str) -> int:
    """The number of the data type; String for what OPC UA does not have."""
    return _TYPES.get(value_type, (STRING, ""))[0]


def scalar(value_type: str, lexical: str | None) -> Value | None:
    """A typed value; None when the text is none of its type."""
    number, tag = _TYPES.get(value_type, (STRING, "String"))
    if lexical is None:
        return Value(number)
    try:
        text = _READ.get(tag, _number)(lexical.strip() if tag != "String" else lexical)
    except (ValueError, KeyError, OverflowError):
        return None
    return Value(number, f"<uax:{tag}>{text}</uax:{tag}>")


def string(text: str) -> Value:
    return Value(STRING, f"<uax:String>{escape(text)}</uax:String>")


def octets(base64: str) -> Value:
    return Value(BYTES, f"<uax:ByteString>{escape(base64)}</uax:ByteString>")


def localized(strings: list[Json]) -> Value:
    """Texts of several languages as an array of LocalizedText, which has no value when there are none."""
    if not strings:
        return Value(TEXT, array=True)
    items = "".join(
        f"<uax:LocalizedText><uax:Locale>{escape(s['language'])}</uax:Locale>"
        f"<uax:Text>{escape(s['text'])}</uax:Text></uax:LocalizedText>"
        for s in strings
    )
    return Value(TEXT, f"<uax:ListOfLocalizedText>\n{items}</uax:ListOfLocalizedText>", array=True)


def arguments(variables: list[tuple[str, int]]) -> Value:
    """Arguments of a method, each a name and a data type."""
    items = "".join(
        "<uax:ExtensionObject><uax:TypeId><uax:Identifier>i=297</uax:Identifier></uax:TypeId><uax:Body><uax:Argument>"
        f"<uax:Name>{escape(name)}</uax:Name><uax:DataType><uax:Identifier>i={number}</uax:Identifier></uax:DataType>"
        "<uax:ValueRank>-1</uax:ValueRank><uax:ArrayDimensions/><uax:Description/></uax:Argument></uax:Body>"
        "</uax:ExtensionObject>"
        for name, number in variables
    )
    return Value(ARGUMENT, f"<uax:ListOfExtensionObject>\n{items}</uax:ListOfExtensionObject>", array=True)


def _number(text: str) -> str:
    int(text)
    return text.lstrip("+")


def _float(text: str) -> str:
    float(text)
    return text.lstrip("+")


def _moment(text: str) -> str:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone is no UTC time")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


_READ: Final[dict[str, Callable[[str], str]]] = {
    "Boolean": _TRUTH.__getitem__, "Float": _float, "Double": _float, "String": escape, "DateTime": _moment,
}  # fmt: skip
