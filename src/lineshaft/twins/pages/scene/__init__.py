"""A twin in three dimensions, with the list of its parts beside it."""

from .screen import SceneScreen

__all__ = ["SceneScreen"]
