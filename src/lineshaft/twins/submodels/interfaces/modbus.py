"""Modbus forms as addresses of the connector (W3C WoT Binding for Modbus).

    base modbus+tcp://192.168.1.10:502      href /1/40001?quantity=2
                                                  │   │             └ registers
                                                  │   └ address, counted from 1
                                                  └ unit

The table comes from `modv_function` or `modv_entity` and never from the first digit of the address: with
`readHoldingRegisters` 40001 is the 40,001st holding register, number 40000 on the wire. Only
`modv_zeroBasedAddressing` true makes the address count from 0. Bytes and registers come most significant first
unless `modv_mostSignificantByte` or `modv_mostSignificantWord`, of the form or else of the endpoint, say otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from lineshaft.kernel.errors import Invalid

from .reading import Interface, Point

_TABLES = {
    "readcoil": "coil", "coil": "coil", "readdiscreteinput": "discrete", "discreteinput": "discrete",
    "readholdingregisters": "holding", "holdingregister": "holding", "readinputregisters": "input",
    "inputregister": "input", "writesinglecoil": "coil", "writemultiplecoils": "coil",
    "writesingleholdingregister": "holding", "writemultipleholdingregisters": "holding",
}  # fmt: skip
_TYPES = {
    "short": "int16", "unsignedShort": "uint16", "int": "int32", "unsignedInt": "uint32", "long": "int64",
    "unsignedLong": "uint64", "float": "float32", "double": "float64",
}  # fmt: skip
_BY_LENGTH = {
    "integer": {1: "int16", 2: "int32", 4: "int64"},
    "number": {1: "int16", 2: "float32", 4: "float64"},
    "decimal": {1: "int16", 2: "float32", 4: "float64"},
}
_LENGTHS = {"int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "float32": 2, "int64": 4, "uint64": 4, "float64": 4}
_ORDERS = {(True, True): "ABCD", (True, False): "CDAB", (False, True): "BADC", (False, False): "DCBA"}
_HREF = re.compile(r"/?(?:(\d{1,3})/)?(\d{1,5})/?")


def head(interface: Interface) -> dict[str, Any]:
    """Where the device is."""
    parts = urlsplit(interface.base)
    if not parts.hostname:
        raise Invalid(f"The base {interface.base!r} names no host.")
    return {"mode": "tcp", "host": parts.hostname, "port": parts.port or 502}


def tag(interface: Interface, point: Point) -> dict[str, Any]:
    """Where a value lies and how it is coded, in the connector's grammar."""
    form = {**interface.endpoint, **point.form}
    unit, number, quantity = _place(interface.base, form.get("href", ""))
    table = _table(form)
    first = 0 if _flag(form, "modv_zeroBasedAddressing", otherwise=False) else 1
    if not 0 <= number - first <= 65535:
        raise Invalid(f"The address {number} of {form['href']!r} lies outside the table; it counts from {first}.")
    made: dict[str, Any] = {"address": f"{unit}!{table}:{number - first}"}
    if table in ("coil", "discrete"):
        made["kind"] = "boolean"
    else:
        made |= _coded(made["address"], form, point, quantity)
    if milliseconds := form.get("modv_pollingTime"):
        made["every"] = f"{_positive(milliseconds, 'modv_pollingTime')}ms"
    return made | ({"writable": True} if "write" in form.get("modv_function", "").lower() and table != "input" else {})


def command(interface: Interface, point: Point) -> dict[str, Any]:
    """Where an action writes, as `tag` says it; Invalid where nothing can be written."""
    made = tag(interface, point)
    said = {**interface.endpoint, **point.form}.get("modv_function", "")
    table = made["address"].split("!", 1)[1].split(":", 1)[0]
    if table not in ("coil", "holding") or (said and "write" not in said.lower()):
        raise Invalid(f"The form reads ({said or table}); an action wants a function that writes.")
    return made | {"writable": True}


def _place(base: str, href: str) -> tuple[int, int, int]:
    """Unit, address and quantity; the unit may stand in the base instead."""
    parts = urlsplit(href)
    found = _HREF.fullmatch(parts.path)
    if found is None:
        raise Invalid(f"{href!r} is not a Modbus form: it wants /unit/address?quantity=n.")
    before = urlsplit(base).path.strip("/")
    unit = found[1] or (before if before.isdigit() else "1")
    quantity = parse_qs(parts.query).get("quantity", ["0"])[0]
    if int(unit) > 255 or not quantity.isdigit():
        raise Invalid(f"{href!r} is not a Modbus form: units end at 255, and quantities are numbers.")
    return int(unit), int(found[2]), int(quantity)


def _table(form: Mapping[str, str]) -> str:
    said = form.get("modv_function") or form.get("modv_entity") or ""
    table = _TABLES.get(said.lower())
    if table is None:
        raise Invalid(f"The form names no table: its modv_function or modv_entity is {said!r}.")
    return table


def _coded(address: str, form: Mapping[str, str], point: Point, quantity: int) -> dict[str, Any]:
    said = form.get("modv_type", "").rsplit(":", 1)[-1]
    if said == "boolean" or (not said and point.type == "boolean"):
        return {"address": f"{address}.0", "kind": "boolean"}
    if said == "string" or (not said and point.type == "string"):
        if not quantity:
            raise Invalid("A text needs the quantity of its registers in the href.")
        return {"address": f"{address}:string[{quantity * 2}]", "kind": "text"}
    if said == "unsignedByte":
        return {"address": f"{address}.0-7"}
    coded = _TYPES.get(said) or _BY_LENGTH.get(said or _wider(point.type), {}).get(quantity or 1)
    if coded is None:
        raise Invalid(f"{said or point.type or 'a value'} in {quantity or 1} registers cannot be read.")
    if quantity and quantity != _LENGTHS[coded]:
        raise Invalid(f"A {said} takes {_LENGTHS[coded]} registers, and the href asks for {quantity}.")
    order = _ORDERS[_flag(form, "modv_mostSignificantByte"), _flag(form, "modv_mostSignificantWord")]
    return {"address": f"{address}:{coded}" + ("" if order == "ABCD" else f":{order}")}


def _wider(type_: str) -> str:
    return "integer" if type_ == "integer" else "number"


def _flag(form: Mapping[str, str], term: str, *, otherwise: bool = True) -> bool:
    said = form.get(term, "").lower()
    return said in ("true", "1") if said else otherwise


def _positive(text: str, term: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise Invalid(f"{term} is {text!r}; it wants milliseconds.")
    return int(text)
