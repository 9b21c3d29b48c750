"""Twins over HTTP."""

from .commands import router as commands_router
from .files import router as files_router
from .footprints import router as footprints_router
from .graph import router as graph_router
from .interfaces import router as interfaces_router
from .passports import router as passports_router
from .pictures import router as pictures_router
from .record import router as record_router
from .relations import router as relations_router
from .routes import router
from .scenarios import router as scenarios_router
from .scenes import router as scenes_router
from .simulations import router as simulation_router
from .templates import router as templates_router

__all__ = [
    "commands_router", "files_router", "footprints_router", "graph_router", "interfaces_router", "passports_router",
    "pictures_router",
    "record_router", "relations_router", "router", "scenarios_router", "scenes_router", "simulation_router",
    "templates_router",
]  # fmt: skip
