"""Makes working connections of the edge from descriptions of interfaces (IDTA 02017-1-1), actions included."""

from .acting import Doing
from .connecting import Described, LeftOut, connections_of
from .operations import operations_of
from .reading import Action, Argument, Interface, Point, interfaces_of

__all__ = [
    "Action", "Argument", "Described", "Doing", "Interface", "LeftOut", "Point", "connections_of", "interfaces_of",
    "operations_of",
]  # fmt: skip
