"""Screens of the plant: Overview, Asset, Plant model, Twins, Twin."""

from . import asset, overview, plant, twin, twins

__all__ = ["asset", "overview", "plant", "twin", "twins"]
