"""Screens of the plant: Overview, Asset, Plant model."""

from . import asset, overview, plant

__all__ = ["asset", "overview", "plant"]
