"""Registers and values turn into each other exactly, in every type and byte order."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.edge.connectors.modbus import Decoding, decodings
from lineshaft.edge.connectors.modbus.address import Address, parse
from lineshaft.edge.connectors.modbus.codec import ORDERS, Cell, Decoder, encode, permutation
from lineshaft.edge.connectors.modbus.settings import ModbusSettings
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import Quality

SETTINGS = ModbusSettings(host="192.0.2.1")

# Written out by hand from the definition of each order, not with the code under test.
GOLDEN = [
    ("int16", -1234, {"ABCD": "fb2e", "CDAB": "fb2e", "BADC": "2efb", "DCBA": "2efb"}),
    ("uint16", 0xFEDC, {"ABCD": "fedc", "CDAB": "fedc", "BADC": "dcfe", "DCBA": "dcfe"}),
    ("int32", -123456789, {"ABCD": "f8a432eb", "CDAB": "32ebf8a4", "BADC": "a4f8eb32", "DCBA": "eb32a4f8"}),
    ("uint32", 0x89ABCDEF, {"ABCD": "89abcdef", "CDAB": "cdef89ab", "BADC": "ab89efcd", "DCBA": "efcdab89"}),
    ("float32", 123.456, {"ABCD": "42f6e979", "CDAB": "e97942f6", "BADC": "f64279e9", "DCBA": "79e9f642"}),
    (
        "int64",
        -1234567890123456,
        {
            "ABCD": "fffb9d2ac3754540",
            "CDAB": "4540c3759d2afffb",
            "BADC": "fbff2a9d75c34045",
            "DCBA": "404575c32a9dfbff",
        },
    ),
    (
        "uint64",
        0x0012345678ABCDEF,
        {
            "ABCD": "0012345678abcdef",
            "CDAB": "cdef78ab34560012",
            "BADC": "12005634ab78efcd",
            "DCBA": "efcdab7856341200",
        },
    ),
    (
        "float64",
        123.456,
        {
            "ABCD": "405edd2f1a9fbe77",
            "CDAB": "be771a9fdd2f405e",
            "BADC": "5e402fdd9f1a77be",
            "DCBA": "77be9f1a2fdd5e40",
        },
    ),
    ("bcd16", 1234, {"ABCD": "1234", "CDAB": "1234", "BADC": "3412", "DCBA": "3412"}),
    ("bcd32", 12345678, {"ABCD": "12345678", "CDAB": "56781234", "BADC": "34127856", "DCBA": "78563412"}),
]
VECTORS = [(kind, order, value, wire) for kind, value, wires in GOLDEN for order, wire in wires.items()]


def decode(address: Address, raw: bytes, *, encoding: str = "utf-8") -> tuple[float, int, str | None]:
    """Number, quality and text of one address over exactly its bytes."""
    number, quality = np.full(1, np.nan), np.zeros(1, np.uint8)
    decoder = Decoder.of([Cell(row=0, at=0, address=address, encoding=encoding)])
    decoder.numbers(np.frombuffer(raw, np.uint8), number, quality)
    return float(number[0]), int(quality[0]), decoder.texts(np.frombuffer(raw, np.uint8)).get(0)


@pytest.mark.parametrize(("kind", "order", "value", "wire"), VECTORS)
def test_every_type_and_order_reads_its_golden_bytes(kind: str, order: str, value: float, wire: str) -> None:
    number, quality, text = decode(parse(f"holding:0:{kind}:{order}", SETTINGS), bytes.fromhex(wire))
    expected = float(value)
    assert (number, quality, text) == (expected, Quality.GOOD, None)


@pytest.mark.parametrize(("kind", "order", "value", "wire"), VECTORS)
def test_every_type_and_order_writes_its_golden_bytes(kind: str, order: str, value: float, wire: str) -> None:
    assert encode(parse(f"holding:0:{kind}:{order}", SETTINGS), value).hex() == wire


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", [2, 4, 8])
def test_an_order_undoes_itself(order: str, size: int) -> None:
    places = permutation(size, order)
    assert [places[p] for p in places] == list(range(size))


@pytest.mark.parametrize(
    ("address", "wire", "expected"),
    [
        ("holding:0.0", "0001", 1),
        ("holding:0.15", "8000", 1),
        ("holding:0.15", "7fff", 0),
        ("holding:0.4-7", "abcd", 0xC),
        ("holding:0.4-7:uint16:BA", "abcd", 0xA),
        ("holding:0.8-23:uint32", "12345678", 0x3456),
        ("holding:0.8-23:uint32:CDAB", "56781234", 0x3456),
        ("holding:0.0-63:uint64", "0000000000000005", 5),
        ("holding:0.63:uint64", "8000000000000000", 1),
    ],
)
def test_bit_fields_are_cut_out_of_the_ordered_value(address: str, wire: str, expected: int) -> None:
    assert decode(parse(address, SETTINGS), bytes.fromhex(wire))[:2] == (expected, Quality.GOOD)


@pytest.mark.parametrize(
    ("address", "wire", "quality"),
    [
        ("holding:0:float32", "7fc00000", Quality.BAD_NO_DATA),
        ("holding:0:float32", "ff800000", Quality.BAD_OUT_OF_RANGE),
        ("holding:0:float64", "7ff0000000000000", Quality.BAD_OUT_OF_RANGE),
        ("holding:0:bcd16", "12a4", Quality.BAD_TYPE),
        ("holding:0:bcd32", "f2345678", Quality.BAD_TYPE),
    ],
)
def test_what_is_no_number_is_nan_with_a_reason(address: str, wire: str, quality: Quality) -> None:
    number, found, _ = decode(parse(address, SETTINGS), bytes.fromhex(wire))
    assert math.isnan(number)
    assert found == quality


@pytest.mark.parametrize(
    ("address", "encoding", "raw", "text"),
    [
        ("holding:0:string[6]", "utf-8", b"PUMP-7", "PUMP-7"),
        ("holding:0:string[6]", "utf-8", b"P1\0xyz", "P1"),
        ("holding:0:string[6]", "utf-8", b"P1    ", "P1"),
        ("holding:0:string[5]", "utf-8", b"ABCDEF", "ABCDE"),
        ("holding:0:string[6]:BA", "utf-8", b"UPPM7-", "PUMP-7"),
        ("holding:0:string[4]", "gb18030", "水泵".encode("gb18030"), "水泵"),
        ("holding:0:string[4]", "utf-8", b"a\xffb\0", "a\N{REPLACEMENT CHARACTER}b"),
    ],
)
def test_strings_end_at_nul_and_follow_order_and_encoding(address: str, encoding: str, raw: bytes, text: str) -> None:
    number, quality, found = decode(parse(address, SETTINGS), raw, encoding=encoding)
    assert math.isnan(number)
    assert (quality, found) == (Quality.GOOD, text)


def test_strings_are_written_padded_with_nul() -> None:
    assert encode(parse("holding:0:string[5]", SETTINGS), "AB") == b"AB\0\0\0\0"
    assert encode(parse("holding:0:string[4]:BA", SETTINGS), "ABC") == b"BA\0C"


@pytest.mark.parametrize(
    ("address", "value"),
    [
        ("holding:0:int16", 32768),
        ("holding:0:int16", -32769),
        ("holding:0:uint16", -1),
        ("holding:0:uint32", 2**32),
        ("holding:0:uint64", 2**64),
        ("holding:0:float32", 1e39),
        ("holding:0:bcd16", 10000),
        ("holding:0:bcd32", -1),
        ("holding:0:uint16", math.inf),
        ("holding:0:string[3]", "four"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(address: str, value: float | str) -> None:
    with pytest.raises(Invalid, match="does not fit"):
        encode(parse(address, SETTINGS), value)


def test_integers_are_rounded_not_cut() -> None:
    assert encode(parse("holding:0:int16", SETTINGS), 99.99999).hex() == "0064"
    assert encode(parse("holding:0:uint64", SETTINGS), 2**64 - 1).hex() == "f" * 16


@given(
    kind=st.sampled_from(["int16", "uint16", "int32", "uint32", "float32", "float64"]),
    order=st.sampled_from(ORDERS),
    raw=st.binary(min_size=8, max_size=8),
)
def test_what_is_read_writes_the_same_bytes(kind: str, order: str, raw: bytes) -> None:
    address = parse(f"holding:0:{kind}:{order}", SETTINGS)
    raw = raw[: address.count * 2]
    number, quality, _ = decode(address, raw)
    if quality == Quality.GOOD:
        assert encode(address, number) == raw


def test_decodings_list_every_type_and_order_of_every_place() -> None:
    found = decodings([0x42F6, 0xE979, 0x0000], start=100)
    assert Decoding(start=100, type="uint16", order="ABCD", value=0x42F6) in found
    assert Decoding(start=100, type="uint16", order="BADC", value=0xF642) in found
    assert Decoding(start=101, type="int16", order="ABCD", value=-5767) in found
    floats = {(d.start, d.order): d.value for d in found if d.type == "float32"}
    assert set(floats) == {(start, order) for start in (100, 101) for order in ORDERS}
    assert floats[100, "ABCD"] == pytest.approx(123.456, abs=1e-5)
    assert not [d for d in found if d.type in {"int64", "float64"}]
    assert {d.type for d in decodings([0] * 4)} == {
        *("int16", "uint16", "int32", "uint32", "float32", "int64", "uint64", "float64")
    }
