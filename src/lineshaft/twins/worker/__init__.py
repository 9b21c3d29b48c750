"""What runs by itself: series find their place, twins their shell, values their topic, models their machine."""

from .adopter import Adopter
from .beside import Beside
from .mirror import LOOK_S, ROOT, TICK_S, Mirror, payload
from .projector import Projector

__all__ = ["LOOK_S", "ROOT", "TICK_S", "Adopter", "Beside", "Mirror", "Projector", "payload"]
