"""Times, qualities, history and every type of a metric."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import pytest

from lineshaft.edge.connectors import Tag
from lineshaft.edge.connectors.sparkplug import DataType
from lineshaft.kernel.terms import Kind, PlantPath, Quality

from .conftest import MS, NOW, ROOT, Bench, born, by_alias, message, nbirth, number


@pytest.mark.parametrize("at", [1, 4_102_444_800_000, MS + 7_200_000])
def test_times_nobody_can_believe_are_replaced_flagged_and_named_once(at: int) -> None:
    bench = born()
    bench.rows()
    for seq in (2, 3):
        bench.say("G/NDATA/E", message(seq, by_alias(1, 1, at)))
        assert bench.rows() == [("G/E/T", 1.0, bench.received, Quality.UNCERTAIN_TIME)]
    assert len(bench.named()) == 1


def test_a_value_without_a_time_has_that_of_its_payload_or_its_arrival() -> None:
    bench = born()
    bench.rows()
    bench.say("G/NDATA/E", message(2, {"alias": 1, "double_value": 1.0}, at=MS + 9))
    bench.say("G/NDATA/E", message(3, {"alias": 1, "double_value": 2.0}, at=0))
    assert [row[2] for row in bench.rows()] == [NOW + 9000, bench.received]


def test_history_keeps_its_time_and_does_not_touch_the_live_value() -> None:
    bench = born()
    bench.rows()
    past = {"is_historical": True}
    bench.say("G/NDATA/E", message(2, by_alias(1, 5.0, MS - 3_600_000, **past), by_alias(1, 6.0)))
    bench.say("G/NDATA/E", message(3, {"alias": 1, "double_value": 4.0, **past}))
    assert bench.rows() == [
        ("G/E/T", 5.0, NOW - 3_600_000_000, Quality.GOOD),
        ("G/E/T", 6.0, NOW, Quality.GOOD),
        ("G/E/T", 4.0, NOW, Quality.UNCERTAIN_TIME),
    ]
    assert bench.fleet.nodes["G", "E"].unit.by_name["T"].last == 6.0


@pytest.mark.parametrize(
    ("said", "expected"), [(192, Quality.GOOD), (0, Quality.BAD), (500, Quality.BAD_STALE), (7, Quality.UNCERTAIN)]
)
def test_the_quality_property_is_used(said: int, expected: Quality) -> None:
    bench = born()
    bench.rows()
    payload = message(2, by_alias(1, 1.0))
    payload.metrics[0].properties.keys.append("Quality")
    payload.metrics[0].properties.values.add(type=int(DataType.INT32), int_value=said)
    assert bench.say("G/NDATA/E", payload).rows()[0][3] == expected


def test_null_is_no_data_and_nan_is_bad_and_named_once() -> None:
    bench = born()
    bench.rows()
    bench.say("G/NDATA/E", message(2, {"alias": 1, "is_null": True}, by_alias(1, math.nan), by_alias(1, -math.inf)))
    assert [row[3] for row in bench.rows()] == [
        Quality.BAD_NO_DATA,
        Quality.BAD_OUT_OF_RANGE,
        Quality.BAD_OUT_OF_RANGE,
    ]
    assert len(bench.named()) == 1


def _array(letter: str, *items: Any) -> bytes:
    return struct.pack(f"<{len(items)}{letter}", *items)


@pytest.mark.parametrize(
    ("datatype", "wire", "expected"),
    [
        ("INT8", {"int_value": 2**32 - 5}, -5.0),
        ("INT8", {"int_value": 251}, -5.0),
        ("INT16", {"int_value": 2**32 - 30_000}, -30_000.0),
        ("INT16", {"int_value": 12}, 12.0),
        ("INT32", {"int_value": 2**32 - 1}, -1.0),
        ("INT32", {"long_value": 2**64 - 7}, -7.0),
        ("INT64", {"long_value": 2**64 - 9}, -9.0),
        ("INT64", {"long_value": 2**53}, float(2**53)),
        ("UINT8", {"int_value": 255}, 255.0),
        ("UINT16", {"int_value": 65_535}, 65_535.0),
        ("UINT32", {"int_value": 2**32 - 1}, float(2**32 - 1)),
        ("UINT32", {"long_value": 2**32 - 1}, float(2**32 - 1)),
        ("UINT64", {"long_value": 2**63}, float(2**63)),
        ("FLOAT", {"float_value": 1.5}, 1.5),
        ("DOUBLE", {"double_value": 1e300}, 1e300),
        ("DOUBLE", {"int_value": 3}, 3.0),
        ("INT32", {"double_value": 2.5}, 2.5),
        ("BOOLEAN", {"boolean_value": True}, 1.0),
        ("BOOLEAN", {"int_value": 1}, 1.0),
        ("STRING", {"string_value": "on"}, "on"),
        ("TEXT", {"string_value": "grüß"}, "grüß"),
        ("UUID", {"string_value": "550e8400-e29b-41d4-a716-446655440000"}, "550e8400-e29b-41d4-a716-446655440000"),
        ("DATETIME", {"long_value": MS + 123}, "2026-11-18T11:06:40.123Z"),
        ("BYTES", {"bytes_value": b"\x00\xff"}, "AP8="),
        ("INT16_ARRAY", {"bytes_value": _array("h", -1, 2)}, "[-1,2]"),
        ("UINT8_ARRAY", {"bytes_value": b"\x01\xff"}, "[1,255]"),
        ("INT64_ARRAY", {"bytes_value": _array("q", -1)}, "[-1]"),
        ("FLOAT_ARRAY", {"bytes_value": _array("f", 0.5, math.nan)}, "[0.5,null]"),
        ("DOUBLE_ARRAY", {"bytes_value": b""}, "[]"),
        ("BOOLEAN_ARRAY", {"bytes_value": b"\x0a\x00\x00\x00\xb0\x40"}, None),
        ("STRING_ARRAY", {"bytes_value": b"ab\x00c\x00"}, '["ab","c"]'),
        ("UNKNOWN", {"double_value": 4.0}, 4.0),
        ("STRING", {"int_value": 7}, 7.0),
    ],
)
def test_every_type(datatype: str, wire: dict[str, Any], expected: Any) -> None:
    bench = Bench()
    metric = {"name": "m", "timestamp": MS, "datatype": int(DataType[datatype]), **wire}
    bench.say("G/NBIRTH/E", nbirth(metric))
    if datatype == "BOOLEAN_ARRAY":
        expected = json.dumps([b == "1" for b in "1011000001"], separators=(",", ":"))
    assert bench.values() == [expected]


def test_data_sets_and_templates_are_json_text_and_definitions_are_left_out() -> None:
    bench = Bench()
    payload = nbirth(
        {"name": "table", "datatype": int(DataType.DATASET)},
        {"name": "_types_/Motor", "datatype": int(DataType.TEMPLATE)},
        {"name": "motor", "datatype": int(DataType.TEMPLATE)},
    )
    table = payload.metrics[1].dataset_value
    table.columns.extend(["a", "b"])
    table.types.extend([int(DataType.INT8), int(DataType.STRING)])
    row = table.rows.add()
    row.elements.add(int_value=255)
    row.elements.add(string_value="x")
    payload.metrics[2].template_value.is_definition = True
    member = payload.metrics[3].template_value.metrics.add(name="rpm", datatype=int(DataType.INT32))
    member.int_value = 1500
    bench.say("G/NBIRTH/E", payload)
    assert [(row[0], json.loads(row[1])) for row in bench.rows()] == [
        ("G/E/table", {"columns": ["a", "b"], "rows": [[-1, "x"]]}),
        ("G/E/motor", {"rpm": 1500}),
    ]


@pytest.mark.parametrize(
    ("datatype", "wire", "reason"),
    [
        ("BYTES", {"bytes_value": b"x" * 5000}, "5000 bytes are more"),
        ("FILE", {"bytes_value": b"x" * 5000}, "5000 bytes are more"),
        ("INT32_ARRAY", {"bytes_value": b"abc"}, "no INT32_ARRAY"),
        ("STRING_ARRAY", {"bytes_value": b"\xff\x00"}, "no STRING_ARRAY"),
        ("DATETIME", {"long_value": 2**63}, "is no time"),
    ],
)
def test_values_that_cannot_be_shown_are_left_out_and_named(datatype: str, wire: Any, reason: str) -> None:
    bench = Bench()
    bench.say("G/NBIRTH/E", nbirth({"name": "m", "datatype": int(DataType[datatype]), **wire}, number("ok", 1)))
    assert bench.values() == [1.0]
    assert reason in bench.named()[0]


def test_kinds_of_tags_decide_between_number_and_text() -> None:
    kinds = {"time": Kind.NUMBER, "count": Kind.TEXT, "words": Kind.NUMBER, "digits": Kind.NUMBER}
    tags = [Tag(path=PlantPath(f"{ROOT}/{n}"), address=f"G/E|{n}", kind=k) for n, k in kinds.items()]
    bench = Bench(*tags)
    bench.say(
        "G/NBIRTH/E",
        nbirth(
            {"name": "time", "datatype": int(DataType.DATETIME), "long_value": MS},
            {"name": "count", "datatype": int(DataType.INT32), "int_value": 7},
            {"name": "words", "datatype": int(DataType.STRING), "string_value": "many"},
            {"name": "digits", "datatype": int(DataType.STRING), "string_value": "12.5"},
        ),
    )
    assert [(row[1], row[3]) for row in bench.rows()] == [(float(MS), 0), ("7", 0), (None, Quality.BAD_TYPE), (12.5, 0)]
