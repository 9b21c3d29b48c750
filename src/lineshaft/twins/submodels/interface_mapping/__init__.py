"""Turns values read from machines into values of twins, by reference or by Lua (IDTA 02027-2-0)."""

from .mapping import Mapping, Sink, Source, mappings_of, run
from .sandbox import Script
from .wiring import Wiring, element_of, wired

__all__ = ["Mapping", "Script", "Sink", "Source", "Wiring", "element_of", "mappings_of", "run", "wired"]
