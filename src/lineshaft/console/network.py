"""Draws things and what relates them: nodes and arrows that arrange themselves, coloured by relation.

    network(
        [Node(id="p", label="Pump", href="/twins/…"), Node(id="t", label="Tank", href="/twins/…")],
        [Arrow(source="p", target="t", kind="feeds")],
        centre="p", label=view.text("Around the pump"),
    )

Pressing a node goes to its address. Arrow keys go from node to node, the nearest first, and Enter goes there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from .live import Live
from .trend import CHART_LIBRARY
from .view import text

assert CHART_LIBRARY  # the component draws with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One thing; without an address it is drawn hollow. `note` is the quiet line of its tip."""

    id: str
    label: str
    href: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """One relation; all of one kind have the same colour."""

    source: str
    target: str
    kind: str


class Network(Live, component="assets/ls_network.js"):
    """Nodes and arrows."""

    def show(self, nodes: Sequence[Node], arrows: Sequence[Arrow], *, centre: str) -> None:
        """Draw others."""
        self.patch(**_drawn(nodes, arrows), centre=centre)


def network(nodes: Sequence[Node], arrows: Sequence[Arrow], *, centre: str, label: str) -> Network:
    """A picture of things around one; see the module. Kinds of relations can be hidden one by one."""
    return Network(
        **_drawn(nodes, arrows),
        centre=centre,
        label=label,
        words={
            "legend": text("Show or hide"),
            "in": text("Zoom in"),
            "out": text("Zoom out"),
            "whole": text("Show all of it"),
            "png": text("Save picture"),
            "keys": text("Arrow keys go from one to the next, Enter opens it."),
        },
    )


def _drawn(nodes: Sequence[Node], arrows: Sequence[Arrow]) -> dict[str, object]:
    return {
        "nodes": [asdict(node) for node in nodes],
        "arrows": [asdict(arrow) for arrow in arrows],
        "kinds": list(dict.fromkeys(arrow.kind for arrow in arrows)),
    }
