"""The tree of what edge nodes declared: groups, nodes, devices, metrics with their last value."""

from __future__ import annotations

from lineshaft.edge.connectors import Node

from .fleet import EdgeNode, Fleet
from .metrics import BD_SEQ, Metric, Unit, is_control
from .values import kind_of


def below(fleet: Fleet, address: str) -> list[Node]:
    """What lies below an address: ``, `group`, `group/node`, `group/node/device`."""
    parts = address.split("/") if address else []
    if not parts:
        groups = sorted({group for group, _ in fleet.nodes})
        return [Node(address=group, name=group, has_children=True) for group in groups]
    if len(parts) == 1:
        nodes = sorted((edge, node) for (group, edge), node in fleet.nodes.items() if group == parts[0])
        return [_node(f"{parts[0]}/{edge}", edge, node.unit) for edge, node in nodes]
    node = fleet.nodes.get((parts[0], parts[1]))
    if node is None:
        return []
    if len(parts) == 2:
        return _devices(address, node) + _metrics(address, node.unit)
    unit = node.devices.get(parts[2])
    return [] if unit is None else _metrics(address, unit)


def _devices(address: str, node: EdgeNode) -> list[Node]:
    return [_node(f"{address}/{device}", device, unit) for device, unit in sorted(node.devices.items())]


def _node(address: str, name: str, unit: Unit) -> Node:
    state = "online" if unit.online else "offline"
    return Node(address=address, name=name, has_children=True, description=state)


def _metrics(address: str, unit: Unit) -> list[Node]:
    return [_metric(address, name, metric) for name, metric in sorted(unit.by_name.items()) if name != BD_SEQ]


def _metric(address: str, name: str, metric: Metric) -> Node:
    return Node(
        address=f"{address}|{name}",
        name=name,
        readable=not is_control(name),
        writable=True,
        kind=kind_of(metric.datatype),
        unit=metric.unit,
        value=metric.last,
    )
