"""Turns values read from machines into values of twins, by reference or by Lua (IDTA 02027-2-0)."""

from .mapping import Mapping, Sink, Source, mappings_of, run
from .sandbox import Script

__all__ = ["Mapping", "Script", "Sink", "Source", "mappings_of", "run"]
