"""What twins have machines do: values read now, values they should have, and what must hold before."""

from .delivery import Delivery
from .interlocks import Interlocks
from .live import LiveReads
from .machine import MachineOperations
from .setpoints import Setpoints, Wish
from .values import ElementValues, Written

__all__ = [
    "Delivery", "ElementValues", "Interlocks", "LiveReads", "MachineOperations", "Setpoints", "Wish", "Written",
]  # fmt: skip
