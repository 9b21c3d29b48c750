"""Twins over HTTP."""

from .routes import router
from .simulations import router as simulation_router

__all__ = ["router", "simulation_router"]
