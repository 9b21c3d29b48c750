"""Shows what a server offers, one level at a time, with values, units and what may be written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from asyncua import ua

from lineshaft.edge.connectors import Node
from lineshaft.kernel.errors import NotFound
from lineshaft.kernel.terms import Kind, Value

from .address import parse, spell
from .link import Codes, Link
from .poll import fetch
from .space import ends, enumerations, properties, unit_of, value_of
from .values import element_of, to_text

_TOP = ua.NodeId(ua.ObjectIds.ObjectsFolder)
_MOST_ELEMENTS = 1000
_DESCRIBING = {
    "Definition", "EURange", "EngineeringUnits", "EnumStrings", "EnumValues", "FalseState", "InstrumentRange",
    "NodeVersion", "TrueState", "ValueAsText", "ValuePrecision",
}  # fmt: skip
_NUMBERS = {ua.ObjectIds.Float, ua.ObjectIds.Double, ua.ObjectIds.Number}
_WHOLE = set(range(ua.ObjectIds.SByte, ua.ObjectIds.UInt64 + 1)) | {ua.ObjectIds.Integer, ua.ObjectIds.UInteger}
_TEXTS = {ua.ObjectIds.String, ua.ObjectIds.LocalizedText, ua.ObjectIds.DateTime, ua.ObjectIds.Guid}


async def browse(link: Link, address: str) -> list[Node]:
    """What lies below a node; the elements, below an array. At the top what is the machine's own comes first."""
    if not address:
        return sorted(await _children(link, _TOP), key=lambda node: not node.address.startswith("ns"))
    at = parse(address)
    (walked,) = await ends(link, [at.browse]) if at.browse else (at.node(link.namespaces, literal=True),)
    if walked is None:
        raise NotFound(f"The server has no {address}.", hint="Browse from the top: it may have moved.")
    node = walked
    (there,) = await link.attributes([node], ua.AttributeIds.NodeClass)
    if there.StatusCode is not None and there.StatusCode.value == Codes.BadNodeIdUnknown:
        if not at.element:
            raise NotFound(f"The server has no {address}.", hint="Browse from the top: it may have moved.")
        return []
    elements = await _elements(link, node) if there.Value.Value == ua.NodeClass.Variable else []
    return elements + await _children(link, node)


async def _children(link: Link, parent: ua.NodeId) -> list[Node]:
    (below,) = await _references(link, [parent])
    nodes = [each.NodeId for each in below]
    grandchildren = await _references(link, nodes)
    variables = [each.NodeId for each in below if each.NodeClass == ua.NodeClass.Variable]
    told = dict(zip(variables, await _variables(link, variables), strict=True))
    return [
        _node(link, each, told.get(each.NodeId), has_children=bool(under))
        for each, under in zip(below, grandchildren, strict=True)
    ]


def _node(link: Link, reference: ua.ReferenceDescription, told: dict[str, Any] | None, *, has_children: bool) -> Node:
    name = reference.DisplayName.Text or reference.BrowseName.Name or ""
    address = spell(reference.NodeId, link.namespaces)
    if told is None:
        return Node(address=address, name=name, has_children=has_children)
    is_array = told.pop("is_array")
    return Node(address=address, name=name, has_children=has_children or is_array, **told)


async def _variables(link: Link, nodes: Sequence[ua.NodeId]) -> list[dict[str, Any]]:
    """Kind, value, unit, access and description of each variable."""
    raw = await fetch(link, nodes, range(len(nodes)))
    types = [value_of(dv) for dv in await link.attributes(nodes, ua.AttributeIds.DataType)]
    access = [value_of(dv) or 0 for dv in await link.attributes(nodes, ua.AttributeIds.AccessLevel)]
    ours = [value_of(dv) for dv in await link.attributes(nodes, ua.AttributeIds.UserAccessLevel)]
    texts = [value_of(dv) for dv in await link.attributes(nodes, ua.AttributeIds.Description)]
    names = await enumerations(link, nodes)
    found = await properties(link, [(node, name) for node in nodes for name in ("EngineeringUnits", "EURange")])
    told = []
    for row, node in enumerate(nodes):
        value = None if raw.status[row] >> 31 else raw.objects.get(row, raw.number[row])
        allowed = access[row] & (access[row] if ours[row] is None else ours[row])
        told.append(
            {
                "kind": _kind(types[row], value, names[row]),
                "value": _shown(value, names[row]),
                "is_array": isinstance(value, list),
                "unit": unit_of(found.get((node, "EngineeringUnits"))),
                "readable": bool(allowed & 1),
                "writable": bool(allowed & 2),
                "description": _description(texts[row], found.get((node, "EURange"))),
            }
        )
    return told


async def _references(link: Link, nodes: Sequence[ua.NodeId]) -> list[list[ua.ReferenceDescription]]:
    """Objects and variables directly below each node, without those that only describe it."""

    async def ask(part: Sequence[ua.NodeId]) -> Sequence[ua.BrowseResult]:
        params = ua.BrowseParameters()
        params.NodesToBrowse = [_wish(node) for node in part]
        results: Sequence[ua.BrowseResult] = await link.session.browse(params)
        return results

    below = []
    for result in await link.portioned("browse", nodes, ask):
        references = list(result.References or [])
        point = result.ContinuationPoint
        while point:
            more = ua.BrowseNextParameters()
            more.ContinuationPoints = [point]
            (result,) = await link.session.browse_next(more)  # noqa: PLW2901
            references += result.References or []
            point = result.ContinuationPoint
        below.append([each for each in references if each.BrowseName.Name not in _DESCRIBING])
    return below


def _wish(node: ua.NodeId) -> ua.BrowseDescription:
    wish = ua.BrowseDescription()
    wish.NodeId = node
    wish.BrowseDirection = ua.BrowseDirection.Forward
    wish.ReferenceTypeId = ua.NodeId(ua.ObjectIds.HierarchicalReferences)
    wish.IncludeSubtypes = True
    wish.NodeClassMask = ua.NodeClass.Object | ua.NodeClass.Variable
    wish.ResultMask = ua.BrowseResultMask.All
    return wish


async def _elements(link: Link, node: ua.NodeId) -> list[Node]:
    raw = await fetch(link, [node], [0])
    values = raw.objects.get(0)
    if not isinstance(values, list):
        return []
    (told,) = await _variables(link, [node])
    shown = list(_places(values))[:_MOST_ELEMENTS]
    return [_element(link, node, place, element_of(values, place), told) for place in shown]


def _places(values: list[Any]) -> Iterator[tuple[int, ...]]:
    for row, value in enumerate(values):
        if isinstance(value, list):
            yield from ((row, *rest) for rest in _places(value))
        else:
            yield (row,)


def _element(link: Link, node: ua.NodeId, place: tuple[int, ...], value: Any, told: dict[str, Any]) -> Node:
    text = f"[{','.join(str(step) for step in place)}]"
    return Node(
        address=spell(node, link.namespaces) + text,
        name=text,
        readable=told["readable"],
        writable=told["writable"],
        kind=_kind(None, value, {}),
        unit=told["unit"],
        value=_shown(value, {}),
    )


def _kind(data_type: ua.NodeId | None, value: Any, names: dict[int, str]) -> Kind | None:
    if names:
        return Kind.ENUM
    if isinstance(value, bool):
        return Kind.BOOLEAN
    if isinstance(value, int):
        return Kind.INTEGER
    if isinstance(value, float) and value == value:  # noqa: PLR0124 (not NaN)
        return Kind.NUMBER
    if value is not None and not isinstance(value, float):
        return Kind.TEXT
    number = data_type.Identifier if data_type is not None and data_type.NamespaceIndex == 0 else None
    kinds = ((_NUMBERS, Kind.NUMBER), (_WHOLE, Kind.INTEGER), (_TEXTS, Kind.TEXT), ({1}, Kind.BOOLEAN))
    return next((kind for numbers, kind in kinds if number in numbers), None)


def _shown(value: Any, names: dict[int, str]) -> Value | None:
    if isinstance(value, int) and names:
        return names.get(int(value), str(value))
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return to_text(value)


def _description(text: Any, span: Any) -> str:
    said = (text.Text or "").strip() if text is not None else ""
    if span is None:
        return said
    return f"{said} ({span.Low:g} to {span.High:g})".strip()
