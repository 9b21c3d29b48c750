"""What can be asked and done with the memory of the plant; permission is checked here."""

from .live import Live

__all__ = ["Live"]
