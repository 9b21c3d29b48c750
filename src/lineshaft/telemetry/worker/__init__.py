"""What runs by itself where the store is: the recorder, the roller of rollups, retention, the guard of the disk."""

from .owner import Owner

__all__ = ["Owner"]
