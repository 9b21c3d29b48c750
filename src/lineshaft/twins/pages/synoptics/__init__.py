"""Screens of process pictures: all of them, one as it is now, and its editor."""

from . import listing, screen

__all__ = ["listing", "screen"]
