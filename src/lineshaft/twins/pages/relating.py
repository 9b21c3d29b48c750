"""How relations are said on screens, from either end."""

from __future__ import annotations

from collections.abc import Mapping

from lineshaft.console import View, mark
from lineshaft.twins.metamodel import identifiers

KNOWN: Mapping[str, tuple[str, str]] = {
    "Feeds": (mark("feeds"), mark("is fed by")),
    "IsPartOf": (mark("is part of"), mark("has the part")),
    "LocatedIn": (mark("is located in"), mark("is the place of")),
    "ProducedBy": (mark("was produced by"), mark("produced")),
}
"""The relations the graph knows, as the twin says them at which they begin and at which they end."""
BACK = "<"
"""Before the name of a relation that is made from the other end."""


def phrase(view: View, name: str, *, out: bool) -> str:
    """A relation as a twin says it; names of people's own have an arrow in front where they end."""
    if name in KNOWN:
        return view.text(KNOWN[name][0 if out else 1])
    return name if out else f"← {name}"


def graph_address(shell: str) -> str:
    """The picture of everything around a twin."""
    return f"/twins?tab=graph&twin={identifiers.encode_id(shell)}"
