"""Screens of process pictures: all of them, one as it is now, and its editor."""

from . import editor, listing, screen
from .links import draw_links, pictures_of

__all__ = ["draw_links", "editor", "listing", "pictures_of", "screen"]
