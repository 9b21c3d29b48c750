"""Screens of the plant: Overview, Synoptics, Asset, Plant model, Types, Twins, Twin, Passport."""

from . import asset, library, overview, passport, plant, synoptics, twin, twins

__all__ = ["asset", "library", "overview", "passport", "plant", "synoptics", "twin", "twins"]
