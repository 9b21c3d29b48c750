"""The battery passport of IDTA 02035 as Catena-X exchanges it, `battery_pass` 6.1.0, and back.

This folder is no template and so not on the shelf: it is what the parts 02035-1 to -7 do together.
"""

from .exchange import Exchanged, Loss, from_battery_pass, to_battery_pass

__all__ = ["Exchanged", "Loss", "from_battery_pass", "to_battery_pass"]
