"""The Sparkplug B payload as protobuf messages, built at import from the field numbers of the standard.

Source: Sparkplug 3.0.0, clause 6.4.1. Only names, numbers and types are facts of the wire; extensions
and the deprecated compression are left out, unknown fields are skipped by protobuf itself.

    Payload   timestamp · metrics[] · seq · uuid · body
    Metric    name · alias · timestamp · datatype · flags · metadata · properties · one value
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, cast

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = "lineshaft.sparkplug"
_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "bool": _FIELD.TYPE_BOOL,
    "bytes": _FIELD.TYPE_BYTES,
    "double": _FIELD.TYPE_DOUBLE,
    "float": _FIELD.TYPE_FLOAT,
    "string": _FIELD.TYPE_STRING,
    "uint32": _FIELD.TYPE_UINT32,
    "uint64": _FIELD.TYPE_UINT64,
}

# Message → "type name = number"; `*` repeats, `|` marks the members of the oneof `value`.
_MESSAGES = {
    "Payload": "uint64 timestamp=1, *Metric metrics=2, uint64 seq=3, string uuid=4, bytes body=5",
    "Metric": (
        "string name=1, uint64 alias=2, uint64 timestamp=3, uint32 datatype=4, bool is_historical=5,"
        " bool is_transient=6, bool is_null=7, MetaData metadata=8, PropertySet properties=9,"
        " |uint32 int_value=10, |uint64 long_value=11, |float float_value=12, |double double_value=13,"
        " |bool boolean_value=14, |string string_value=15, |bytes bytes_value=16, |DataSet dataset_value=17,"
        " |Template template_value=18"
    ),
    "MetaData": (
        "bool is_multi_part=1, string content_type=2, uint64 size=3, uint64 seq=4, string file_name=5,"
        " string file_type=6, string md5=7, string description=8"
    ),
    "PropertySet": "*string keys=1, *PropertyValue values=2",
    "PropertySetList": "*PropertySet propertyset=1",
    "PropertyValue": (
        "uint32 type=1, bool is_null=2, |uint32 int_value=3, |uint64 long_value=4, |float float_value=5,"
        " |double double_value=6, |bool boolean_value=7, |string string_value=8, |PropertySet propertyset_value=9,"
        " |PropertySetList propertysets_value=10"
    ),
    "DataSet": "uint64 num_of_columns=1, *string columns=2, *uint32 types=3, *Row rows=4",
    "Row": "*DataSetValue elements=1",
    "DataSetValue": (
        "|uint32 int_value=1, |uint64 long_value=2, |float float_value=3, |double double_value=4,"
        " |bool boolean_value=5, |string string_value=6"
    ),
    "Template": (
        "string version=1, *Metric metrics=2, *Parameter parameters=3, string template_ref=4, bool is_definition=5"
    ),
    "Parameter": (
        "string name=1, uint32 type=2, |uint32 int_value=3, |uint64 long_value=4, |float float_value=5,"
        " |double double_value=6, |bool boolean_value=7, |string string_value=8"
    ),
}


class DataType(IntEnum):
    """The type of a metric's value."""

    UNKNOWN = 0
    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATETIME = 13
    TEXT = 14
    UUID = 15
    DATASET = 16
    BYTES = 17
    FILE = 18
    TEMPLATE = 19
    PROPERTY_SET = 20
    PROPERTY_SET_LIST = 21
    INT8_ARRAY = 22
    INT16_ARRAY = 23
    INT32_ARRAY = 24
    INT64_ARRAY = 25
    UINT8_ARRAY = 26
    UINT16_ARRAY = 27
    UINT32_ARRAY = 28
    UINT64_ARRAY = 29
    FLOAT_ARRAY = 30
    DOUBLE_ARRAY = 31
    BOOLEAN_ARRAY = 32
    STRING_ARRAY = 33
    DATETIME_ARRAY = 34


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="lineshaft/sparkplug_b.proto", package=_PACKAGE, syntax="proto2")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        if "|" in fields:
            message.oneof_decl.add(name="value")
        for field in fields.split(","):
            _add(message, field.strip())
    return file


def _add(message: Any, text: str) -> None:
    declared, _, number = text.rpartition("=")
    kind, name = declared.lstrip("*|").split(" ")
    label = _FIELD.LABEL_REPEATED if text.startswith("*") else _FIELD.LABEL_OPTIONAL
    field = message.field.add(name=name, number=int(number), label=label)
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type, field.type_name = _FIELD.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
    if text.startswith("|"):
        field.oneof_index = 0


def _classes() -> dict[str, Any]:
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_file())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in _MESSAGES
    }


_CLASSES = _classes()
Payload = cast("Any", _CLASSES["Payload"])
"""`Payload.FromString(data)` reads, `payload.SerializeToString()` writes; raises DecodeError on garbage."""
