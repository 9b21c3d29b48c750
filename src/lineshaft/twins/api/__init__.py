"""Twins over HTTP."""

from .files import router as files_router
from .routes import router
from .simulations import router as simulation_router

__all__ = ["files_router", "router", "simulation_router"]
