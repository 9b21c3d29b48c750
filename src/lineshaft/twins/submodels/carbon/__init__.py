"""Reads, adds up and writes carbon footprints of products (IDTA 02023-1-0)."""

from .exchange import from_pcf, to_pcf
from .footprint import Footprint, Process, as_submodel, footprints_of, roll_up

__all__ = ["Footprint", "Process", "as_submodel", "footprints_of", "from_pcf", "roll_up", "to_pcf"]
