"""What can be asked and done with the memory of the plant; permission is checked here."""

from .historian import Historian, latest_of
from .live import Live

__all__ = ["Historian", "Live", "latest_of"]
