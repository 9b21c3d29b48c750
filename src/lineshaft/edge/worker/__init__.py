"""The edge at work: runners read machines, the outlet sends durable batches, the box answers questions."""

from .box import EdgeBox
from .outlet import Outlet
from .runner import Runner

__all__ = ["EdgeBox", "Outlet", "Runner"]
