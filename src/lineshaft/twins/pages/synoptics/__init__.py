"""Screens of process pictures: all of them, one as it is now, and its editor."""

from . import editor, listing, screen

__all__ = ["editor", "listing", "screen"]
