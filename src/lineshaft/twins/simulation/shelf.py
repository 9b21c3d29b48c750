"""The shelf of mechanisms: folders here, and entry points of the group `lineshaft.twins.simulation.mechanisms`."""

from __future__ import annotations

from lineshaft.kernel.plugins import Shelf

from .mechanism import Mechanism

SHELF = Shelf("lineshaft.twins.simulation.mechanisms", what="mechanism")


def mechanism(name: str) -> Mechanism:
    """The mechanism of that name; Invalid with the nearest when there is none."""
    made: Mechanism = SHELF.get(name).load().MECHANISM()
    return made
