"""Makes working connections of the edge from descriptions of interfaces (IDTA 02017-1-1)."""

from .connecting import Described, LeftOut, connections_of
from .reading import Interface, Point, interfaces_of

__all__ = ["Described", "Interface", "LeftOut", "Point", "connections_of", "interfaces_of"]
