"""Looks things up in a server's address space: tags to nodes, enumerations to words, properties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from asyncua import ua

from lineshaft.edge.connectors import Problem, Tag
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import Kind
from lineshaft.kernel.units import ucum

from .address import Address, parse
from .link import Link
from .table import Item, Pick

Property = tuple[ua.NodeId, str]


@dataclass(slots=True, kw_only=True)
class Plan:
    """What is to be read: items, and the tags whose address leads nowhere."""

    items: list[Item]
    lost: dict[int, Problem]


async def resolve(link: Link, tags: Sequence[Tag], wanted: Sequence[int]) -> Plan:
    """Find the node of every wanted tag; tags of the same node and pace share one item."""
    addresses: dict[int, Address] = {}
    lost: dict[int, Problem] = {}
    for index in wanted:
        try:
            addresses[index] = parse(tags[index].address)
            addresses[index].node(link.namespaces)
        except Invalid as error:
            addresses.pop(index, None)
            lost[index] = Problem(path=tags[index].path, message=error.message, hint=error.hint)
    lost |= await _walk(link, tags, addresses)
    literal = await _literals(link, addresses)
    items: dict[tuple[ua.NodeId, float], Item] = {}
    for index, address in addresses.items():
        whole = index in literal
        node = address.node(link.namespaces, literal=whole)
        every = tags[index].every.total_seconds() * 1000
        item = items.setdefault((node, every), Item(handle=len(items), node=node, every_ms=every))
        item.picks.append(Pick(tag=index, element=() if whole else address.element))
    plan = Plan(items=list(items.values()), lost=lost)
    await _name(link, tags, plan.items)
    await _learn_structures(link, tags, plan.items)
    return plan


async def _walk(link: Link, tags: Sequence[Tag], addresses: dict[int, Address]) -> dict[int, Problem]:
    """Put the node at the end of each browse path in its place; those that lead nowhere are taken out and named."""
    browsed = [index for index, address in addresses.items() if address.browse]
    lost: dict[int, Problem] = {}
    for index, node in zip(browsed, await ends(link, [addresses[i].browse for i in browsed]), strict=True):
        if node is None:
            del addresses[index]
            message = f"The server has no node at {tags[index].address}."
            lost[index] = Problem(path=tags[index].path, message=message, hint="Browse the server for its name.")
        else:
            addresses[index] = Address(namespace=node.NamespaceIndex, identifier=node.Identifier)
    return lost


async def _literals(link: Link, addresses: Mapping[int, Address]) -> set[int]:
    """Tags whose bracket is part of a node's identifier on this server."""
    doubtful = [index for index, address in addresses.items() if address.literal]
    nodes = [addresses[index].node(link.namespaces, literal=True) for index in doubtful]
    found = await link.attributes(nodes, ua.AttributeIds.NodeClass)
    return {index for index, value in zip(doubtful, found, strict=True) if _good(value)}


async def _name(link: Link, tags: Sequence[Tag], items: Sequence[Item]) -> None:
    """Give the items of enumeration tags their words: the tag's own, or the server's."""
    unnamed = []
    for item in items:
        enums = [tags[pick.tag] for pick in item.picks if tags[pick.tag].kind is Kind.ENUM]
        own = next((tag.options["names"] for tag in enums if "names" in tag.options), None)
        if own is not None:
            item.names = {int(number): str(word) for number, word in own.items()}
        elif enums:
            unnamed.append(item)
    words = await enumerations(link, [item.node for item in unnamed])
    for item, names in zip(unnamed, words, strict=True):
        item.names = names


async def _learn_structures(link: Link, tags: Sequence[Tag], items: Sequence[Item]) -> None:
    """Load the server's own structures when a text tag may hold one; without, their values come as bytes."""
    texts = [item.node for item in items if any(tags[pick.tag].kind is Kind.TEXT for pick in item.picks)]
    types = [value_of(dv) for dv in await link.attributes(texts, ua.AttributeIds.DataType)]
    if any(isinstance(each, ua.NodeId) and each.NamespaceIndex for each in types):
        with suppress(ua.UaError, ValueError, TypeError, KeyError, AttributeError):
            await link.client.load_data_type_definitions()


async def enumerations(link: Link, nodes: Sequence[ua.NodeId]) -> list[dict[int, str]]:
    """The words of each variable's enumeration; empty where it has none. Part 3, clause 8.40; part 8, clause 5.3.3."""
    types = [value_of(dv) for dv in await link.attributes(nodes, ua.AttributeIds.DataType)]
    places = {*nodes, *(each for each in types if isinstance(each, ua.NodeId))}
    wanted = [(place, name) for place in places for name in ("EnumStrings", "EnumValues", "TrueState", "FalseState")]
    found = await properties(link, wanted)
    definitions = dict(
        zip(places, await link.attributes(list(places), ua.AttributeIds.DataTypeDefinition), strict=True)
    )
    words = {place: _words(place, found, value_of(definitions[place])) for place in places}
    return [words[node] or words.get(kind, {}) for node, kind in zip(nodes, types, strict=True)]


def _words(place: ua.NodeId, found: Mapping[Property, Any], definition: Any) -> dict[int, str]:
    if values := found.get((place, "EnumValues")):
        return {int(each.Value): each.DisplayName.Text or "" for each in values}
    if strings := found.get((place, "EnumStrings")):
        return {number: text.Text or "" for number, text in enumerate(strings)}
    if isinstance(definition, ua.EnumDefinition):
        return {int(each.Value): each.Name or each.DisplayName.Text or "" for each in definition.Fields}
    states = {1: found.get((place, "TrueState")), 0: found.get((place, "FalseState"))}
    return {number: text.Text or "" for number, text in states.items() if text is not None}


async def properties(link: Link, wanted: Sequence[Property]) -> dict[Property, Any]:
    """Values of properties by node and name; those that do not exist are left out."""
    nodes = await _targets(link, wanted)
    there = [key for key, node in zip(wanted, nodes, strict=True) if node is not None]
    values = await link.attributes([node for node in nodes if node is not None])
    return {key: value_of(dv) for key, dv in zip(there, values, strict=True) if value_of(dv) is not None}


async def units(link: Link, nodes: Sequence[ua.NodeId]) -> dict[ua.NodeId, str]:
    """The engineering unit of each variable in UCUM, empty where it has none. Part 8, clause 5.3.2.

    Nothing at all when the server cannot look up properties: it serves values all the same.
    """
    with suppress(ua.UaError):
        found = await properties(link, [(node, "EngineeringUnits") for node in nodes])
        return {node: unit_of(found.get((node, "EngineeringUnits"))) for node in nodes}
    return {}


def unit_of(information: Any) -> str:
    """What an EUInformation shows, in UCUM."""
    return ucum(information.DisplayName.Text or "") if information is not None else ""


async def _targets(link: Link, wanted: Sequence[Property]) -> list[ua.NodeId | None]:
    return await _translated(link, [_path(node, [(0, name)], ua.ObjectIds.HasProperty) for node, name in wanted])


async def ends(link: Link, paths: Sequence[Sequence[tuple[int, str]]]) -> list[ua.NodeId | None]:
    root = ua.NodeId(ua.ObjectIds.RootFolder)
    return await _translated(link, [_path(root, steps, ua.ObjectIds.HierarchicalReferences) for steps in paths])


async def _translated(link: Link, paths: Sequence[ua.BrowsePath]) -> list[ua.NodeId | None]:
    """The node at the end of each path (part 4, clause 5.9.4); None where there is none."""

    async def translate(part: Sequence[ua.BrowsePath]) -> Sequence[ua.BrowsePathResult]:
        results: Sequence[ua.BrowsePathResult] = await link.session.translate_browsepaths_to_nodeids(list(part))
        return results

    results = await link.portioned("translate", paths, translate)
    return [each.Targets[0].TargetId if each.StatusCode.is_good() and each.Targets else None for each in results]


def _path(node: ua.NodeId, steps: Sequence[tuple[int, str]], reference: int) -> ua.BrowsePath:
    path = ua.BrowsePath()
    path.StartingNode = node
    path.RelativePath.Elements = [_step(index, name, reference) for index, name in steps]
    return path


def _step(index: int, name: str, reference: int) -> ua.RelativePathElement:
    step = ua.RelativePathElement()
    step.ReferenceTypeId = ua.NodeId(reference)
    step.IsInverse = False
    step.IncludeSubtypes = True
    step.TargetName = ua.QualifiedName(name, index)
    return step


def _good(value: ua.DataValue) -> bool:
    return value.StatusCode is None or value.StatusCode.is_good()


def value_of(data: ua.DataValue) -> Any:
    return data.Value.Value if _good(data) and data.Value is not None else None
