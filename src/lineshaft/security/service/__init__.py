"""What can be asked about people and permissions, and done about them."""

from .guard import Guard

__all__ = ["Guard"]
