"""Addresses are read as their grammar says, and wrong ones are named without touching the network."""

from __future__ import annotations

from typing import Any

import pytest

from lineshaft.edge.connectors import Tag
from lineshaft.edge.connectors.modbus import CONNECTOR
from lineshaft.edge.connectors.modbus.address import Address, Table, parse
from lineshaft.edge.connectors.modbus.settings import ModbusSettings
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import Kind, PlantPath

SETTINGS = ModbusSettings(host="192.0.2.1", unit=9)


def holding(start: int, **more: Any) -> Address:
    return Address(**{"unit": 9, "table": Table.HOLDING, "start": start, **more})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("holding:100", holding(100)),
        ("holding:0x64:uint16", holding(100)),
        ("HOLDING:100:Float32", holding(100, type="float32", count=2)),
        ("holding:100:float32:CDAB", holding(100, type="float32", count=2, order="CDAB")),
        ("holding:100:float64:ghefcdab", holding(100, type="float64", count=4, order="CDAB")),
        ("holding:100:int16:BA", holding(100, type="int16", order="BADC")),
        ("3!input:5:int16", Address(unit=3, table=Table.INPUT, start=5, type="int16")),
        ("coil:7", Address(unit=9, table=Table.COIL, start=7, type="bool")),
        ("0!discrete:3:bool", Address(unit=0, table=Table.DISCRETE, start=3, type="bool")),
        ("holding:10.3", holding(10, bits=(3, 3))),
        ("holding:10.4-7", holding(10, bits=(4, 7))),
        ("holding:10.17-31:uint32", holding(10, type="uint32", count=2, bits=(17, 31))),
        ("holding:200:string[15]", holding(200, type="string", count=8, length=15)),
        ("holding:65535", holding(65535)),
        ("4x00101", holding(100)),
        ("40101:uint32", holding(100, type="uint32", count=2)),
        ("465536", holding(65535)),
        ("3x1", Address(unit=9, table=Table.INPUT, start=0)),
        ("10001", Address(unit=9, table=Table.DISCRETE, start=0, type="bool")),
        ("0x00008", Address(unit=9, table=Table.COIL, start=7, type="bool")),
    ],
)
def test_an_address_means_what_its_grammar_says(text: str, expected: Address) -> None:
    assert parse(text, SETTINGS) == expected


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "not a Modbus address"),
        ("holding 100", "not a Modbus address"),
        ("holding:100000", "not a Modbus address"),
        ("holdng:1", "Did you mean 'holding'?"),
        ("holding:65536", "outside the table"),
        ("holding:65535:uint32", "past the last register"),
        ("holding:1:flot32", "Did you mean 'float32'?"),
        ("holding:1:float32:ACBD", "unknown order"),
        ("holding:1:string", "needs its length"),
        ("holding:1:int16[4]", "only a string has one"),
        ("holding:1.16", "run from 0 to 15"),
        ("holding:1.7-4", "run from 0 to 15"),
        ("holding:1.3:int16", "uint16, uint32 and uint64 only"),
        ("coil:1.3", "is one bit"),
        ("coil:1:uint16", "is one bit"),
        ("256!coil:1", "end at 255"),
        ("4x00000", "outside the table"),
        ("40000", "outside the table"),
        ("20001", "not a Modbus address"),
    ],
)
def test_a_wrong_address_says_what_is_wrong_with_it(text: str, part: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(text, SETTINGS)
    assert part in str(caught.value)


def test_one_based_numbers_move_names_but_not_references() -> None:
    settings = ModbusSettings(host="192.0.2.1", one_based=True)
    assert parse("holding:1", settings).start == 0
    assert parse("4x00001", settings).start == 0
    assert parse("holding:65536", settings).start == 65535
    with pytest.raises(Invalid):
        parse("holding:0", settings)


@pytest.mark.parametrize(
    ("words", "octets", "order"),
    [
        ("high-first", "big", "ABCD"),
        ("low-first", "big", "CDAB"),
        ("high-first", "little", "BADC"),
        ("low-first", "little", "DCBA"),
    ],
)
def test_the_link_sets_the_order_and_tag_and_address_override_it(words: Any, octets: Any, order: str) -> None:
    settings = ModbusSettings(host="192.0.2.1", word_order=words, byte_order=octets)
    assert parse("holding:1:float32", settings).order == order
    assert parse("holding:1:float32", settings, order="CDAB").order == "CDAB"
    assert parse("holding:1:float32:BADC", settings, order="CDAB").order == "BADC"


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({}, "needs host"),
        ({"mode": "rtu"}, "needs device"),
        ({"mode": "rtu", "device": "/dev/ttyS0", "connections": 2}, "one master"),
        ({"host": "h", "answer_timeout_s": 4}, "at least twice"),
        ({"host": "h", "max_registers": 126}, "less than or equal to 125"),
        ({"host": "h", "speed": 1}, "Extra inputs"),
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, Any], part: str) -> None:
    with pytest.raises(ValueError, match=part):
        ModbusSettings(**given)


@pytest.mark.parametrize(
    ("tag", "part"),
    [
        ({"address": "hold:1"}, "names no Modbus table"),
        ({"address": "holding:1:string[252]"}, "one request carries 125"),
        ({"address": "holding:1:string[8]"}, "does not hold a value of kind number"),
        ({"address": "holding:1", "kind": Kind.TEXT}, "does not hold a value of kind text"),
        ({"address": "input:1", "writable": True}, "read only"),
        ({"address": "holding:1", "scale": 0.0}, "leave no value"),
        ({"address": "holding:1", "low": 5.0, "high": 1.0}, "above high"),
        ({"address": "holding:1", "options": {"ordr": "CDAB"}}, "'ordr' is not known"),
        ({"address": "holding:1:string[8]", "kind": Kind.TEXT, "options": {"encoding": "klingon"}}, "no text encoding"),
    ],
)
def test_check_names_the_tag_and_the_fault(tag: dict[str, Any], part: str) -> None:
    bad = Tag(path=PlantPath("p/bad"), **tag)
    good = Tag(path=PlantPath("p/good"), address="holding:1")
    problems = CONNECTOR(SETTINGS, [good, bad], root=PlantPath("p")).check()
    assert [problem.path for problem in problems] == ["p/bad"]
    assert part in problems[0].message
