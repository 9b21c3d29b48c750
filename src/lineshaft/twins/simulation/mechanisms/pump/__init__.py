"""A centrifugal pump: head, efficiency and power from speed and flow."""

from .mechanism import Pump

MECHANISM = Pump

__all__ = ["MECHANISM", "Pump"]
