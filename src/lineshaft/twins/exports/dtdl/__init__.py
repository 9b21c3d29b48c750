"""Twins as DTDL v3 interfaces: a shell has its submodels as components, a submodel its elements as contents.

DTDL says what a twin is like and carries no values; components do not nest, so collections become objects, which
DTDL ends at five levels. Names and texts are held to its limits.
"""

from .interfaces import export

__all__ = ["export"]
