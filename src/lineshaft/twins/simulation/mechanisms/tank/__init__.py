"""A tank whose level follows from what flows in and out."""

from .mechanism import Tank

MECHANISM = Tank

__all__ = ["MECHANISM", "Tank"]
