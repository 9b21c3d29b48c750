"""The screen of one twin; a tab is added by adding a module to `tabs/`."""

from . import screen, tabs

__all__ = ["screen", "tabs"]
