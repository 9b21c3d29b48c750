"""Reads the JSON form of an environment: decode, with its size and odd letters known before."""

from __future__ import annotations

import re
from typing import Any

import orjson

from .grammar import IDENTIFIABLES
from .limits import Limits
from .refusals import too_deep, too_large, unreadable

_ODD = re.compile(rb"\\u00(?:0[0-8bcef]|1[0-9a-f])|\\u[fF]{3}[eEfF]|\xef\xbf[\xbe\xbf]", re.IGNORECASE)
"""Escapes of letters that XML, and so the metamodel (AASd-130), does not have."""
_BOMS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def read_json(data: bytes | bytearray, limits: Limits) -> tuple[dict[str, Any], bool]:
    """The environment as it stands in the file, and whether odd letters must be looked for in it."""
    if bytes(data[:2]) in _BOMS:
        raise unreadable(f"JSON is encoded in {_BOMS[bytes(data[:2])]}; AAS files are UTF-8")
    nodes = sum(map(data.count, (b",", b"{", b"[")))
    if nodes > limits.nodes:
        raise too_large(f"The JSON has more than {limits.nodes} members and items")
    try:
        environment = orjson.loads(memoryview(data)[3 if data.startswith(b"\xef\xbb\xbf") else 0 :])
    except orjson.JSONDecodeError as error:
        if "recursion" in error.msg.lower() or "depth" in error.msg:
            raise too_deep(limits.depth) from None
        raise unreadable(f"JSON is broken at line {error.lineno}, column {error.colno}: {error.msg}") from None
    if not isinstance(environment, dict):
        raise unreadable(f"JSON holds {_NOUNS.get(type(environment), 'a value')}, not an environment object")
    if "assetAdministrationShells" not in environment and "modelType" in environment:
        raise unreadable(f"JSON holds one {environment['modelType']}, not an environment of lists")
    if "assets" in environment:
        raise unreadable("JSON is of metamodel 2.0 (it has a list of assets), and 3.0 and 3.1 are read")
    if environment and not environment.keys() & IDENTIFIABLES.keys():
        raise unreadable(f"JSON is no environment: it has none of the lists {', '.join(IDENTIFIABLES)}")
    return environment, _ODD.search(data) is not None


_NOUNS: dict[type, str] = {list: "a list", str: "a text", int: "a number", float: "a number", type(None): "null"}
