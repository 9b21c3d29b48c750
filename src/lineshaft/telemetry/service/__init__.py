"""What can be asked and done with the memory of the plant; permission is checked here."""

from .historian import Historian, latest_of
from .imports import Imports
from .intake import Intake, batch_of
from .live import Live

__all__ = ["Historian", "Imports", "Intake", "Live", "batch_of", "latest_of"]
