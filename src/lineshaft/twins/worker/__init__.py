"""What runs by itself: series find their place, twins their shell, values their topic, desires their machine."""

from .adopter import Adopter
from .beside import Beside
from .chronicler import Chronicler
from .deliverer import Deliverer
from .mirror import LOOK_S, ROOT, TICK_S, Mirror, payload
from .projector import Projector
from .shortener import Shortener

__all__ = [
    "LOOK_S",
    "ROOT",
    "TICK_S",
    "Adopter",
    "Beside",
    "Chronicler",
    "Deliverer",
    "Mirror",
    "Projector",
    "Shortener",
    "payload",
]
