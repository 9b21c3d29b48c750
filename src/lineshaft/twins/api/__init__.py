"""Twins over HTTP, below /api/v1/twins."""

from .routes import router

__all__ = ["router"]
