"""Screens of the plant: Overview, Asset, Plant model, Twins."""

from . import asset, overview, plant, shells

__all__ = ["asset", "overview", "plant", "shells"]
