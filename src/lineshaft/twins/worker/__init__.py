"""What runs by itself: series find their place in the tree, current values their topic, models their machine."""

from .adopter import Adopter
from .beside import Beside
from .mirror import LOOK_S, ROOT, TICK_S, Mirror, payload

__all__ = ["LOOK_S", "ROOT", "TICK_S", "Adopter", "Beside", "Mirror", "payload"]
