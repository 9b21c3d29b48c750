"""Reads the addresses people write: OPC UA node ids, with an optional array element behind.

    ns=2;s=Filler.Speed            namespace by index, identifier text
    nsu=urn:maker:plc;i=1042       namespace by URI, its index is looked up at connect
    i=2258                         namespace 0, identifier number
    ns=2;s=Temps[3]                one element of an array; [1,2] of a matrix
    ns=2;g=… · ns=2;b=…            GUID and opaque (base64) identifiers
    /0:Objects/2:PLC/2:Speed       browse path from the root folder, looked up at connect

Text form after OPC UA part 6, clause 5.3.1.10; browse paths after part 4, annex A, with '/' only (hierarchical
references) and '&' before a '/' that belongs to a name. Some PLCs name array elements inside the identifier
(`ns=3;s="DB1"."Temps"[3]`); such a node wins over the element of a node without the bracket.
"""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from asyncua import ua

from lineshaft.kernel.errors import Invalid

HINT = "Write ns=2;s=Name, nsu=urn:maker;s=Name or i=2258, with [3] behind for an array element."

_NODE = re.compile(r"(?:ns=(?P<index>\d{1,5});|nsu=(?P<uri>[^;]+);)?(?P<kind>[isgb])=(?P<id>.+)", re.DOTALL)
_STEP = re.compile(r"/(?:(?P<index>\d{1,5}):)?(?P<name>(?:&.|[^/&])+)")
_ROOT = 84
_ELEMENT = re.compile(r"\[(\d{1,9}(?:,\d{1,9})*)\]$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A node of some server and, for arrays, the place of one element."""

    namespace: int | str
    identifier: int | str | uuid.UUID | bytes
    element: tuple[int, ...] = ()
    literal: str | None = None
    """The identifier with its bracket, when the bracket may belong to it."""
    browse: tuple[tuple[int, str], ...] = ()
    """Steps from the root folder to the node, as namespace and name; the rest then names the root folder."""

    def node(self, namespaces: Sequence[str], *, literal: bool = False) -> ua.NodeId:
        """The node id on a server with these namespaces; Invalid when it lacks the one named."""
        identifier = self.literal if literal and self.literal is not None else self.identifier
        return ua.NodeId(identifier, self._index(namespaces))

    def _index(self, namespaces: Sequence[str]) -> int:
        if isinstance(self.namespace, int):
            return self.namespace
        if self.namespace not in namespaces:
            raise Invalid(
                f"The server has no namespace {self.namespace!r}.",
                hint=f"It has: {', '.join(namespaces)}.",
            )
        return namespaces.index(self.namespace)


def parse(text: str) -> Address:
    """Return the address, or raise Invalid saying what is wrong with it."""
    if text.strip().startswith("/"):
        return _browse(text.strip())
    found = _NODE.fullmatch(text.strip())
    if not found:
        raise Invalid(f"{text!r} is not an OPC UA node id.", hint=HINT)
    index = int(found["index"] or 0)
    if index > 65535:
        raise Invalid(f"{text!r} names namespace {index}; the highest is 65535.", hint=HINT)
    namespace = unquote(found["uri"]) if found["uri"] else index
    bare, element = _split(found["id"])
    return Address(
        namespace=namespace,
        identifier=_identifier(found["kind"], bare, text),
        element=element,
        literal=found["id"] if element and found["kind"] == "s" else None,
    )


def _browse(text: str) -> Address:
    steps = [(int(step["index"] or 0), re.sub(r"&(.)", r"\1", step["name"])) for step in _STEP.finditer(text)]
    if "".join(step[0] for step in _STEP.finditer(text)) != text or any(index > 65535 for index, _ in steps):
        raise Invalid(f"{text!r} is not an OPC UA browse path.", hint="Write /0:Objects/2:Machine/2:Speed.")
    return Address(namespace=0, identifier=_ROOT, browse=tuple(steps))


def spell(node: ua.NodeId, namespaces: Sequence[str]) -> str:
    """The address of a node, by namespace URI, so that it outlives a new order of namespaces."""
    body = _body(node)
    index = node.NamespaceIndex
    if index == 0:
        return body
    if index < len(namespaces):
        return f"nsu={namespaces[index].replace('%', '%25').replace(';', '%3B')};{body}"
    return f"ns={index};{body}"


def _body(node: ua.NodeId) -> str:
    identifier = node.Identifier
    if isinstance(identifier, int):
        return f"i={identifier}"
    if isinstance(identifier, uuid.UUID):
        return f"g={identifier}"
    if isinstance(identifier, bytes):
        return f"b={base64.b64encode(identifier).decode()}"
    return f"s={identifier}"


def _split(text: str) -> tuple[str, tuple[int, ...]]:
    found = _ELEMENT.search(text)
    if not found or found.start() == 0:
        return text, ()
    return text[: found.start()], tuple(int(step) for step in found[1].split(","))


def _identifier(kind: str, text: str, whole: str) -> int | str | uuid.UUID | bytes:
    try:
        if kind == "i":
            return _number(text)
        if kind == "g":
            return uuid.UUID(text)
        if kind == "b":
            return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        what = {"i": "a number up to 4294967295", "g": "a GUID", "b": "base64"}[kind]
        raise Invalid(f"{whole!r} is not an OPC UA node id: after '{kind}=' comes {what}.", hint=HINT) from error
    return text


def _number(text: str) -> int:
    number = int(text) if text.isdigit() else -1
    if not 0 <= number <= 0xFFFFFFFF:
        raise ValueError(text)
    return number
