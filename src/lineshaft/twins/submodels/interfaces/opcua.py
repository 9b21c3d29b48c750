"""OPC UA forms as addresses of the connector (OPC UA binding of IDTA 02017-1-1, terms `uav_…`).

The node stands in `href` as `?id=nsu=urn:maker;s=Name`, or as a node id or browse path in `uav_browsePath` or `href`:
`/0:Objects/2:PLC01/2:Speed`, from the root folder, each step with its namespace. An action is a method: its object is
the step before it, or what `uav_componentOf` names; without both the connector asks the server whose method it is.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote, urlsplit

from lineshaft.kernel.errors import Invalid

from .reading import Action, Interface, Point

_NODE = re.compile(r"(?:ns=\d{1,5};|nsu=[^;]+;)?[isgb]=.+")
_BROWSE = re.compile(r"(?:/[^/]+)+")
_LAST = re.compile(r"/(?:&.|[^/&])*\Z")
_MODES = {"none": "None", "sign": "Sign", "signandencrypt": "SignAndEncrypt"}
_TERMS = {"1": "None", "2": "Sign", "3": "SignAndEncrypt"}


def head(interface: Interface) -> dict[str, Any]:
    """Where the server is, and how its channel is secured."""
    parts = urlsplit(interface.base)
    if not parts.hostname:
        raise Invalid(f"The base {interface.base!r} names no host.")
    made: dict[str, Any] = {"url": interface.base}
    for scheme in interface.security:
        mode = scheme.get("uav_securityMode", "").rsplit("#", 1)[-1]
        security = _MODES.get(mode.lower()) or _TERMS.get(mode)
        if security and security != "None":
            policy = scheme.get("uav_securityPolicy", "").rsplit("#", 1)[-1].rsplit("/", 1)[-1]
            made |= {"security": security} | ({"policy": policy} if policy not in ("", "None") else {})
    return made


def method(action: Action) -> dict[str, Any]:
    """The method of an action, and its object where that is known."""
    node = tag(action)["address"]
    said = action.form.get("uav_componentOf", "").strip()
    before = _LAST.sub("", node) if node.startswith("/") else ""
    object_ = said or before
    return {"method": node} | ({"object": object_} if object_ else {})


def tag(point: Point | Action) -> dict[str, Any]:
    """The node of a value."""
    href = point.form.get("href", "")
    said = href.partition("id=")[2] if "id=" in href and href.lstrip("/").startswith("?") else ""
    for text in (unquote(said), point.form.get("uav_browsePath", ""), href):
        if _NODE.fullmatch(text.lstrip("/")):
            return {"address": text.lstrip("/")}
        if _BROWSE.fullmatch(text):
            return {"address": text}
    raise Invalid(f"The form names no node: neither {href!r} nor uav_browsePath is a node id or browse path.")
