"""Screens of the plant: Overview, Synoptics, Asset, Plant model, Twins, Twin."""

from . import asset, overview, plant, synoptics, twin, twins

__all__ = ["asset", "overview", "plant", "synoptics", "twin", "twins"]
