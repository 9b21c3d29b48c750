"""The temperature of an electric motor from its load."""

from .mechanism import Motor

MECHANISM = Motor

__all__ = ["MECHANISM", "Motor"]
